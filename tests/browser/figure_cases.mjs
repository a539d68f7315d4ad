// Pages of this second: overview, topology, backends, one backend; and by name all others (history_cases, finding_cases, system_cases).
import { answers, begins, facts, frames, of, rowMisfits, rowsOf, same, stateWord, untilFits } from './comparing.mjs';
import { availabilityMisfit, factorMisfit, misfit } from './figures.mjs';
import * as findings from './finding_cases.mjs';
import { flowMisfits, flowsNow } from './flow_rows.mjs';
import * as history from './history_cases.mjs';
import * as system from './system_cases.mjs';
import { showAll } from './tables.mjs';

/** UDP has no connections: where none of its conversations goes on there is a dash. */
const openMisfit = (text, active, udp) => misfit(text, udp && active === 0 ? null : active);
const isUdp = ({ vips }) => vips.every((vip) => vip.endsWith('/udp'));
const ofUdp = ({ services }, { service }) => isUdp(services.find(({ name }) => name === service));

/** Texts of the figures in the cards, or of what stands beneath them, by label. */
const cards = (viewer, part = '.figure') => viewer.page.evaluate((words) => Object.fromEntries([...document.querySelectorAll('.card')].map((card) => [
  card.querySelector('.label').firstChild.textContent.trim(), card.querySelector(words).textContent.trim()])), part);

/** What the answers of a window say of availability and budget: the card, and each service's row. Figures of the whole window: `all`. */
export async function keptOverview(viewer, fits, all = false) {
  const kpis = answers(viewer, 'kpis', fits);
  const totals = await untilFits(() => cards(viewer), kpis, (shown, { totals: told }) => [
    availabilityMisfit(shown.Availability, told.availability), ...(all ? totalMisfits(shown, told) : [])]);
  const budget = await untilFits(() => cards(viewer, '.beneath'), kpis, (shown, { totals: told }) => [
    told.budget_burn === null ? '' : factorMisfit(shown.Availability.replace(/^budget use /, ''), told.budget_burn)]);
  const services = await untilFits(() => rowsOf(viewer, /^Services$/), kpis, (rows, { services: told }) => rowMisfits(
    rows, told, (row, { name }) => begins(row.Service, name) === '', {
      Availability: (text, { availability }) => availabilityMisfit(text, availability),
      'Budget use': (text, { budget_burn: burn }) => factorMisfit(text, burn),
    }, ({ name }) => name));
  return [...totals, ...budget, ...services];
}

const totalMisfits = (shown, totals) => [
  misfit(shown['Flows opened'], totals.flows), misfit(shown.Failed, totals.failure_ratio), misfit(shown['Connect p95'], totals.connect_p95_us),
  misfit(shown.Throughput, totals.bytes + totals.reply_bytes)];

async function overview(viewer) {
  const live = await untilFits(() => cards(viewer), frames(viewer), (shown, { totals }) => [
    ...totalMisfits(shown, totals), misfit(shown['Open flows'], totals.active)]);
  const services = await untilFits(() => rowsOf(viewer, /^Services$/), frames(viewer), (rows, { services: all }) => rowMisfits(
    rows, all, (row, { name }) => begins(row.Service, name) === '', {
      State: (text, { state }) => same(text, stateWord(state)),
      Backends: (text, { healthy, backends: count }) => same(text, `${healthy} of ${count} up`),
      Flows: of('flows'), Failed: of('failure_ratio'), Open: (text, service) => openMisfit(text, service.active, isUdp(service)),
      Throughput: (text, { bytes, reply_bytes: replies }) => misfit(text, bytes + replies),
      'Connect p95': (text, { connect_p95_us: us }) => misfit(text.replace(/ ?(synack|ack)$/, ''), us),
    }, ({ name }) => name));
  return [...live, ...await keptOverview(viewer), ...services, ...await findings.openIncidents(viewer)];
}

/** A country's part of its service's flows of now: the frame has the last minute's. */
function shareOf({ countries, services }, { service, flows }) {
  const counted = countries.filter((one) => one.service === service).reduce((sum, one) => sum + one.flows, 0);
  return counted > 0 ? (flows / counted) * services.find(({ name }) => name === service).flows : flows;
}

