// What each page shows, beside what the API has just told it. A page draws one frame (or answer) at a time, so everything that is read in
// one go has to fit one of the newest two.
import { availabilityMisfit, misfit } from './figures.mjs';
import { readTables } from './tables.mjs';

const PATIENCE_MS = 5_000;
const same = (text, value) => (text === String(value) ? '' : `"${text}" for ${value}`);
const begins = (text, value) => (text === value || text.startsWith(`${value} `) ? '' : `"${text}" for "${value}"`);
const STATE_WORDS = { drain: 'draining', unknown: 'not known' };
const stateWord = (state) => STATE_WORDS[state] ?? state;

/** Reads the page until it fits one of the candidates; the misfits with the newest one if it never does. */
async function untilFits(read, candidates, judge) {
  const deadline = Date.now() + PATIENCE_MS;
  let last = ['nothing came to compare with'];
  do {
    const shown = await read();
    const found = candidates().map((told) => judge(shown, told));
    if (found.some((misfits) => misfits.length === 0)) return [];
    if (found.length > 0) last = found.reduce((best, misfits) => (misfits.length < best.length ? misfits : best));
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (Date.now() < deadline);
  return last;
}

/** columns: {header: (cell, entry) => misfit}. Each entry has its row, and no row is left over. */
function rowMisfits(rows, entries, belongs, columns, name) {
  const findings = rows.length === entries.length ? [] : [`${rows.length} rows for ${entries.length} entries`];
  for (const entry of entries) {
    const row = rows.find((one) => belongs(one, entry));
    if (!row) findings.push(`no row for ${name(entry)}`);
    for (const [header, differs] of row ? Object.entries(columns) : []) {
      const words = row[header] === undefined ? `no column "${header}"; there are ${Object.keys(row).join(', ')}` : differs(row[header], entry);
      if (words) findings.push(`${name(entry)}, ${header}: ${words}`);
    }
  }
  return findings;
}

const of = (key, options) => (text, entry) => misfit(text, entry[key], options);
const table = async (viewer, words) => {
  const found = (await readTables(viewer.page)).find((one) => words.test(one.name));
  return found?.rows ?? [];
};
const frames = (viewer) => () => [...viewer.frames.map(({ frame }) => frame), ...viewer.newest('stream')].reverse().slice(0, 2);

// ---- pages

async function card(viewer, label) {
  const figure = viewer.page.getByRole('group', { name: label, exact: true }).locator('.figure');
  return (await figure.textContent()).trim();
}

async function overview(viewer) {
  const figures = () => Promise.all(['Flows opened', 'Failed', 'Time to connect, p95', 'Throughput', 'Open flows'].map((label) => card(viewer, label)));
  const cards = await untilFits(figures, frames(viewer), ([flows, failed, connect, throughput, open], { totals }) => [
    misfit(flows, totals.flows), misfit(failed, totals.failure_ratio), misfit(connect, totals.connect_p95_us),
    misfit(throughput, totals.bytes + totals.reply_bytes), misfit(open, totals.active),
  ].filter(Boolean));
  const availability = await untilFits(() => card(viewer, 'Availability'), () => viewer.newest('kpis'),
    (text, kpis) => [availabilityMisfit(text, kpis.totals.availability)].filter(Boolean));
  const services = await untilFits(() => table(viewer, /^Services$/), frames(viewer), (rows, { services: all }) => rowMisfits(
    rows, all, (row, service) => begins(row.Service, service.name) === '', {
      State: (text, { state }) => same(text, stateWord(state)), Backends: (text, { healthy, backends }) => same(text, `${healthy} of ${backends} up`),
      Flows: of('flows'), Failed: of('failure_ratio'), Throughput: (text, { bytes, reply_bytes: replies }) => misfit(text, bytes + replies),
      Open: of('active'), 'Connect p95': (text, { connect_p95_us: us }) => misfit(text.replace(/ ?(synack|ack)$/, ''), us),
    }, (service) => service.name));
  return [...cards, ...availability, ...services];
}

async function backends(viewer) {
  await viewer.goto('/backends?cols=all');
  const latency = (kind, title) => Object.fromEntries(['p50', 'p95', 'p99'].map((part) => [`${title}: ${part}`, of(`${kind}_${part}_us`)]));
  const host = (key) => (text, { host: numbers }) => misfit(text, numbers && !numbers.stale ? numbers[key] : null, { whole: true });
  return untilFits(() => table(viewer, /^Backends/), frames(viewer), (rows, frame) => {
    let service = '';
    const own = []; // a row of its service stands above those of its backends
    for (const row of rows) {
      const heading = frame.services.find((one) => begins(row.Backend, one.name) === '' && row['Load: Weight'] === '');
      if (heading) service = heading.name;
      else own.push({ ...row, service });
    }
    return rowMisfits(own, frame.backends, (row, one) => row.service === one.service && begins(row.Backend, one.name) === '', {
      State: (text, { state }) => begins(text, stateWord(state)),
      'Load: Weight': of('weight'), 'Load: Share': of('share'), 'Load: Flows/s': of('flows'), 'Load: Active': of('active'),
      'Failures: Failed': of('failure_ratio'), 'Failures: SYN again/s': of('syn_retransmits'),
      ...latency('connect', 'Connect'), ...latency('response', 'Response'),
      'Bytes a second: In': of('bytes'), 'Bytes a second: Out': of('reply_bytes'),
      'Machine: CPU': host('cpu'), 'Machine: Mem.': host('memory'), 'Machine: Disk': host('disk'),
    }, (one) => `${one.service}/${one.name}`);
  });
}

const CASES = { overview, backends };

export async function figureFindings(viewer, page) {
  return page.name in CASES ? CASES[page.name](viewer) : [];
}
