// An answer to each question of the API, drawn from world.mjs. Times and rates as the contract says (src/contract.ts).
import { alerts, anomalies, incidents } from "./happenings.mjs";
import { BORN, COUNTRIES, SERVICES, STARTED, backends, downSince, figures, host, noise, slowSince, stateOf, together } from "./world.mjs";

const SLO = 0.999;
const OUTCOME_SHARES = { reset_by_server: 0.48, syn_timeout: 0.39, icmp_unreachable: 0.08, no_backend: 0.03, shed: 0.02 };

export function makeAnswers({ scale = 0 } = {}) {
  const all = backends(scale);
  const clock = () => Date.now() / 1000;
  const session = { role: "reader", signed_in: null };
  const pick = (q) => all.filter((b) => (!q.service || b.service === q.service) && (!q.pool || b.pool === q.pool) && (!q.backend || b.name === q.backend));

  const severity = (b) => (b.name === "web-4" ? "critical" : b.name === "web-3" ? "major" : null);
  const reason = { "web-4": "TCP connect to 10.2.0.4:8443 timed out (3 of 3 checks)", "cache-2": "drained by ops: kernel update" };
  const backendNow = (b, t) => {
    const state = stateOf(b, t);
    const since = state === "down" ? downSince : state === "drain" ? BORN - 900 : STARTED;
    return { ...figures(b, t, all), service: b.service, pool: b.pool, name: b.name, address: b.address, state, reason: reason[b.name] && state !== "up" ? reason[b.name] : "", since, weight: b.weight, host: scale > 0 && b.pool === "web-big" ? null : host(b, t), severity: severity(b) };
  };
  const serviceNow = (s, t) => {
    const mine = all.filter((b) => b.service === s.name);
    const healthy = mine.filter((b) => stateOf(b, t) === "up").length;
    const bad = mine.some((b) => stateOf(b, t) === "down");
    return { ...together(mine.map((b) => figures(b, t, all))), name: s.name, vips: s.vips, mode: s.mode, scheduler: s.scheduler, state: bad ? "degraded" : "up", backends: mine.length, healthy, severity: s.name === "web" ? "critical" : null };
  };
  const nodes = (t) => ["lb1", "lb2"].map((name) => ({ name, state: "up", error: "", since: STARTED, read_at: t, generation: 118 }));
  const info = () => ({
    program: "shunt-insight", version: "0.1.0", now: clock(), started_at: STARTED, ...session, slo: { availability: SLO },
    warehouse: { kind: "sqlite", rows_written: 48_210_332, rows_dropped: 0, queued: 14, error: "" },
    countries: { ranges: 662_104, source: "IPFire location database, CC BY-SA 4.0" }, nodes: nodes(clock()),
  });

  const frame = () => {
    const t = Math.floor(clock());
    const services = SERVICES.map((s) => serviceNow(s, t));
    const countries = services.flatMap((s) => COUNTRIES.map(([country, share]) => ({ service: s.name, country, flows: s.flows * share * (1 + 0.1 * noise(country + s.name, t, 30)), failure_ratio: country === "BR" ? 0.034 : 0.0011 })));
    return { t, totals: together(all.map((b) => figures(b, t, all))), services, backends: all.map((b) => backendNow(b, t)), countries, nodes: nodes(t), incidents: incidents().filter((i) => i.closed === null), alerts: { firing: 2, pending: 1, worst: "critical" } };
  };

  // Sums over a window from 24 samples of it.
  const window = (list, from, to) => {
    const rates = together(Array.from({ length: 24 }, (_, i) => together(list.map((b) => figures(b, from + ((i + 0.5) / 24) * (to - from), all)))));
    for (const key of Object.keys(rates)) if (typeof rates[key] === "number" && !/_us$|ratio/.test(key)) rates[key] /= 24;
    return rates;
  };
  const kpiWindow = (list, from, to) => {
    const w = window(list, from, to);
    const before = window(list, from - (to - from), from);
    const ended = Math.round(w.ended * (to - from));
    const failed = Math.round(w.failures * (to - from));
    const outcomes = { closed: Math.round((ended - failed) * 0.93), reset_by_client: Math.round((ended - failed) * 0.05), idle_timeout: Math.round((ended - failed) * 0.02) };
    for (const [name, share] of Object.entries(OUTCOME_SHARES)) outcomes[name] = Math.round(failed * share);
    return { ...w, opened: Math.round(w.flows * (to - from)), ended_flows: ended, failed_flows: failed, outcomes, availability: ended > 0 ? 1 - failed / ended : null, budget_burn: ended > 0 ? failed / ended / (1 - SLO) : null, previous: { flows: before.flows, failure_ratio: before.failure_ratio, connect_p95_us: before.connect_p95_us, bytes: before.bytes } };
  };
  const windowOf = (q, usual) => {
    const to = Math.floor(clock());
    return [to - Number(q.window ?? usual), to];
  };
  const spanOf = (q, usual = 900) => [Number(q.from ?? clock() - usual), Number(q.to ?? clock())];

  const kpis = (q) => {
    const [from, to] = windowOf(q, 300);
    return { from, to, totals: kpiWindow(pick(q), from, to), services: SERVICES.filter((s) => !q.service || s.name === q.service).map((s) => ({ name: s.name, ...kpiWindow(all.filter((b) => b.service === s.name), from, to) })) };
  };

  const SERIES = ["flows", "failures", "failure_ratio", "syn_retransmits", "reconnects", "packets", "bytes", "reply_bytes", "active", "connect_p50_us", "connect_p95_us", "connect_p99_us", "response_p50_us", "response_p95_us", "response_p99_us"];
  const timeseries = (q) => {
    const [from, to] = spanOf(q);
    const points = Math.min(Number(q.points ?? 300), 1000);
    const step = [1, 10, 60, 300, 600, 3600].find((s) => (to - from) / s <= points) ?? 3600;
    const t = [];
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) t.push(at);
    const list = pick(q);
    const rows = t.map((at) => (at < STARTED || (at > BORN - 5200 && at < BORN - 4900) ? null : together(list.map((b) => figures(b, at, all)))));
    const out = { from, to, step, t };
    for (const key of SERIES) out[key] = rows.map((r) => (r === null ? null : r[key]));
    out.weight = rows.map(() => list.reduce((s, b) => s + b.weight, 0));
    return out;
  };

  const hosts = (q) => {
    const [from, to] = spanOf(q, 3600);
    const b = pick({ pool: q.pool, backend: q.backend })[0] ?? all[0];
    const t = [];
    for (let at = Math.ceil(from / 60) * 60; at <= to; at += 60) t.push(at);
    const rows = t.map((at) => host(b, at));
    return { thresholds: { cpu: 0.8, memory: 0.9, disk: 0.85 }, t, ...Object.fromEntries(["cpu", "memory", "disk", "received", "sent"].map((k) => [k, rows.map((r) => (r.stale ? null : r[k]))])) };
  };

  const heatmap = (q) => {
    const [from, to] = spanOf(q);
    const columns = 60;
    const step = Math.max(1, Math.round((to - from) / columns));
    const t = Array.from({ length: columns }, (_, i) => Math.round(from + i * step));
    if (q.kpi) {
      const rows = pick({ service: q.service });
      return { t, step, rows: rows.map((b) => ({ pool: b.pool, backend: b.name })), values: rows.map((b) => t.map((at) => figures(b, at, all)[q.kpi] ?? null)) };
    }
    const bounds_us = Array.from({ length: 16 }, (_, i) => Math.round(100 * 1.75 ** i));
    const b = pick(q)[0] ?? all[0];
    const counts = t.map((at) => {
      const f = figures(b, at, all);
      const mid = (q.timing === "response" ? f.response_p50_us : f.connect_p50_us) ?? 0;
      return bounds_us.map((bound, i) => (mid === 0 ? 0 : Math.round(f.flows * step * Math.exp(-((Math.log(bound / 1.3) - Math.log(mid)) ** 2) / 0.7) * (0.9 + 0.1 * noise(b.name + i, at, 3)))));
    });
    return { t, step, bounds_us, counts };
  };

  const topology = (q) => {
    const f = frame();
    const mine = (name) => !q.service || q.service === name;
    const countries = new Map();
    for (const c of f.countries) if (mine(c.service)) countries.set(c.country, (countries.get(c.country) ?? 0) + c.flows);
    return {
      t: f.t,
      nodes: [
        ...[...countries].map(([c, flows]) => ({ id: `country:${c}`, kind: "country", name: c, state: "", flows, failure_ratio: c === "BR" ? 0.034 : 0.0011 })),
        ...f.services.filter((s) => mine(s.name)).map((s) => ({ id: `service:${s.name}`, kind: "service", name: s.name, state: s.state, flows: s.flows, failure_ratio: s.failure_ratio })),
        ...f.backends.filter((b) => mine(b.service)).map((b) => ({ id: `backend:${b.service}/${b.pool}/${b.name}`, kind: "backend", name: b.name, state: b.state, flows: b.flows, failure_ratio: b.failure_ratio })),
      ],
      links: [
        ...f.countries.filter((c) => mine(c.service)).map((c) => ({ from: `country:${c.country}`, to: `service:${c.service}`, flows: c.flows, failure_ratio: c.failure_ratio })),
        ...f.backends.filter((b) => mine(b.service)).map((b) => ({ from: `service:${b.service}`, to: `backend:${b.service}/${b.pool}/${b.name}`, flows: b.flows, failure_ratio: b.failure_ratio })),
      ],
    };
  };

  const retryNumbers = (w, seconds) => {
    const opened = Math.round(w.flows * seconds);
    const reconnects = Math.round(w.reconnects * seconds);
    return { opened, syn_retransmits: Math.round(w.syn_retransmits * seconds), reconnects, data_retransmits: Math.round(w.data_retransmits * seconds), amplification: opened > reconnects ? opened / (opened - reconnects) : null };
  };
  const retries = (q) => {
    const [from, to] = windowOf(q, 300);
    const of = (list) => retryNumbers(window(list, from, to), to - from);
    const mine = pick(q);
    const first = of(mine).opened;
    return {
      from, to, totals: of(mine),
      services: SERVICES.filter((s) => !q.service || s.name === q.service).map((s) => ({ name: s.name, ...of(all.filter((b) => b.service === s.name)) })),
      backends: mine.map((b) => ({ service: b.service, pool: b.pool, name: b.name, ...of([b]) })),
      attempts: [1, 2, 3, 4, 5].map((attempt) => ({ attempt, flows: Math.round(first * 0.0041 ** (attempt - 1) * (attempt > 2 ? 9 ** (attempt - 2) : 1)), failures: Math.round(first * 0.0041 ** (attempt - 1) * (attempt === 1 ? 0.0041 : 0.4)) })),
    };
  };

  const geo = (q) => {
    const [from, to] = windowOf(q, 3600);
    const w = window(pick(q), from, to);
    return { from, to, countries: COUNTRIES.map(([country, share]) => ({ country, flows: Math.round(w.flows * share * (to - from)), failures: Math.round(w.flows * share * (to - from) * (country === "BR" ? 0.034 : 0.0011)) })) };
  };
  const prefixes = (q) => {
    const [from, to] = windowOf(q, 3600);
    const rows = SERVICES.filter((s) => !q.service || s.name === q.service).flatMap((s) => {
      const flows = window(all.filter((b) => b.service === s.name), from, to).flows * (to - from);
      return Array.from({ length: 14 }, (_, i) => ({ service: s.name, prefix: i % 5 === 4 ? `2001:db8:${(i * 77).toString(16)}::/48` : `${[198, 203, 192][i % 3]}.${[51, 0, 0][i % 3]}.${[100, 113, 2][i % 3] + i}.0/24`, flows: Math.round(flows * 0.06 * 0.8 ** i) }));
    });
    return { clients: 48_210, prefixes: rows.sort((a, b) => b.flows - a.flows) };
  };
  const protocols = (q) => {
    const [from, to] = windowOf(q, 300);
    return { protocols: SERVICES.filter((s) => !q.service || s.name === q.service).map((s) => ({ protocol: s.protocol, port: s.port, service: s.name, ...(({ flows, bytes, reply_bytes }) => ({ flows, bytes, reply_bytes }))(window(all.filter((b) => b.service === s.name), from, to)) })) };
  };

  const flows = (q) => {
    const t = clock();
    const mine = pick(q);
    return {
      flows: Array.from({ length: Math.min(Number(q.limit ?? 100), 200) }, (_, i) => {
        const b = mine[i % mine.length];
        const f = figures(b, t - i, all);
        const failed = q.failed === "1" || i % 17 === 3;
        const s = SERVICES.find((x) => x.name === b.service);
        return { ended_at: t - i * 0.7, node: i % 2 ? "lb1" : "lb2", service: b.service, pool: b.pool, backend: b.name, client: session.role === "reader" ? `198.51.${100 + (i % 9)}.0/24` : `198.51.${100 + (i % 9)}.${(i * 37) % 255}`, country: COUNTRIES[i % 11][0], protocol: s.protocol, outcome: failed ? ["reset_by_server", "syn_timeout"][i % 2] : "closed", connect_us: f.connect_p50_us, first_byte_us: f.response_p50_us, duration_ms: 40 + ((i * 131) % 4000), packets: 14, bytes: 900 + i * 31, reply_bytes: s.mode === "dsr" ? 0 : 12_000 + i * 77, syn_retransmits: failed ? 2 : 0, attempt: failed ? 2 : 1 };
      }),
    };
  };

  // Ticks of a packet that is given to the stage, and how many packets are.
  const STAGES = { receive: [31, 1], parse: [60, 0.01], classify: [38, 1], lookup: [52, 1], select: [140, 0.07], rewrite: [47, 0.99], transmit: [58, 0.99] };
  const stages = (key, t) => {
    const costs = Object.entries(STAGES).map(([name, [ticks, part]]) => ({ name, part, ticks_per_packet: ticks * (1 + 0.08 * noise(key + name, t, 5)) }));
    const sum = costs.reduce((all, { part, ticks_per_packet: ticks }) => all + part * ticks, 0);
    return costs.map(({ name, part, ticks_per_packet: ticks }) => ({ name, ticks_per_packet: ticks, share: (part * ticks) / sum }));
  };
  const system = () => {
    const t = clock();
    const node = (name) => ({
      name, state: "up", error: "", version: "0.1.0", generation: 118, started_at: STARTED, ready: true, not_ready: [], tsc_hz: 2_600_000_000,
      workers: [1, 2, 3, 4].map((cpu) => ({ cpu, busy_ratio: 0.31 + 0.08 * noise(name + cpu, t, 5), packets: 71_000 + 4000 * noise(name + cpu, t, 4), ticks_per_packet: 241 + 9 * noise(name + cpu, t, 6), stages: stages(name + cpu, t) })),
      ports: ["ens1f0", "ens1f1"].map((p) => ({ name: p, received: 142_000, sent: 139_500, received_bytes: 31e6, sent_bytes: 118e6, dropped: 0 })),
      drops: [{ reason: "no_vip", text: "sent to no VIP", count: 48_112, rate: 1.2 }, { reason: "bad_checksum", text: "a checksum that is wrong", count: 12, rate: 0 }, { reason: "no_backend", text: "no backend to give it to", count: 318, rate: 0 }],
      table: { entries: 412_331, capacity: 1_048_576 }, records: { attached: name === "lb1", read: 88_210_442, dropped: 0 },
      history: [{ generation: 118, at: BORN - 900, who: "ops", why: "kernel update", what: "drain cache-2" }, { generation: 117, at: BORN - 86_000, who: "ops", why: "", what: "weight of web-5 100 → 50" }, { generation: 116, at: STARTED, who: "shuntd", why: "start", what: "configuration read" }],
      discovery: [{ pool: "web-us", kind: "dns", state: "ok", text: "2 addresses", read_at: t - 12 }, { pool: "resolvers", kind: "file", state: "ok", text: "2 backends", read_at: t - 3 }],
      events: [{ at: downSince, kind: "health", subject: "web-eu/web-4", text: "down: TCP connect timed out" }, { at: slowSince, kind: "weight", subject: "web-eu/web-3", text: "damped to 60" }, { at: BORN - 900, kind: "drain", subject: "cache/cache-2", text: "drained by ops" }],
    });
    return { nodes: ["lb1", "lb2"].map(node), insight: { cpu_ratio: 0.04, rss_bytes: 118e6, viewers: 3, records_rate: 9460, series: 128, detectors: 512, rows_rate: 1240, queued: 14, rows_dropped: 0, loop_lag_ms: 2.1 } };
  };

  const within = (list, q) => {
    const [from, to] = spanOf(q, 86_400);
    return list.filter((x) => x.opened <= to && (x.closed ?? to) >= from && (!q.service || x.service === undefined || x.service === q.service) && (!q.backend || x.backend === q.backend) && (!q.severity || x.severity === q.severity) && (q.open !== "1" || x.closed === null)).sort((a, b) => b.opened - a.opened);
  };

  const act = (body, change) => {
    for (const b of all) if (b.pool === body.pool && b.name === body.backend) change(b);
    return { nodes: [{ node: "lb1", status: 200, generation: 119, error: "" }, { node: "lb2", status: 200, generation: 119, error: "" }] };
  };

  return {
    session, frame,
    get: {
      info, stream: frame, kpis, timeseries, hosts, heatmap, topology, retries, geo, prefixes, protocols, flows, system, alerts,
      vips: () => ({ services: frame().services }), backends: (q) => ({ backends: frame().backends.filter((b) => !q.service || b.service === q.service) }),
      anomalies: (q) => ({ anomalies: within(anomalies(), q) }), incidents: (q) => ({ incidents: within(incidents(), q) }),
    },
    post: {
      drain: (body) => act(body, (b) => (b.drained = body.drain)), weights: (body) => act(body, (b) => (b.weight = body.weight)),
    },
  };
}
