// Tables of a page as values, and whether each chart has one.

/** [{name, headers: [text], rows: [{header: text}], links: [href]}] of all tables that the page has now; links: the first of each row. Under a group
 * of columns the header is "Group: text", the second of a name is "text (2)". */
export async function readTables(page) {
  return page.evaluate(() => {
    // What is shown, without what is only drawn or opens on a press; elements of a cell are parted by a space.
    const text = (element) => {
      const copy = element.cloneNode(true);
      copy.querySelectorAll('.help, [popover], [aria-hidden="true"]').forEach((extra) => extra.remove());
      const walk = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
      let words = '';
      let before = null;
      while (walk.nextNode()) {
        words += (before === walk.currentNode.parentNode ? '' : ' ') + walk.currentNode.data;
        before = walk.currentNode.parentNode;
      }
      return words.replace(/\s+/g, ' ').trim();
    };
    const spread = (row) => [...row.cells].flatMap((cell) => Array(cell.colSpan).fill(text(cell)));
    return [...document.querySelectorAll('table')].map((table) => {
      const heads = [...(table.tHead?.rows ?? [])].map(spread);
      const named = (heads.at(-1) ?? []).map((head, at) => (heads.length > 1 && heads[0][at] ? `${heads[0][at]}: ${head}` : head));
      const headers = named.map((head, at) => (named.indexOf(head) < at ? `${head} (2)` : head));
      const lines = [...table.querySelectorAll('tbody tr')];
      const rows = lines.map((row) => Object.fromEntries([...row.cells].map((cell, at) => [headers[at], text(cell)])));
      const links = lines.map((row) => row.querySelector('a')?.getAttribute('href') ?? '');
      return { name: table.caption ? text(table.caption) : table.getAttribute('aria-label') ?? '', headers, rows, links };
    });
  });
}

/** Long tables show their first rows only. */
export async function showAll(page) {
  const buttons = page.getByRole('button', { name: /^Show all \d/ });
  while ((await buttons.count()) > 0) await buttons.first().click(); // each says "Show the first …" afterwards
}

/** Turns every chart into its table and back. A line for each drawing that has no table, or whose table is empty. */
export async function chartFindings(page) {
  const findings = [];
  const charts = page.locator('.chart');
  for (let at = 0, count = await charts.count(); at < count; at++) {
    const chart = charts.nth(at);
    if ((await chart.locator('.plot').count()) === 0) continue; // it says in words that there is nothing to draw
    const name = await chart.locator('.plot').getAttribute('aria-label');
    await chart.getByRole('button', { name: 'Table' }).click();
    if ((await chart.locator('tbody tr').count()) === 0) findings.push(`the table of "${name}" is empty`);
    await chart.getByRole('button', { name: 'Chart' }).click();
    await chart.locator('.plot').waitFor();
  }
  // Any other drawing with a name of its own stands in a panel with a table.
  findings.push(...await page.evaluate(() => [...document.querySelectorAll('main svg[role="img"], main canvas[role="img"], main [role="img"] > canvas')]
    .filter((drawing) => !drawing.closest('.chart, table, .card') && drawing.getBoundingClientRect().height >= 60)
    .filter((drawing) => !drawing.closest('section')?.querySelector('table'))
    .map((drawing) => `no table beside "${drawing.getAttribute('aria-label')}"`)));
  return findings;
}
