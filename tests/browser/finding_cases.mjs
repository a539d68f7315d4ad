// What was found, beside what the API says of it: anomalies, incidents, one incident, the open ones of the overview.
import { frames, pairs, rowMisfits, same, untilFits } from './comparing.mjs';
import { misfit } from './figures.mjs';
import { readTables } from './tables.mjs';

const WORDS = {
  up: 'health', failures: 'share of flows that failed', latency: 'time to connect', syn_retransmits: 'SYNs sent again, for each flow',
  reconnects: 'share of flows that are a second attempt', flows: 'flows opened a second', active_flows: 'flows open at once', share: "share of the pool's flows",
  cpu: 'CPU of the machine', memory: 'memory of the machine', disk: 'disk of the machine',
};
const words = (kpi) => WORDS[kpi] ?? kpi.replaceAll('_', ' ');
const subject = ({ service, backend }) => [service, backend].filter((name) => name !== '').join('/') || 'whole node';

/** A figure of a KPI; health is a word. */
const kpiMisfit = (text, kpi, value) => (kpi === 'up' ? same(text, value > 0 ? 'up' : 'down') : misfit(text, value));

/** "12 % to 30 %", "up to 30 %", "at least 12 %", a dash. */
export function bandMisfit(text, { kpi, expected_low: low, expected_high: high }) {
  if (low === null && high === null) return same(text, '–');
  if (kpi === 'up') return kpiMisfit(text, kpi, high ?? low);
  if (low === null || (low <= 0 && high !== null)) return text.startsWith('up to ') ? misfit(text.slice(6), high) : `"${text}" for up to ${high}`;
  if (high === null) return text.startsWith('at least ') ? misfit(text.slice(9), low) : `"${text}" for at least ${low}`;
  const [least, most] = text.split(' to ');
  return misfit(least, low) || misfit(most ?? '', high);
}

/** With an arrow where it is above or below what was expected. */
function seenMisfit(text, { kpi, observed, expected_low: low, expected_high: high }) {
  const arrow = high !== null && observed > high ? '▲' : low !== null && observed < low ? '▼' : '';
  const [, shown = '', figure] = /^(?:([▲▼]) )?(.*)$/.exec(text);
  return same(shown, arrow) || kpiMisfit(figure, kpi, observed);
}

const COLUMNS = {
  Severity: (text, { severity }) => same(text, severity), What: (text, { kpi }) => same(text, words(kpi)), Of: (text, one) => same(text, subject(one)),
  Expected: bandMisfit, Seen: seenMisfit, Incident: (text, { incident }) => same(text, incident === null ? '–' : `#${incident}`),
  Lasted: (text, { closed }) => (/^(open|easing)$/.test(text) === (closed === null) ? '' : `"${text}" for ${closed === null ? 'an open one' : 'one that is closed'}`),
};

/** Rows of a table of anomalies, each with the id that its link has. */
async function anomalyRows(viewer, name) {
  const { rows, links } = (await readTables(viewer.page)).find((table) => table.name === name) ?? { rows: [], links: [] };
  return rows.map((row, at) => ({ ...row, id: Number(new URLSearchParams(links[at].split('?')[1]).get('anomaly')) }));
}
const anomalyMisfits = (rows, entries) => rowMisfits(rows, entries, (row, { id }) => row.id === id, COLUMNS, ({ id }) => `anomaly ${id}`);

/** Answers about all of them: a backend's page asks for its own. */
const anomaliesNow = (viewer) => viewer.newest('anomalies', (query) => query.backend === undefined);

/** What an answer says, but open ones as a frame does: it is newer. As the page has them. */
function incidentsNow(viewer) {
  return pairs(viewer.newest('incidents'), frames(viewer)()).map(([{ incidents: kept }, { incidents: open }]) => [
    ...open, ...kept.filter(({ id }) => !open.some((one) => one.id === id))]);
}

