// What shunt-insight's API answers. Times (`t`, `…_at`, `since`, `from`, `to`) are seconds since 1970 (UTC), rates a second, ratios and shares 0 to 1,
// `…_us` microseconds. null: not known. Names of services, pools and backends are those of the configuration.

export type Role = "reader" | "operator" | "admin";

// One rate set: of the last reading (about 1 s) in a frame; over the whole window elsewhere.
export interface Rates {
  flows: number; // opened a second
  ended: number;
  failures: number; // reset_by_server, syn_timeout, icmp_unreachable, no_backend, shed
  failure_ratio: number | null; // failures / ended; null: none ended
  syn_retransmits: number;
  reconnects: number;
  data_retransmits: number;
  packets: number;
  bytes: number;
  reply_packets: number; // 0 where replies don't pass shunt (DSR)
  reply_bytes: number;
}
// Of the last 10 s in a frame (sketches of the finest cells), of the window elsewhere. null: no watched flow.
export interface Latency {
  connect_method: "synack" | "ack" | null; // nat: SYN to SYN-ACK; DSR: SYN to the client's ACK
  connect_p50_us: number | null;
  connect_p95_us: number | null;
  connect_p99_us: number | null;
  response_p50_us: number | null; // first byte (nat), else in band (DSR)
  response_p95_us: number | null;
  response_p99_us: number | null;
}
export type ServiceState = "up" | "degraded" | "down" | "unknown"; // degraded: some backend that should serve doesn't
export type BackendState = "up" | "down" | "drain" | "disabled" | "starting" | "unknown"; // unknown: its nodes don't answer
export interface HostNumbers {
  cpu: number | null;
  memory: number | null;
  disk: number | null;
  received: number | null; // bytes a second
  sent: number | null;
  read_at: number;
  stale: boolean; // no answer for three intervals
}
export interface ServiceNow extends Rates, Latency {
  name: string;
  vips: string[]; // "10.1.0.10:80/tcp"
  mode: string;
  scheduler: string;
  state: ServiceState;
  backends: number;
  healthy: number;
  active: number; // flows now
  severity: Severity | null; // of its worst open anomaly, its backends' included
}
export interface BackendNow extends Rates, Latency {
  service: string;
  pool: string;
  name: string;
  address: string; // "10.2.0.1:80"
  state: BackendState;
  reason: string; // why it isn't up, in words; else ""
  since: number; // of this state, as far as insight has seen it
  weight: number;
  share: number; // of the service's flows
  active: number;
  host: HostNumbers | null;
  severity: Severity | null;
}
export type Severity = "info" | "minor" | "major" | "critical";
export interface NodeNow {
  name: string;
  state: "up" | "down"; // down: its API doesn't answer
  error: string;
  since: number;
  read_at: number;
  generation: number;
}
// GET /api/v1/stream: the newest frame; as a WebSocket each second's. A slow viewer gets the newest, never a backlog.
export interface Frame {
  t: number;
  totals: Rates & Latency & { active: number };
  services: ServiceNow[];
  backends: BackendNow[]; // one for each (service, pool, backend); several nodes together
  countries: { service: string; country: string; flows: number; failure_ratio: number | null }[]; // rates of the last 60 s; country "??": not known
  nodes: NodeNow[];
  incidents: Incident[]; // open ones, worst first
  alerts: { firing: number; pending: number; worst: AlertSeverity | null };
}
// GET /api/v1/info
export interface Info {
  program: "shunt-insight";
  version: string;
  now: number;
  started_at: number;
  role: Role;
  signed_in: string | null; // the token's name; null: none was needed
  slo: { availability: number };
  warehouse: { kind: "sqlite" | "postgresql"; rows_written: number; rows_dropped: number; queued: number; error: string };
  countries: { ranges: number; source: string }; // source: words for attribution
  nodes: NodeNow[];
}
// GET /api/v1/vips: {services: ServiceNow[]}    GET /api/v1/backends[?service=]: {backends: BackendNow[]}
// GET /api/v1/kpis?window=300[&service=]        window: seconds up to now
export interface Kpis {
  from: number;
  to: number;
  totals: KpiWindow;
  services: (KpiWindow & { name: string })[];
}
export interface KpiWindow extends Rates, Latency {
  opened: number; // counts over the window
  ended_flows: number;
  failed_flows: number;
  outcomes: Record<string, number>; // closed, reset_by_server, reset_by_client, syn_timeout, idle_timeout, icmp_unreachable, no_backend, shed
  availability: number | null; // 1 − failed / ended
  budget_burn: number | null; // times the rate at which the error budget would last its period exactly
  previous: { flows: number; failure_ratio: number | null; connect_p95_us: number | null; bytes: number } | null; // the window before this one
}
// GET /api/v1/timeseries?from=&to=[&service=&pool=&backend=&node=][&points=300]. All arrays are as long as `t`; null: nobody was asked.
export interface TimeSeries {
  from: number;
  to: number;
  step: number; // seconds
  t: number[];
  flows: (number | null)[]; // rates a second, as in Rates
  failures: (number | null)[];
  failure_ratio: (number | null)[];
  syn_retransmits: (number | null)[];
  reconnects: (number | null)[];
  packets: (number | null)[];
  bytes: (number | null)[];
  reply_bytes: (number | null)[];
  active: (number | null)[];
  weight: (number | null)[];
  connect_p50_us: (number | null)[];
  connect_p95_us: (number | null)[];
  connect_p99_us: (number | null)[];
  response_p50_us: (number | null)[];
  response_p95_us: (number | null)[];
  response_p99_us: (number | null)[];
}
// GET /api/v1/hosts?pool=&backend=&from=&to=: by the minute, and the newest readings
export interface HostSeries {
  thresholds: { cpu: number; memory: number; disk: number };
  t: number[];
  cpu: (number | null)[];
  memory: (number | null)[];
  disk: (number | null)[];
  received: (number | null)[];
  sent: (number | null)[];
}
// GET /api/v1/heatmap?service=&pool=&backend=&timing=connect|response&from=&to=: how flows' times are spread, over time
export interface LatencyHeatmap {
  t: number[]; // beginnings of columns, at most 120
  step: number;
  bounds_us: number[]; // upper bounds of rows, rising; the last row is what is above the one before it
  counts: number[][]; // [column][row]
}
// GET /api/v1/heatmap?service=&kpi=flows|failure_ratio|connect_p95_us&from=&to=: a row for each backend
export interface PoolHeatmap {
  t: number[];
  step: number;
  rows: { pool: string; backend: string }[];
  values: (number | null)[][]; // [row][column]
}
// GET /api/v1/topology?window=60
export interface Topology {
  t: number;
  nodes: { id: string; kind: "country" | "service" | "backend"; name: string; state: string; flows: number; failure_ratio: number | null }[]; // ids: country:DE, service:web, backend:web/pool/web-1
  links: { from: string; to: string; flows: number; failure_ratio: number | null }[];
}
export interface Anomaly {
  id: number;
  opened: number;
  closed: number | null;
  node: string;
  service: string;
  pool: string;
  backend: string; // "": of the service as a whole
  kpi: string; // failures, latency, flows, …
  score: number;
  severity: Severity;
  detector: string;
  expected_low: number | null;
  expected_high: number | null;
  observed: number;
  reason: string;
  incident: number | null;
}
// GET /api/v1/anomalies?from=&to=[&service=&backend=&severity=&open=1&limit=200]: {anomalies: Anomaly[]}, newest first
// POST /api/v1/anomalies/{id}/accept: "this is expected" (operator)
export interface Incident {
  id: number;
  opened: number;
  closed: number | null;
  severity: Severity;
  headline: string;
  text: string;
  root: { service: string; backend: string } | null;
  causes: { service: string; backend: string; kpi: string; score: number; why: string }[];
  anomalies: number[]; // ids
  hidden: number[]; // ids of those that follow from a parent: shown folded
}
// GET /api/v1/incidents?from=&to=[&open=1&limit=100]: {incidents: Incident[]}, newest first
export type AlertSeverity = "critical" | "warning" | "info";
export interface Alert {
  name: string;
  subject: string; // "web/web-1", "lb1"
  service: string;
  pool: string;
  backend: string;
  node: string;
  state: "pending" | "firing";
  severity: AlertSeverity;
  since: number;
  text: string;
  runbook: string; // what to look at and do, plain words
}
// GET /api/v1/alerts[?from=&to=]: built in, without Prometheus
export interface Alerts {
  alerts: Alert[]; // now, worst first
  rules: { name: string; severity: AlertSeverity; for_s: number; text: string; runbook: string; state: "quiet" | "pending" | "firing"; subjects: number }[];
  history: { at: number; name: string; subject: string; state: "pending" | "firing" | "resolved"; severity: AlertSeverity; text: string }[];
}
// GET /api/v1/retries?window=300[&service=]
export interface RetryNumbers {
  opened: number;
  syn_retransmits: number;
  reconnects: number; // within 10 s of a failure
  data_retransmits: number;
  amplification: number | null; // opened / (opened − reconnects)
}
export interface Retries {
  from: number;
  to: number;
  totals: RetryNumbers;
  services: (RetryNumbers & { name: string })[];
  backends: (RetryNumbers & { service: string; pool: string; name: string })[];
  attempts: { attempt: number; flows: number; failures: number }[]; // place in a chain: 1, 2, … (from flow records)
}
// GET /api/v1/geo?window=3600[&service=]
export interface Geo {
  from: number;
  to: number;
  countries: { country: string; flows: number; failures: number }[]; // counts, estimated; most first
}
// GET /api/v1/prefixes?window=3600[&service=]: /24 and /48
export interface Prefixes {
  clients: number; // unique ones, estimated
  prefixes: { service: string; prefix: string; flows: number }[];
}
// GET /api/v1/protocols?window=300
export interface Protocols {
  protocols: { protocol: "tcp" | "udp"; port: number; service: string; flows: number; bytes: number; reply_bytes: number }[]; // rates
}
// GET /api/v1/flows[?service=&backend=&failed=1&limit=100]: newest first. Clients are prefixes for readers, addresses for operators.
export interface Flows {
  flows: {
    ended_at: number; node: string; service: string; pool: string; backend: string; client: string; country: string;
    protocol: string; outcome: string; connect_us: number | null; first_byte_us: number | null; duration_ms: number;
    packets: number; bytes: number; reply_bytes: number; syn_retransmits: number; attempt: number | null;
  }[];
}
// GET /api/v1/system
export interface System {
  nodes: {
    name: string; state: "up" | "down"; error: string; version: string; generation: number; started_at: number; ready: boolean; not_ready: string[];
    tsc_hz: number; // ticks a second; 0: not told
    workers: {
      cpu: number; busy_ratio: number | null; packets: number; ticks_per_packet: number | null;
      // In the order of a packet's way; empty: an older shuntd. Ticks are of a packet that the stage was given, share is of all ticks.
      stages: { name: string; ticks_per_packet: number | null; share: number | null }[];
    }[];
    ports: { name: string; received: number; sent: number; received_bytes: number; sent_bytes: number; dropped: number }[]; // rates
    drops: { reason: string; text: string; count: number; rate: number }[];
    table: { entries: number; capacity: number };
    records: { attached: boolean; read: number; dropped: number };
    history: { generation: number; at: number; who: string; why: string; what: string }[]; // newest first, at most 20
    discovery: { pool: string; kind: string; state: string; text: string; read_at: number | null }[];
    events: { at: number; kind: string; subject: string; text: string }[]; // newest first, at most 50
  }[];
  insight: {
    cpu_ratio: number; rss_bytes: number; viewers: number; records_rate: number; series: number; detectors: number;
    rows_rate: number; queued: number; rows_dropped: number; loop_lag_ms: number; // the longest of the last 10 s
  };
}
// GET /api/v1/export.csv?view=v_kpi_minute&from=&to=
// POST /api/v1/drain {pool, backend, drain: boolean}    POST /api/v1/weights {pool, backend, weight}   (operator) at every node that has it:
export interface Acted {
  nodes: { node: string; status: number; generation: number | null; error: string }[];
}
// POST /api/v1/session {token} -> 204 with a cookie (HttpOnly, SameSite=Strict); DELETE /api/v1/session.
// Errors are problems (RFC 9457): {type, title, status, detail}.
export interface Problem { title: string; status: number; detail: string }
