// A made-up network whose every figure is a function of time, so that all answers agree with each other.
//
// Three services, twelve backends in four pools: web-4 is down, web-3 is slow, cache-2 drains. `scale` adds healthy backends to web.
// Nothing here is random: noise(name, t) is a hash.

const DAY = 86_400;
export const STARTED = Math.floor(Date.now() / 1000) - 9 * DAY;
// When today's trouble began, seconds before now.
const DOWN_FOR = 260;
const SLOW_FOR = 1500;
export const BORN = Math.floor(Date.now() / 1000);
export const downSince = BORN - DOWN_FOR;
export const slowSince = BORN - SLOW_FOR;

// -1 to 1, smooth over about `period` seconds.
export function noise(name, t, period = 7) {
  let h = 2166136261;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 16777619);
  const at = (n) => {
    let x = Math.imul(h ^ Math.imul(n, 374761393), 668265263);
    x = Math.imul(x ^ (x >>> 13), 1274126177);
    return ((x ^ (x >>> 16)) >>> 0) / 2147483648 - 1;
  };
  const n = Math.floor(t / period);
  const part = t / period - n;
  const s = part * part * (3 - 2 * part);
  return at(n) * (1 - s) + at(n + 1) * s;
}

// More by day than by night, less at the weekend.
const rhythm = (t) => 1 + 0.32 * Math.sin(((t % DAY) / DAY) * 2 * Math.PI - 2.1) - (new Date(t * 1000).getUTCDay() % 6 === 0 ? 0.15 : 0);

export const SERVICES = [
  { name: "web", vips: ["10.1.0.10:443/tcp", "[2001:db8:1::10]:443/tcp"], mode: "nat", scheduler: "least-flows", rate: 3200, connect: 640, response: 3100, bytes: 41_000, port: 443, protocol: "tcp" },
  { name: "cache", vips: ["10.1.0.20:6379/tcp"], mode: "dsr", scheduler: "maglev", rate: 860, connect: 210, response: 420, bytes: 5200, port: 6379, protocol: "tcp" },
  { name: "dns", vips: ["10.1.0.53:53/udp"], mode: "nat", scheduler: "round-robin", rate: 5400, connect: null, response: 380, bytes: 190, port: 53, protocol: "udp" },
];

export function backends(scale = 0) {
  const list = [];
  for (let i = 1; i <= 5; i++) list.push({ service: "web", pool: "web-eu", name: `web-${i}`, address: `10.2.0.${i}:8443`, weight: i === 5 ? 50 : 100 });
  for (let i = 6; i <= 7; i++) list.push({ service: "web", pool: "web-us", name: `web-${i}`, address: `10.3.0.${i}:8443`, weight: 100 });
  for (let i = 1; i <= 3; i++) list.push({ service: "cache", pool: "cache", name: `cache-${i}`, address: `10.2.1.${i}:6379`, weight: 100 });
  for (let i = 1; i <= 2; i++) list.push({ service: "dns", pool: "resolvers", name: `ns-${i}`, address: `10.2.2.${i}:53`, weight: 100 });
  for (let i = 0; i < scale; i++) list.push({ service: "web", pool: "web-big", name: `node-${i + 1}`, address: `10.9.${i >> 8}.${i & 255}:8443`, weight: 100 });
  return list;
}

export function stateOf(b, t) {
  if (b.name === "web-4" && t >= downSince) return "down";
  if (b.drained ?? b.name === "cache-2") return "drain";
  return "up";
}

const serves = (b, t) => stateOf(b, t) === "up";

// Weights of who serves, by service; kept for the second asked about last, as a frame asks for each backend.
let kept = { t: -1, all: null, sums: null };
function weightsAt(t, all) {
  if (kept.t !== t || kept.all !== all) {
    const sums = {};
    for (const b of all) if (serves(b, t)) sums[b.service] = (sums[b.service] ?? 0) + b.weight;
    kept = { t, all, sums };
  }
  return kept.sums;
}

