// The system page beside what the API says: a node's parts, what happened to it, shunt-insight itself.
import { answers, begins, facts, of, rowMisfits, rowsOf, same, untilFits } from './comparing.mjs';
import { countMisfit, misfit } from './figures.mjs';
import { readTables } from './tables.mjs';

const both = (packets, bytes) => (text, port) => {
  const parts = text.split(' ');
  const half = parts.length / 2;
  return misfit(parts.slice(0, half).join(' '), port[packets]) || misfit(parts.slice(half).join(' '), port[bytes]);
};
const sum = (list, key) => list.reduce((all, one) => all + one[key], 0);

const system = (viewer) => answers(viewer, 'system');
const ofNode = (viewer, read, judge) => untilFits(read, system(viewer), (shown, { nodes }) => judge(shown, nodes[0]));

async function tables(viewer) {
  const compare = (table, judge) => ofNode(viewer, () => rowsOf(viewer, table), judge);
  const ports = await compare(/^Packets and bytes of each port$/, (rows, node) => rowMisfits(rows, node.ports, (row, { name }) => row.Port === name, {
    In: both('received', 'received_bytes'), Out: both('sent', 'sent_bytes'), Dropped: of('dropped'),
  }, ({ name }) => name));
  const workers = await compare(/^Workers by core$/, (rows, node) => rowMisfits(rows, node.workers, (row, { cpu }) => row.Core === `core ${cpu}`, {
    Busy: of('busy_ratio'), 'Packets/s': of('packets'), 'Ticks a packet': of('ticks_per_packet'),
  }, ({ cpu }) => `core ${cpu}`));
  const drops = await compare(/^Drops by reason$/, (rows, node) => rowMisfits(
    rows, node.drops.filter(({ count }) => count > 0), (row, { reason }) => row.Why.endsWith(reason),
    { 'In all': (text, { count }) => countMisfit(text, count), Now: of('rate') }, ({ reason }) => reason));
  const discovery = await compare(/^Discovery by pool$/, (rows, node) => rowMisfits(
    rows, node.discovery, (row, { pool, kind }) => row.Pool === pool && row.Source === kind, {
      State: (text, { state }) => same(text, state), 'What it says': (text, source) => same(text, source.text),
      Answered: (text, { read_at: at }) => ((text === 'never') === (at === null) ? '' : `"${text}" for ${at}`),
    }, ({ pool }) => pool));
  return [...ports, ...workers, ...drops, ...discovery];
}

/** The table is of one worker; a button for each says how many ticks its packets take. Only an older shuntd, or one without packets, has no table. */
async function stages(viewer) {
  const read = async () => {
    const table = (await readTables(viewer.page)).find(({ name }) => /^Stages of core \d+$/.test(name));
    const bars = await viewer.page.locator('.sy-bars button').evaluateAll((all) => all.map((bar) => ({
      core: bar.querySelector('.sy-core').textContent, ticks: bar.querySelector('.sy-ticks').textContent.replace(/\sticks$/, '') })));
    return { core: Number(table?.name.split(' ').at(-1)), rows: table?.rows ?? [], bars };
  };
  return ofNode(viewer, read, ({ core, rows, bars }, { workers }) => {
    if (!workers.some((worker) => worker.stages.some(({ share }) => share !== null))) return [same(String(rows.length), 0)];
    const told = workers.find(({ cpu }) => cpu === core)?.stages ?? [];
    return [
      ...rowMisfits(rows, told, (row, { name }) => begins(row.Stage, name) === '', { 'Ticks a packet': of('ticks_per_packet'), Share: of('share') }, ({ name }) => name),
      same(rows.map((row) => row.Stage.split(' ')[0]).join(), told.map(({ name }) => name).join()),
      ...rowMisfits(bars, workers, (bar, { cpu }) => bar.core === `core ${cpu}`, { ticks: of('ticks_per_packet') }, ({ cpu }) => `core ${cpu}`)];
  });
}

/** Who the node is, and how it does. */
async function head(viewer) {
  const who = () => viewer.page.locator('.sy-head .row').first().textContent();
  const named = await ofNode(viewer, who, (text, { name, version, generation, ready }) => [
    ...[name, ready ? 'ready' : 'not ready', `shuntd ${version}`, `generation ${generation.toLocaleString('en-GB')}`].map((part) => (
      text.includes(part) ? '' : `"${text}" doesn't say "${part}"`))]);
  const figures = await ofNode(viewer, () => facts(viewer, '.sy-head'), (shown, { workers, ports, drops, table, records }) => {
    const [, fill, entries, capacity] = /^(.*%) (.+) of (.+)$/.exec(shown['Flow table']) ?? [];
    const busy = workers.map(({ busy_ratio: ratio }) => ratio).filter((ratio) => ratio !== null);
    return [
      misfit(shown['Busiest worker'], busy.length > 0 ? Math.max(...busy) : null), misfit(shown['Packets in'], sum(ports, 'received')),
      misfit(shown.Dropped, sum(drops, 'rate')), misfit(fill ?? '', table.entries / table.capacity), misfit(entries ?? '', table.entries),
      misfit(capacity ?? '', table.capacity), misfit(shown['Flow records'].replace(/ read.*/, ''), records.read)];
  });
  return [...named, ...figures];
}

const story = (viewer, name) => viewer.page.evaluate((label) => [...document.querySelectorAll(`ol[aria-label="${label}"] li`)].map((item) => [
  item.firstElementChild, ...item.querySelectorAll('p')].map((part) => part.textContent.replace(/\s+/g, ' ').trim())), name);

/** Generations and events, newest first. */
async function stories(viewer) {
  const generations = await ofNode(viewer, () => story(viewer, 'Generations, newest first'), (items, { history, generation: now }) => [
    same(items.length, history.length),
    ...history.slice(0, items.length).flatMap(({ generation, what, who }, at) => [
      same(items[at][0], generation === now ? `${generation} runs now` : generation), same(items[at][1], what || 'no difference'),
      items[at][2].startsWith(who || 'shuntd') ? '' : `"${items[at][2]}" for "${who}"`])]);
  const events = await ofNode(viewer, () => story(viewer, 'Events, newest first'), (items, { events: all }) => [
    same(items.length, all.length),
    ...all.slice(0, items.length).flatMap(({ subject, text, kind }, at) => [begins(items[at][1], subject), same(items[at][1], `${subject} ${text}`.trim()), same(items[at][2], kind)])]);
  return [...generations, ...events];
}

const OWN = {
  'Slowest turn': (text, own) => misfit(text, own.loop_lag_ms * 1000), CPU: of('cpu_ratio'), Memory: of('rss_bytes'), 'Flow records': of('records_rate'),
  'Rows written': of('rows_rate'), 'Rows waiting': (text, own) => countMisfit(text, own.queued), 'Rows lost': (text, own) => countMisfit(text, own.rows_dropped),
  Series: of('series'), Detectors: of('detectors'), Viewers: (text, own) => countMisfit(text, own.viewers),
};

/** shunt-insight's own figures. */
const own = (viewer) => untilFits(() => facts(viewer, '.body > .sy-facts'), system(viewer), (shown, { insight }) => [
  same(Object.keys(shown).sort().join(), Object.keys(OWN).sort().join()),
  ...Object.entries(OWN).map(([name, differs]) => (name in shown ? differs(shown[name], insight) && `${name}: ${differs(shown[name], insight)}` : ''))]);

export const cases = { system: async (viewer) => [...await tables(viewer), ...await stages(viewer), ...await head(viewer), ...await stories(viewer), ...await own(viewer)] };