/** Its severity, or that its cause is over and what it was. */
function markMisfit({ mark, was }, { severity, closed }) {
  if (closed !== null) return same(`${mark}, ${was}`, `closed, was ${severity}`);
  return /^(easing|recovered)$/.test(mark) ? same(was, `was ${severity}`) : same(mark, severity);
}

/** [{id, mark, was, words}] of elements that each tell one incident. */
const told = (viewer, selector) => viewer.page.evaluate((all) => [...document.querySelectorAll(all)].map((item) => ({
  id: Number(item.querySelector('a[href*="/incidents/"]')?.getAttribute('href').split('?')[0].split('/').at(-1)),
  mark: item.querySelector('.state').textContent.trim(),
  was: [...item.querySelectorAll('.muted')].map((part) => part.textContent.trim()).find((text) => text.startsWith('was ')) ?? '',
  words: item.textContent.replace(/\s+/g, ' '),
})), selector);

/** Of one that is open the headline is there, also where its cause is over: "It was: …". */
const incidentMisfits = (item, one) => [
  markMisfit(item, one), item.words.includes(one.headline) || one.closed !== null ? '' : `incident ${one.id}: no "${one.headline}"`];

async function anomalies(viewer) {
  const all = await untilFits(() => anomalyRows(viewer, 'Anomalies'), () => anomaliesNow(viewer), (rows, { anomalies: entries }) => anomalyMisfits(rows, entries));
  const incidents = await untilFits(() => told(viewer, '.in-item'), () => incidentsNow(viewer), (items, entries) => [
    same(items.length, entries.length),
    ...entries.flatMap((one) => {
      const item = items.find(({ id }) => id === one.id);
      if (!item) return [`no incident ${one.id}`];
      const count = one.anomalies.length === 1 ? '1 anomaly' : `${one.anomalies.length} anomalies`;
      return [...incidentMisfits(item, one), ...[one.text, count].map((text) => (item.words.includes(text) ? '' : `incident ${one.id}: no "${text}"`))];
    })]);
  return [...all, ...incidents];
}

const causes = (viewer) => viewer.page.evaluate(() => [...document.querySelectorAll('.in-causes li')].map((item) => {
  const [, score, text] = item.children;
  return { score: score.textContent, words: text.textContent.replace(/\s+/g, ' ').trim() };
}));

async function incident(viewer, page) {
  const id = Number(page.path.split('/').at(-1));
  const now = () => incidentsNow(viewer).map((all) => all.find((one) => one.id === id)).filter(Boolean);
  const summary = await untilFits(() => told(viewer, '.in-summary'), now, ([shown], one) => [
    markMisfit(shown, one), shown.words.includes(one.text) ? '' : `"${shown.words}" doesn't say "${one.text}"`]);
  const why = await untilFits(() => causes(viewer), now, (shown, one) => [
    same(shown.length, one.causes.length),
    ...one.causes.flatMap((cause, at) => [
      misfit(shown[at]?.score ?? '', cause.score), same(shown[at]?.words, `${subject(cause)} · ${words(cause.kpi)} — ${cause.why}`)])]);
  const rows = await untilFits(() => anomalyRows(viewer, 'Anomalies of this incident'), () => pairs(anomaliesNow(viewer), now()),
    (shown, [{ anomalies: entries }, one]) => anomalyMisfits(shown, entries.filter((entry) => one.anomalies.includes(entry.id) && !one.hidden.includes(entry.id))));
  return [...summary, ...why, ...rows];
}

const MOST_OPEN = 4;

/** On the overview: the worst ones, in the frame's order. */
export async function openIncidents(viewer) {
  return untilFits(() => told(viewer, '.incidents > .incident'), frames(viewer), (items, { incidents: open }) => [
    same(items.map(({ id }) => id).join(), open.slice(0, MOST_OPEN).map(({ id }) => id).join()),
    ...items.flatMap((item) => open.filter(({ id }) => id === item.id).flatMap((one) => incidentMisfits(item, one)))]);
}

export const cases = { anomalies, incident };