// The figures of one backend at second t: rates and times, as in the API's Rates and Latency.
export function figures(b, t, all) {
  const service = SERVICES.find((s) => s.name === b.service);
  const weights = weightsAt(t, all)[b.service] ?? 1;
  const up = serves(b, t);
  const share = up ? b.weight / weights : 0;
  const wave = rhythm(t) * (1 + 0.05 * noise(b.service, t, 40) + 0.04 * noise(b.name, t, 5));
  const flows = up ? service.rate * share * wave : 0;
  const slow = b.name === "web-3" && t >= slowSince;
  const dying = b.name === "web-4" && t >= downSince - 12 && t < downSince + 3;
  const base = Math.max(0, 0.0006 + 0.0005 * noise(b.name + "f", t, 9));
  const failing = dying ? 0.8 : slow ? 0.021 + 0.012 * noise(b.name + "s", t, 11) : base;
  const ended = flows * (1 + 0.02 * noise(b.name + "e", t, 6));
  const failures = ended * failing;
  const factor = slow ? 4.6 + noise(b.name + "l", t, 20) : 1 + 0.06 * noise(b.name + "l", t, 15);
  const connect = service.connect === null ? null : service.connect * factor;
  const response = service.response * factor;
  const bytes = flows * service.bytes * 0.08;
  const has = flows > 0;
  const times = (mid) => (mid === null || !has ? [null, null, null] : [mid, mid * 2.4, mid * (slow ? 7.5 : 4.1)]);
  const [c50, c95, c99] = times(connect);
  const [r50, r95, r99] = times(response);
  return {
    flows, ended, failures, failure_ratio: ended > 0 ? failures / ended : null,
    syn_retransmits: flows * (slow ? 0.013 : 0.0012), reconnects: failures * 0.62, data_retransmits: flows * 0.004,
    packets: flows * 14, bytes, reply_packets: service.mode === "dsr" ? 0 : flows * 18, reply_bytes: service.mode === "dsr" ? 0 : flows * service.bytes,
    connect_method: connect === null || !has ? null : service.mode === "dsr" ? "ack" : "synack",
    connect_p50_us: c50, connect_p95_us: c95, connect_p99_us: c99, response_p50_us: r50, response_p95_us: r95, response_p99_us: r99,
    share, active: stateOf(b, t) === "drain" ? Math.max(0, Math.round(410 - (t - BORN) / 4)) : Math.round(flows * (slow ? 3.1 : 1.2)),
  };
}

const ADDED = ["flows", "ended", "failures", "syn_retransmits", "reconnects", "data_retransmits", "packets", "bytes", "reply_packets", "reply_bytes", "active"];
const TIMES = ["connect_p50_us", "connect_p95_us", "connect_p99_us", "response_p50_us", "response_p95_us", "response_p99_us"];

// Several backends together. Quantiles are weighted means here; the real ones come from merged sketches.
export function together(parts) {
  const sum = { connect_method: null };
  for (const key of ADDED) sum[key] = parts.reduce((s, p) => s + p[key], 0);
  for (const key of TIMES) {
    const known = parts.filter((p) => p[key] !== null);
    const weight = known.reduce((s, p) => s + p.flows, 0);
    sum[key] = weight > 0 ? known.reduce((s, p) => s + p[key] * p.flows, 0) / weight : null;
  }
  const methods = new Set(parts.map((p) => p.connect_method).filter((m) => m !== null));
  sum.connect_method = methods.size === 1 ? [...methods][0] : null;
  sum.failure_ratio = sum.ended > 0 ? sum.failures / sum.ended : null;
  return sum;
}

export const COUNTRIES = [["DE", 0.31], ["FR", 0.14], ["NL", 0.11], ["US", 0.1], ["PL", 0.08], ["GB", 0.07], ["ES", 0.05], ["IT", 0.045], ["BR", 0.03], ["IN", 0.025], ["JP", 0.02], ["??", 0.02]];

const plain = backends();

export function host(b, t) {
  const slow = b.name === "web-3" && t >= slowSince;
  const stale = b.name === "web-4" && t >= downSince;
  const at = stale ? downSince : t;
  return {
    cpu: slow ? 0.93 + 0.04 * noise(b.name + "c", at, 20) : 0.34 + 0.1 * noise(b.name + "c", at, 25),
    memory: 0.52 + 0.03 * noise(b.name + "m", at, 300) + (slow ? 0.2 : 0), disk: 0.41 + (b.name.length % 3) * 0.12,
    received: figures(b, at, plain).bytes, sent: figures(b, at, plain).reply_bytes, read_at: at, stale,
  };
}
