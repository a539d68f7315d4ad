// Which series of /api/v1/timeseries (or of /api/v1/hosts) shows an anomaly's KPI, what it is called, how its figures
// are written, and which time is worth showing around it.
import type { Anomaly, HostSeries, TimeSeries } from "../api";
import { micros, number, ratio, rate } from "../format";

type Maybe = number | null;
export interface KpiSeries {
  words: string; // "share of flows that failed"
  format: (value: Maybe) => string;
  values: (series: TimeSeries) => Maybe[]; // [] where the figure isn't in a time series
  host: "cpu" | "memory" | "disk" | null; // in /api/v1/hosts
  instead: string; // what `values` are, where the KPI itself isn't kept over time; else ""
}

const each = (top: readonly Maybe[], bottom: readonly Maybe[]): Maybe[] =>
  top.map((value, i) => {
    const of = bottom[i];
    return value === null || of === null || of === undefined || of === 0 ? null : value / of;
  });

const flowsInstead = "flows opened a second";
const series = (words: string, format: (value: Maybe) => string, values: (series: TimeSeries) => Maybe[], instead = ""): KpiSeries => ({
  words,
  format,
  values,
  host: null,
  instead,
});
const machine = (words: string, host: "cpu" | "memory" | "disk"): KpiSeries => ({
  words,
  format: ratio,
  values: () => [],
  host,
  instead: "",
});

const known: Record<string, KpiSeries> = {
  up: series(
    "health",
    (v) => (v === null ? "–" : v > 0 ? "up" : "down"),
    (s) => s.flows,
    flowsInstead,
  ),
  failures: series("share of flows that failed", ratio, (s) => s.failure_ratio),
  latency: series("time to connect", micros, (s) => s.connect_p95_us),
  syn_retransmits: series("SYNs sent again, for each flow", ratio, (s) => each(s.syn_retransmits, s.flows)),
  reconnects: series("share of flows that are a second attempt", ratio, (s) => each(s.reconnects, s.flows)),
  flows: series("flows opened a second", rate, (s) => s.flows),
  active_flows: series("flows open at once", number, (s) => s.active),
  share: series("share of the pool's flows", ratio, (s) => s.flows, flowsInstead),
  cpu: machine("CPU of the machine", "cpu"),
  memory: machine("memory of the machine", "memory"),
  disk: machine("disk of the machine", "disk"),
};

export function kpiSeries(kpi: string): KpiSeries {
  return known[kpi] ?? { words: kpi.replace(/_/g, " "), format: number, values: () => [], host: null, instead: "" };
}

export const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

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

// As far back as the API is asked at most (it answers no question about more than 400 days).
export const longestAgo = (now: number): { from: number; to: number } => ({ from: Math.floor(now) - 399 * 86_400, to: Math.floor(now) });
