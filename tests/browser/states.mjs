// When a backend's new state is on the pages: windows stand open on them before it changes.
import { Viewer } from './viewer.mjs';

const WORDS = { up: 'up', down: 'down', drain: 'draining', disabled: 'disabled', unknown: 'not known' };
const PAGES = { backends: /backends/i, topology: /backends/i };

/** The cell's words as soon as they are this state's; polled in the page, as often as it is drawn. */
async function stateOnPage(viewer, { service, pool, backend }, state, timeout) {
  await viewer.page.waitForFunction(({ parts, word }) => [...document.querySelectorAll('tbody tr')].some((row) => {
    const cells = [...row.cells].map((cell) => cell.textContent.trim());
    return parts.every((part) => cells.some((cell) => cell.split(/[\s/]+/).includes(part))) && cells.some((cell) => cell.split(/\s/)[0] === word || cell === word);
  }), { parts: [service, pool, backend].filter((part, at, all) => all.indexOf(part) === at), word: WORDS[state] }, { polling: 'raf', timeout });
  return Date.now() / 1000;
}

async function watch({ browser, base, windows, state, ...subject }) {
  for (const name of Object.keys(PAGES)) {
    const viewer = await Viewer.open(browser, base);
    windows.set(name, viewer);
    await viewer.goto(`/${name}`);
    await stateOnPage(viewer, subject, state, 10_000);
  }
  return {};
}

/** {at: {page: seconds since 1970}}: when each of the windows had it. */
async function seen({ windows, state, seconds, ...subject }) {
  const names = Object.keys(PAGES);
  const times = await Promise.all(names.map((name) => stateOnPage(windows.get(name), subject, state, seconds * 1000)));
  const findings = names.flatMap((name) => windows.get(name).takeFaults().map((fault) => `/${name}: ${fault}`));
  return { findings, figures: { at: Object.fromEntries(names.map((name, at) => [name, times[at]])) } };
}

export const cases = { watch, seen };
