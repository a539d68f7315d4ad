// Pages of answers that are asked for now and then: traffic, retries, alerts.
import { answers, begins, of, rowMisfits, rowsOf, same, untilFits } from './comparing.mjs';
import { countMisfit, factorMisfit, misfit } from './figures.mjs';

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

const per = (key) => (text, entry) => misfit(text, entry.opened > 0 ? entry[key] / entry.opened : null);
const count = (key) => (text, entry) => countMisfit(text, entry[key]);

const RETRIES = {
  Connections: count('opened'), 'SYN again': count('syn_retransmits'), 'of conn.': per('syn_retransmits'), Reconnects: count('reconnects'),
  'of conn. (2)': per('reconnects'), 'Data again': count('data_retransmits'), 'per conn.': per('data_retransmits'),
  Amplification: (text, { amplification }) => factorMisfit(text, amplification),
};

/** fits: of the query of the answers that count. */
export async function retries(viewer, fits) {
  const told = answers(viewer, 'retries', fits);
  const kinds = () => viewer.page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.rt-kind')].map((card) => [
    card.querySelector('h2').textContent, card.querySelector('.figure').textContent])));
  const totals = await untilFits(kinds, told, (shown, { totals: all }) => [
    countMisfit(shown['SYN sent again'], all.syn_retransmits), countMisfit(shown.Reconnects, all.reconnects),
    countMisfit(shown['Data sent again'], all.data_retransmits), factorMisfit(shown.Amplification, all.amplification)]);
  const rows = await untilFits(() => rowsOf(viewer, /^Retries by backend$/), told, (shown, { backends }) => rowMisfits(
    shown, backends, (row, { service, name }) => row.Of === (service === name ? name : `${name} · ${service}`), RETRIES,
    ({ service, name }) => `${service}/${name}`));
  const tries = await untilFits(() => rowsOf(viewer, /^Connections by attempt/), told, (shown, { attempts }) => rowMisfits(
    shown, attempts.filter(({ flows }) => flows > 0), (row, { attempt }) => (attempt >= 16 ? row.Attempt === '16 or more' : Number.parseInt(row.Attempt, 10) === attempt), {
      'Connections (bar: logarithmic; red: share that failed)': count('flows'), Failed: (text, { flows, failures }) => misfit(text, Math.min(1, failures / flows)),
    }, ({ attempt }) => `attempt ${attempt}`));
  return [...totals, ...rows, ...tries];
}

async function alerts(viewer) {
  const rules = await untilFits(() => rowsOf(viewer, /^Alert rules$/), answers(viewer, 'alerts'), (rows, { rules: told }) => [
    same(rows.length, told.length),
    ...['quiet', 'pending', 'firing'].map((state) => same(rows.filter((row) => begins(row.State, state) === '').length, told.filter((rule) => rule.state === state).length))]);
  const subjects = () => viewer.page.locator('.al-item a').allTextContents();
  const now = await untilFits(subjects, answers(viewer, 'alerts'), (shown, { alerts: told }) => [same([...shown].sort().join(), told.map(({ subject }) => subject).sort().join())]);
  return [...rules, ...now];
}

export const cases = { traffic, retries: (viewer) => retries(viewer), alerts };
