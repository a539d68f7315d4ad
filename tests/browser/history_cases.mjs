// Pages of answers that are asked for now and then: traffic, anomalies, retries, alerts, system.
import { begins, of, rowMisfits, rowsOf, same, untilFits } from './comparing.mjs';
import { misfit } from './figures.mjs';
import { readTables } from './tables.mjs';

const answers = (viewer, path, fits) => () => viewer.newest(path, fits);

async function traffic(viewer) {
  const names = new Intl.DisplayNames(['en'], { type: 'region' });
  const protocols = await untilFits(() => rowsOf(viewer, /^Protocols$/), answers(viewer, 'protocols'), (rows, { protocols: all }) => rowMisfits(
    rows, all, (row, one) => row.Service === one.service && begins(row.Protocol, `${one.protocol}/${one.port}`) === '', {
      Flows: of('flows'), 'From clients': of('bytes'),
      Replies: (text, { reply_bytes: bytes }) => misfit(text, bytes > 0 ? bytes : null),
    }, ({ service, protocol, port }) => `${service} ${protocol}/${port}`));
  const countries = await untilFits(() => rowsOf(viewer, /countries$/), answers(viewer, 'geo'), (rows, { countries: all }) => rowMisfits(
    rows, all, (row, { country }) => row.Country === (/^[A-Z]{2}$/.test(country) ? `${names.of(country)} ${country}` : 'Not known'), {
      Flows: of('flows'), Failed: (text, { flows, failures }) => misfit(text, flows > 0 ? failures / flows : null),
    }, ({ country }) => country));
  const networks = await untilFits(() => rowsOf(viewer, /^Busiest networks$/), answers(viewer, 'prefixes'), (rows, { prefixes }) => rowMisfits(
    rows, prefixes, (row, { service, prefix }) => row.Network === prefix && row.Service === service,
    { Flows: of('flows') }, ({ service, prefix }) => `${service} ${prefix}`));
  return [...protocols, ...countries, ...networks];
}

async function anomalies(viewer) {
  const all = await untilFits(() => rowsOf(viewer, /^Anomalies$/), answers(viewer, 'anomalies'), (rows, { anomalies: told }) => [
    same(String(rows.length), told.length),
    same(String(rows.filter((row) => /^(open|easing)$/.test(row.Lasted)).length), told.filter(({ closed }) => closed === null).length)]);
  // One whose cause is over has another heading.
  const items = () => viewer.page.locator('.in-item').allTextContents();
  const incidents = await untilFits(items, answers(viewer, 'incidents'), (shown, { incidents: told }) => told
    .filter(({ text }) => !shown.some((item) => item.includes(text))).map(({ headline }) => `no incident "${headline}"`));
  return [...all, ...incidents];
}

async function incident(viewer, page) {
  const id = Number(page.path.split('/').at(-1));
  const read = () => viewer.page.locator('.in-summary').first().textContent();
  return untilFits(read, answers(viewer, 'incidents'), (words, { incidents: told }) => {
    const { text } = told.find((one) => one.id === id) ?? {};
    return words.includes(text) ? [] : [`"${words}" doesn't say "${text}"`];
  });
}

async function retries(viewer) {
  const kinds = () => viewer.page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.rt-kind')].map((card) => [
    card.querySelector('h2').textContent, card.querySelector('.figure').textContent])));
  const totals = await untilFits(kinds, answers(viewer, 'retries'), (shown, { totals: told }) => [
    same(shown['SYN sent again'].replaceAll(',', ''), told.syn_retransmits), same(shown.Reconnects.replaceAll(',', ''), told.reconnects),
    same(shown['Data sent again'].replaceAll(',', ''), told.data_retransmits)]);
  const count = (key) => (text, entry) => same(text.replaceAll(',', ''), entry[key]);
  const rows = await untilFits(() => rowsOf(viewer, /^Retries by backend$/), answers(viewer, 'retries'), (shown, { backends }) => rowMisfits(
    shown, backends, (row, { service, name }) => row.Of === (service === name ? name : `${name} · ${service}`),
    { Connections: count('opened'), 'SYN again': count('syn_retransmits'), Reconnects: count('reconnects'), 'Data again': count('data_retransmits') },
    ({ service, name }) => `${service}/${name}`));
  return [...totals, ...rows];
}

