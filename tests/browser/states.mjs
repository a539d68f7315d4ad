// When a backend's new state is on the pages: windows stand open on them before it changes.
import { showAll } from './tables.mjs';
import { Viewer } from './viewer.mjs';

const WORDS = { up: 'up', down: 'down', drain: 'draining' };
const RED = 'c-fail';

// In the page; each is true as soon as a person can see the state there, in its word and, where it is down, in red.
const SIGHTS = {
  backends: ({ service, backend, word, red }) => {
    let heading = '';
    return [...document.querySelectorAll('table.bt tbody tr')].some((row) => {
      if (row.querySelector('th[scope="rowgroup"]')) heading = row.querySelector('.bt-fold').textContent.trim();
      const state = row.querySelector('.state');
      return heading === service && row.querySelector('a')?.textContent === backend && state?.textContent.trim() === word && state.classList.contains(red) === (word === 'down');
    });
  },
  topology: ({ service, pool, backend, state: name, word, red }) => {
    const mark = [...document.querySelectorAll('.map .node')].find((node) => {
      const words = node.getAttribute('aria-label');
      return words.startsWith(`${backend} `) && words.includes(`, in ${pool}, ${name},`);
    });
    const row = [...document.querySelectorAll('tbody tr')].find(({ cells }) => cells[0].textContent.trim() === service && cells[1].textContent.trim() === `${backend} in ${pool}`);
    const cell = row?.querySelector('.state');
    return mark !== undefined && mark.classList.contains(red) === (word === 'down') && cell?.textContent.trim() === word;
  },
};

/** Seconds since 1970 at which it was there; looked at whenever the page is drawn. */
async function sight(viewer, name, { state, ...subject }, timeout) {
  await viewer.page.waitForFunction(SIGHTS[name], { ...subject, state, word: WORDS[state], red: RED }, { polling: 'raf', timeout });
  return Date.now() / 1000;
}

async function watch({ browser, base, windows, service, pool, backend, state }) {
  for (const name of Object.keys(SIGHTS)) {
    const viewer = await Viewer.open(browser, base, { width: 1440, height: 900 });
    windows.set(name, viewer);
    await viewer.goto(`/${name}`);
    await showAll(viewer.page);
    await sight(viewer, name, { service, pool, backend, state }, 10_000);
  }
  return {};
}

/** {at: {page: seconds since 1970}}: when each of the windows had it. With `folder`: a picture of each. */
async function seen({ windows, folder, service, pool, backend, state, seconds }) {
  const names = Object.keys(SIGHTS);
  const times = await Promise.all(names.map((name) => sight(windows.get(name), name, { service, pool, backend, state }, seconds * 1000)));
  if (folder) await Promise.all(names.map((name) => windows.get(name).page.screenshot({ path: `${folder}/${name}-${state}.png` })));
  const findings = names.flatMap((name) => windows.get(name).takeFaults().map((fault) => `/${name}: ${fault}`));
  return { findings, figures: { at: Object.fromEntries(names.map((name, at) => [name, times[at]])) } };
}

export const cases = { watch, seen };
