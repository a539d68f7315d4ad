// A link with a service and a time, opened in a new window, shows that service and that time and nothing else.
import { begins, same } from './comparing.mjs';
import { keptOverview } from './figure_cases.mjs';
import { retries } from './history_cases.mjs';
import { Viewer } from './viewer.mjs';

const RANGE = { key: '15m', label: '15 min', seconds: 900 };

/** What the bar above the page has as chosen. */
async function choiceMisfits(viewer, link, service) {
  const { page } = viewer;
  const pressed = await page.locator('.range-buttons [aria-pressed="true"]').allTextContents();
  const { pathname, search } = new URL(page.url());
  return [same(pathname + search, link), same(await page.locator('#service').inputValue(), service), same(pressed.join(), RANGE.label)];
}

/** Everything with a window or a beginning that this page asked for was of this time, and of this service. */
function questionMisfits(viewer, paths, service) {
  return viewer.answers.filter(({ path }) => paths.includes(path)).flatMap(({ path, query }) => {
    const seconds = Number(query.window ?? query.to - query.from);
    return [same(query.service ?? '', service), Math.abs(seconds - RANGE.seconds) <= 1 ? '' : `${seconds} s were asked for`].filter(Boolean).map((words) => `${path}: ${words}`);
  });
}

const PAGES = [
  { path: '/', asked: ['kpis', 'timeseries'], look: async (viewer, fits, service) => [
    ...await keptOverview(viewer, fits, true),
    ...(await viewer.page.locator('main table tbody th a').allTextContents()).map((name) => begins(name, service))] },
  { path: '/retries', asked: ['retries', 'timeseries'], look: retries },
];

export async function deepLink({ browser, base, service: wanted }) {
  const findings = [];
  for (const { path, asked, look } of PAGES) {
    const viewer = await Viewer.open(browser, base, { width: 1440, height: 900 });
    try {
      const service = wanted ?? (await viewer.ask('/api/v1/vips')).body.services[0].name;
      const link = `${path}?range=${RANGE.key}&service=${encodeURIComponent(service)}`;
      await viewer.goto(link);
      const fits = (query) => query.service === service && Number(query.window) === RANGE.seconds;
      const found = [...await look(viewer, fits, service), ...await choiceMisfits(viewer, link, service), ...questionMisfits(viewer, asked, service), ...viewer.takeFaults()];
      findings.push(...found.filter(Boolean).map((finding) => `${link}: ${finding}`));
    } finally {
      await viewer.close();
    }
  }
  return { findings };
}
