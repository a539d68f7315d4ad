// The newest flows of a backend: rows of its table beside the API's two answers (of any outcome, and failures alone).
import { pairs, same } from './comparing.mjs';
import { misfit } from './figures.mjs';

const OUTCOMES = {
  closed: 'closed', reset_by_server: '✕ reset by the server', reset_by_client: 'reset by the client', syn_timeout: '✕ no answer to SYN', idle_timeout: 'idle too long',
  icmp_unreachable: '✕ ICMP unreachable', no_backend: '✕ no backend', shed: '✕ shed',
};
const hasFailed = ({ outcome }) => OUTCOMES[outcome].startsWith('✕');
const newest = (a, b) => b.ended_at - a.ended_at;

/** Lists as the page may have them: failures first, each once, then the others. */
export function flowsNow(viewer, pool) {
  const newestOf = (failed) => viewer.newest('flows', (query) => query.failed === failed);
  return pairs(newestOf(undefined), newestOf('1')).map((told) => {
    const [all, failures] = told.map(({ flows }) => flows.filter((flow) => flow.pool === pool));
    const bad = new Map([...failures, ...all.filter(hasFailed)].map((flow) => [JSON.stringify(flow), flow]));
    return [...[...bad.values()].sort(newest), ...all.filter((flow) => !hasFailed(flow)).sort(newest)];
  });
}

const COLUMNS = {
  Outcome: (text, flow) => same(text, OUTCOMES[flow.outcome]), Client: (text, flow) => same(text, flow.client),
  Connect: (text, flow) => misfit(text, flow.connect_us), 'First byte': (text, flow) => misfit(text, flow.first_byte_us),
  Duration: (text, flow) => misfit(text, flow.duration_ms * 1000), In: (text, flow) => misfit(text, flow.bytes), Out: (text, flow) => misfit(text, flow.reply_bytes),
  'SYN again': (text, flow) => misfit(text, flow.syn_retransmits), Attempt: (text, flow) => misfit(text, flow.attempt), Node: (text, flow) => same(text, flow.node),
};

const FEW = 5;

/** As many, in the same order; of what differs the first few. */
export function flowMisfits(rows, flows) {
  if (rows.length !== flows.length) return [`${rows.length} rows for ${flows.length} flows`];
  return flows.flatMap((flow, at) => Object.entries(COLUMNS).map(([header, differs]) => {
    const words = differs(rows[at][header], flow);
    return words && `flow ${at + 1}, ${header}: ${words}`;
  })).filter(Boolean).slice(0, FEW);
}
