// What a page shows beside what the API has just told it. A page draws one frame (or answer) at a time, so everything that is read in one go
// has to fit one of the newest two.
import { misfit } from './figures.mjs';
import { readTables } from './tables.mjs';

// Less with everything that doesn't fit, so that many such things are told before who asked has given up.
const LEAST_PATIENCE_MS = 1_500;
let patienceMs = 6_000;

const WORDS = { drain: 'draining', unknown: 'not known' };
export const stateWord = (state) => WORDS[state] ?? state;

/** Both give "" or what differs. */
export const same = (text, value) => (String(text) === String(value) ? '' : `"${text}" for "${value}"`);
export const begins = (text, value) => (text === value || text.startsWith(`${value} `) ? '' : `"${text}" for "${value}"`);

/** A column's figure is the entry's `key`. */
export const of = (key, options) => (text, entry) => misfit(text, entry[key], options);

/** Reads the page until it fits one of the candidates; the fewest misfits if it never does. */
export async function untilFits(read, candidates, judge) {
  const deadline = Date.now() + patienceMs;
  let last = ['nothing came to compare with'];
  do {
    const shown = await read();
    const found = candidates().map((told) => judge(shown, told).filter(Boolean));
    if (found.some((misfits) => misfits.length === 0)) return [];
    if (found.length > 0) last = found.reduce((best, misfits) => (misfits.length < best.length ? misfits : best));
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (Date.now() < deadline);
  patienceMs = Math.max(LEAST_PATIENCE_MS, patienceMs / 2);
  return last;
}

/** columns: {header: (cell, entry) => misfit}. Each entry has its row, and no row is left over. */
export function rowMisfits(rows, entries, belongs, columns, name) {
  const absent = Object.keys(columns).filter((header) => rows.length > 0 && !(header in rows[0]));
  if (absent.length > 0) return [`no columns ${absent.join(', ')}; there are ${Object.keys(rows[0]).join(', ')}`];
  const findings = rows.length === entries.length ? [] : [`${rows.length} rows for ${entries.length} entries`];
  for (const entry of entries) {
    const row = rows.find((one) => belongs(one, entry));
    if (!row) findings.push(`no row for ${name(entry)}`);
    for (const [header, differs] of row ? Object.entries(columns) : []) {
      const words = differs(row[header], entry);
      if (words) findings.push(`${name(entry)}, ${header}: ${words}`);
    }
  }
  return findings;
}

/** Rows of the table with this name; none where the page says in words that there is nothing. */
export async function rowsOf(viewer, name) {
  const found = (await readTables(viewer.page)).find((table) => name.test(table.name));
  return found?.rows ?? [];
}

/** Texts beside their names in a list of facts (dt and dd). */
export const facts = (viewer, list) => viewer.page.evaluate((selector) => {
  const text = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll('.help, [popover], [aria-hidden="true"]').forEach((extra) => extra.remove());
    return copy.textContent.replace(/\s+/g, ' ').trim();
  };
  return Object.fromEntries([...document.querySelectorAll(`${selector} dt`)].map((name) => [text(name), text(name.nextElementSibling)]));
}, list);

/** Every two of the lists. */
export const pairs = (some, others) => some.flatMap((one) => others.map((other) => [one, other]));

export const answers = (viewer, path, fits) => () => viewer.newest(path, fits);
export const frames = (viewer) => () => [...viewer.newest('stream'), ...viewer.frames.map(({ frame }) => frame)].sort((a, b) => b.t - a.t).slice(0, 3);