async function alerts(viewer) {
  const rules = await untilFits(() => rowsOf(viewer, /^Alert rules$/), answers(viewer, 'alerts'), (rows, { rules: told }) => [
    same(String(rows.length), told.length),
    ...['quiet', 'pending', 'firing'].map((state) => same(String(rows.filter((row) => begins(row.State, state) === '').length), told.filter((rule) => rule.state === state).length))]);
  const subjects = () => viewer.page.locator('.al-item a').allTextContents();
  const now = await untilFits(subjects, answers(viewer, 'alerts'), (shown, { alerts: told }) => [same([...shown].sort().join(), told.map(({ subject }) => subject).sort().join())]);
  return [...rules, ...now];
}

// A node's own line, its drops in all, and the generations that it lists.
async function node(viewer) {
  const read = () => viewer.page.evaluate(() => {
    const head = document.querySelector('.sy-head');
    return {
      generation: /generation ([\d,]+)/.exec(head?.textContent)?.[1] ?? '',
      facts: Object.fromEntries([...(head?.querySelectorAll('dl > div') ?? [])].map((fact) => [
        fact.querySelector('dt').firstChild.textContent.trim(), fact.querySelector('dd').firstChild.textContent])),
      listed: [...document.querySelectorAll('.sy-story[aria-label^="Generations"] .chip')].map((chip) => chip.firstChild.textContent),
    };
  });
  return untilFits(read, answers(viewer, 'system'), ({ generation, facts, listed }, { nodes: [told] }) => [
    same(generation.replaceAll(',', ''), told.generation),
    misfit(facts.Dropped, told.drops.reduce((sum, drop) => sum + drop.rate, 0)),
    same(listed.join(), told.history.slice(0, listed.length).map((one) => one.generation).join()),
    same(String(listed.length > 0), told.history.length > 0)]);
}

// The table is of one worker; a button for each says how many ticks its packets take. Only an older shuntd, or one without packets, has no table.
async function stages(viewer) {
  const read = async () => {
    const table = (await readTables(viewer.page)).find(({ name }) => /^Stages of core \d+$/.test(name));
    const bars = await viewer.page.locator('.sy-bars button').evaluateAll((all) => all.map((bar) => ({
      core: bar.querySelector('.sy-core').textContent, ticks: bar.querySelector('.sy-ticks').textContent.replace(/\sticks$/, '') })));
    return { core: Number(table?.name.split(' ').at(-1)), rows: table?.rows ?? [], bars };
  };
  return untilFits(read, answers(viewer, 'system'), ({ core, rows, bars }, { nodes: [{ workers }] }) => {
    if (!workers.some((worker) => worker.stages.some(({ share }) => share !== null))) return [same(String(rows.length), 0)];
    const told = workers.find(({ cpu }) => cpu === core)?.stages ?? [];
    return [
      ...rowMisfits(rows, told, (row, { name }) => begins(row.Stage, name) === '', { 'Ticks a packet': of('ticks_per_packet'), Share: of('share') }, ({ name }) => name),
      same(rows.map((row) => row.Stage.split(' ')[0]).join(), told.map(({ name }) => name).join()),
      ...rowMisfits(bars, workers, (bar, { cpu }) => bar.core === `core ${cpu}`, { ticks: of('ticks_per_packet') }, ({ cpu }) => `core ${cpu}`)];
  });
}

async function system(viewer) {
  const both = (packets, bytes) => (text, port) => {
    const parts = text.split(' ');
    const half = parts.length / 2;
    return misfit(parts.slice(0, half).join(' '), port[packets]) || misfit(parts.slice(half).join(' '), port[bytes]);
  };
  const compare = (table, judge) => untilFits(() => rowsOf(viewer, table), answers(viewer, 'system'), (rows, { nodes }) => judge(rows, nodes[0]));
  const ports = await compare(/^Packets and bytes of each port$/, (rows, node) => rowMisfits(rows, node.ports, (row, { name }) => row.Port === name, {
    In: both('received', 'received_bytes'), Out: both('sent', 'sent_bytes'), Dropped: of('dropped'),
  }, ({ name }) => name));
  const workers = await compare(/^Workers by core$/, (rows, node) => rowMisfits(rows, node.workers, (row, { cpu }) => row.Core === `core ${cpu}`, {
    Busy: of('busy_ratio'), 'Packets/s': of('packets'), 'Ticks a packet': of('ticks_per_packet'),
  }, ({ cpu }) => `core ${cpu}`));
  const drops = await compare(/^Drops by reason$/, (rows, node) => rowMisfits(
    rows, node.drops.filter(({ count }) => count > 0), (row, { reason }) => row.Why.endsWith(reason),
    { 'In all': (text, { count }) => same(text.replaceAll(',', ''), count), Now: of('rate') }, ({ reason }) => reason));
  return [...ports, ...workers, ...drops, ...await node(viewer), ...await stages(viewer)];
}

export const cases = { traffic, anomalies, incident, retries, alerts, system };