/** Links of the frame: countries to services, services to backends. */
function linksOf(frame) {
  const names = new Intl.DisplayNames(['en'], { type: 'region' });
  const country = (code) => (/^[A-Z]{2}$/.test(code) ? names.of(code) : 'Not known');
  const states = new Map(frame.services.map((service) => [service.name, service.state]));
  return [
    ...frame.countries.map((one) => ({
      ...one, from: country(one.country), to: one.service, state: states.get(one.service), flows: shareOf(frame, one),
    })),
    ...frame.backends.map((one) => ({ ...one, from: one.service, to: one.pool === '' ? one.name : `${one.name} in ${one.pool}` })),
  ];
}

async function topology(viewer) {
  return untilFits(() => rowsOf(viewer, /^Links$/), frames(viewer), (rows, frame) => rowMisfits(
    rows, linksOf(frame), (row, link) => row.From === link.from && row.To === link.to, {
      State: (text, { state }) => same(text, stateWord(state)), Flows: of('flows'), Failed: of('failure_ratio'),
    }, ({ from, to }) => `${from} to ${to}`));
}

/** A row of its service stands above those of its backends. */
function ownRows(rows, services) {
  let service = '';
  const own = [];
  for (const row of rows) {
    const heading = services.find(({ name }) => begins(row.Backend, name) === '' && row['Load: Weight'] === '');
    if (heading) service = heading.name;
    else own.push({ ...row, service });
  }
  return own;
}

async function backends(viewer) {
  await viewer.goto('/backends?cols=all');
  const latency = (kind, title) => Object.fromEntries(['p50', 'p95', 'p99'].map((part) => [`${title}: ${part}`, of(`${kind}_${part}_us`)]));
  const host = (key) => (text, { host: numbers }) => misfit(text, numbers && !numbers.stale ? numbers[key] : null, { whole: true });
  return untilFits(() => rowsOf(viewer, /^Backends/), frames(viewer), (rows, frame) => rowMisfits(
    ownRows(rows, frame.services), frame.backends, (row, one) => row.service === one.service && begins(row.Backend, one.name) === '', {
      State: (text, { state }) => begins(text, stateWord(state)),
      'Load: Weight': of('weight'), 'Load: Share': of('share'), 'Load: Flows/s': of('flows'), 'Load: Active': (text, one) => openMisfit(text, one.active, ofUdp(frame, one)),
      'Failures: Failed': of('failure_ratio'), 'Failures: SYN again': of('syn_retransmits'),
      ...latency('connect', 'Connect'), ...latency('response', 'Response'),
      'Bytes a second: In': of('bytes'), 'Bytes a second: Out': of('reply_bytes'),
      'Host: CPU': host('cpu'), 'Host: Mem.': host('memory'), 'Host: Disk': host('disk'),
    }, ({ service, name }) => `${service}/${name}`));
}

async function backend(viewer, page) {
  const [service, pool, name] = page.path.split('/').slice(2).map(decodeURIComponent);
  const find = (frame) => frame.backends.find((one) => one.service === service && one.pool === pool && one.name === name);
  const read = async () => ({ cards: await cards(viewer), state: (await viewer.page.locator('.bd-who .state').first().textContent()).trim() });
  const live = await untilFits(read, frames(viewer), (shown, frame) => {
    const one = find(frame);
    return [
      same(shown.state, stateWord(one.state)), misfit(shown.cards['Flows a second'], one.flows), misfit(shown.cards.Failed, one.failure_ratio),
      openMisfit(shown.cards['Open flows'], one.active, ofUdp(frame, one)), misfit(shown.cards['Connect, p95'], one.connect_p95_us),
      misfit(shown.cards['Response, p95'], one.response_p95_us), misfit(shown.cards['SYNs again'], one.syn_retransmits)];
  });
  const machine = await untilFits(() => facts(viewer, '.bd-usage'), frames(viewer), (shown, frame) => {
    const { host } = find(frame);
    if (host === null) return [same(Object.keys(shown).length, 0)];
    return [
      misfit(shown.CPU, host.cpu), misfit(shown.Memory, host.memory), misfit(shown['Fullest disk'], host.disk), misfit(shown.Received, host.received),
      misfit(shown.Sent, host.sent)];
  });
  const readFlows = async () => {
    await showAll(viewer.page);
    return rowsOf(viewer, /^Newest flows of /);
  };
  return [...live, ...machine, ...await untilFits(readFlows, () => flowsNow(viewer, pool), flowMisfits)];
}

const CASES = { overview, topology, backends, backend, ...history.cases, ...findings.cases, ...system.cases };

export async function figureFindings(viewer, page) {
  if (!(page.name in CASES)) throw new Error(`nothing compares the figures of ${page.path}`);
  await showAll(viewer.page);
  return CASES[page.name](viewer, page);
}
