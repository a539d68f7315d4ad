// Which series of /api/v1/timeseries (or of /api/v1/hosts) shows an anomaly's KPI, what it is called, how its figures
// are written, and which time is worth showing around it.
import type { Anomaly, HostSeries, TimeSeries } from "../api";
import { micros, number, ratio, rate } from "../format";

type Maybe = number | null;
export interface KpiSeries {
  words: string; // "share of flows that failed"
  format: (value: Maybe) => string;
  values: (series: TimeSeries) => Maybe[]; // [] where the figure isn't in a time series
  host: "cpu" | "memory" | null; // in /api/v1/hosts instead
}

const each = (top: readonly Maybe[], bottom: readonly Maybe[]): Maybe[] =>
  top.map((value, i) => {
    const of = bottom[i];
    return value === null || of === null || of === undefined || of === 0 ? null : value / of;
  });

const known: Record<string, KpiSeries> = {
  up: { words: "health", format: (v) => (v === null ? "–" : v > 0 ? "up" : "down"), values: () => [], host: null },
  failures: { words: "share of flows that failed", format: ratio, values: (s) => s.failure_ratio, host: null },
  latency: { words: "connect time, p95", format: micros, values: (s) => s.connect_p95_us, host: null },
  syn_retransmits: { words: "SYNs sent again, for each flow", format: ratio, values: (s) => each(s.syn_retransmits, s.flows), host: null },
  reconnects: { words: "share of flows that are a second attempt", format: ratio, values: (s) => each(s.reconnects, s.flows), host: null },
  flows: { words: "flows opened a second", format: rate, values: (s) => s.flows, host: null },
  active_flows: { words: "flows open at once", format: number, values: (s) => s.active, host: null },
  share: { words: "share of the pool's flows", format: ratio, values: () => [], host: null },
  cpu: { words: "CPU of the machine", format: ratio, values: () => [], host: "cpu" },
  memory: { words: "memory of the machine", format: ratio, values: () => [], host: "memory" },
};

export function kpiSeries(kpi: string): KpiSeries {
  return known[kpi] ?? { words: kpi.replace(/_/g, " "), format: number, values: () => [], host: null };
}

export function hostValues(kpi: KpiSeries, hosts: HostSeries): Maybe[] {
  return kpi.host === null ? [] : hosts[kpi.host];
}

// "0.2 % to 1.4 %", "up to 1.4 %"; "": nothing was expected in particular.
export function bandWords(anomaly: Pick<Anomaly, "kpi" | "expected_low" | "expected_high">): string {
  const { format } = kpiSeries(anomaly.kpi);
  const { expected_low: low, expected_high: high } = anomaly;
  if (low === null && high === null) return "";
  if (anomaly.kpi === "up") return format(high ?? low);
  if (low === null || (low <= 0 && high !== null)) return `up to ${format(high)}`;
  if (high === null) return `at least ${format(low)}`;
  return `${format(low)} to ${format(high)}`;
}

// An anomaly and what was before and after it: as long again on either side, at least ten minutes.
export function spanAround(anomaly: Pick<Anomaly, "opened" | "closed">, now: number): { from: number; to: number } {
  const end = anomaly.closed ?? now;
  const around = Math.max(600, end - anomaly.opened);
  return { from: Math.floor(anomaly.opened - around), to: Math.floor(Math.min(now, end + around)) };
}
