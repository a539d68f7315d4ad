// A time series for charts: what the warehouse has, and on "live" each second as it comes.
import { useMemo } from "preact/hooks";
import type { Incident, TimeSeries } from "./api";
import { frame, now, samples, type Sample } from "./live";
import { useQuery, type Answer } from "./query";
import { range } from "./router";
import type { Span } from "./components/Chart";
import { severityTone } from "./components/State";

export type Lines = Pick<
  TimeSeries,
  | "t" | "flows" | "failures" | "failure_ratio" | "syn_retransmits" | "reconnects" | "bytes" | "reply_bytes" | "active"
  | "connect_p50_us" | "connect_p95_us" | "connect_p99_us" | "response_p50_us" | "response_p95_us" | "response_p99_us"
>;
const KEYS = [
  "flows", "failures", "failure_ratio", "syn_retransmits", "reconnects", "bytes", "reply_bytes", "active",
  "connect_p50_us", "connect_p95_us", "connect_p99_us", "response_p50_us", "response_p95_us", "response_p99_us",
] as const;
const GAP_S = 3; // more than so long without a sample is a gap
// The newest seconds are in no answer yet when a page opens: until so many samples are there it asks again soon, to close that gap.
const FEW_SAMPLES = 8;

// `base` up to the first sample, then samples; nothing before `from`. A hole becomes one point of nulls, so that no line crosses it.
export function merge(base: Lines | null, live: readonly Sample[], from: number): Lines {
  const out: Record<string, (number | null)[]> & { t: number[] } = { t: [] };
  for (const key of KEYS) out[key] = [];
  const hole = (t: number): void => {
    const last = out.t[out.t.length - 1];
    if (last === undefined || t - last <= GAP_S) return;
    out.t.push(last + 1);
    for (const key of KEYS) out[key].push(null);
  };
  const until = live.length > 0 ? live[0].t : Infinity;
  base?.t.forEach((t, i) => {
    if (t < from || t >= until) return;
    out.t.push(t);
    for (const key of KEYS) out[key].push(base[key]?.[i] ?? null);
  });
  for (const s of live) {
    if (s.t < from) continue;
    hole(s.t);
    out.t.push(s.t);
    for (const key of KEYS) out[key].push(s[key] ?? null);
  }
  return out as unknown as Lines;
}

export interface Series {
  lines: Lines;
  answer: Answer<TimeSeries>;
}

// Of a service, or of all ("").
export function useSeries(service: string): Series {
  const r = range.value;
  const live = r.key === "live";
  const answer = useQuery<TimeSeries>(
    "timeseries",
    () => ({ from: Math.floor(now.peek() - r.seconds), to: Math.floor(now.peek()), service, points: live ? r.seconds + 2 : 300 }),
    `${service} ${r.key}`,
    !live ? r.every : samples(service).length > FEW_SAMPLES ? 60 : 10,
  );
  const t = frame.value?.t ?? 0;
  const lines = useMemo(
    () => (live ? merge(answer.data, samples(service), t - r.seconds) : merge(answer.data, [], 0)),
    [answer.data, live, live ? t : 0, service, r.seconds],
  );
  return { lines, answer };
}

// Incidents of the chosen time, to be marked on charts.
export function useIncidentMarks(service: string): readonly Span[] {
  const r = range.value;
  const answer = useQuery<{ incidents: Incident[] }>(
    "incidents",
    () => ({ from: Math.floor(now.peek() - r.seconds), to: Math.floor(now.peek()), limit: 50 }),
    r.key,
    Math.max(10, r.every),
  );
  const list = answer.data?.incidents;
  return useMemo(
    () =>
      (list ?? [])
        .filter((i) => service === "" || i.root === null || i.root.service === service)
        .map((i) => ({ from: i.opened, to: i.closed, token: `--${severityTone(i.severity)}`, text: i.headline })),
    [list, service],
  );
}
