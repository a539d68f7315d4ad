// A page by keyboard alone: Tab comes to everything that can be clicked, each place shows that it has the focus.

const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';

/** Presses Tab until it has been everywhere. A line for each element that it never came to, or whose focus can't be seen. */
export async function keyboardFindings(page) {
  await page.evaluate((selector) => {
    // Of radio buttons of one name Tab comes to one; tabindex="-1" is for scripts and arrow keys.
    const reachable = (element) => element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true }) &&
      !element.closest('[inert]') && !(element.type === 'radio' && !element.checked);
    window.unvisited = new Set([...document.querySelectorAll(selector)].filter(reachable));
    window.unseen = [];
    document.activeElement?.blur();
  }, FOCUSABLE);
  const total = await page.evaluate(() => window.unvisited.size);
  if (total === 0) return ['nothing on this page can be focused'];
  for (let pressed = 0; pressed < 2 * total + 20; pressed++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(visit)) break;
  }
  return page.evaluate(() => {
    const name = (element) => `<${element.tagName.toLowerCase()}> ${(element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 60)}`;
    const left = [...window.unvisited].filter((element) => element.isConnected && element.checkVisibility());
    return [...left.map((element) => `Tab never comes to ${name(element)}`),
      ...window.unseen.map((element) => `the focus can't be seen on ${name(element)}`)];
  });
}

/** "?" lists the keys, Escape puts the list away. */
export async function helpFindings(page) {
  const list = page.getByRole('dialog', { name: 'Keyboard' });
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('?');
  if (!(await shows(list, 'visible'))) return ['"?" lists no keys'];
  await page.keyboard.press('Escape');
  return (await shows(list, 'hidden')) ? [] : ["Escape doesn't close the list of keys"];
}

const shows = (locator, state) => locator.waitFor({ state, timeout: 3_000 }).then(() => true, () => false);

/** In the page: notes where the focus is; true when it has been everywhere. */
function visit() {
  const element = document.activeElement;
  if (element && element !== document.body && window.unvisited.delete(element)) {
    const style = getComputedStyle(element);
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    if (!outlined && style.boxShadow === 'none') window.unseen.push(element);
  }
  return ![...window.unvisited].some((other) => other.isConnected);
}
