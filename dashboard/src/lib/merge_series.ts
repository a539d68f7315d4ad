// One line out of two sources: what the warehouse has (some seconds behind), and the seconds that came over the stream. Pure.
import type { TimeSeries } from "../contract";
import type { Sample } from "../live";

const TIMINGS = ["connect_p50_us", "connect_p95_us", "connect_p99_us", "response_p50_us", "response_p95_us", "response_p99_us"] as const;
const RATES = ["flows", "failures", "failure_ratio", "syn_retransmits", "reconnects", "bytes", "reply_bytes", "active", "weight"] as const;
const KEYS = [...RATES, ...TIMINGS] as const;
const GAP_S = 3; // more than so long without a point is a gap; or more than one and a half steps
const BEHIND_S = 10; // the warehouse's newest may be so much older than the stream's first, and nothing be missing
const TIMING_S = 10; // so far back a frame's timings reach; the warehouse's are of one step, in which no flow may have been watched

export type Lines = Pick<TimeSeries, "t" | (typeof KEYS)[number]>;
export type Base = Lines & { step?: number };
type Point = { t: number; width: number; stream?: true } & Partial<Record<(typeof KEYS)[number], number | null>>;

// Points of which something is known; a timing that isn't is that of up to TIMING_S before.
function pointsOf(base: Base | null): Point[] {
  const points: Point[] = [];
  const width = base?.step ?? 1;
  const seen: Partial<Record<(typeof TIMINGS)[number], { t: number; v: number }>> = {};
  base?.t.forEach((t, i) => {
    const p: Point = { t, width };
    for (const key of KEYS) p[key] = base[key]?.[i] ?? null;
    if (KEYS.every((key) => p[key] === null)) return;
    for (const key of TIMINGS) {
      const v = p[key] ?? null;
      const before = seen[key];
      if (v !== null) seen[key] = { t, v };
      else if (before && t - before.t <= TIMING_S) p[key] = before.v;
    }
    points.push(p);
  });
  return points;
}

// The stream's seconds win over the warehouse's, which fill what the stream hasn't; nothing before `from`. A hole in both becomes
// one point of nulls, so that no line crosses it; what was before the first known point is no hole.
export function merge(base: Base | null, live: readonly Sample[], from: number): Lines {
  const seconds = new Set(live.map((s) => Math.floor(s.t)));
  const covered = (p: Point): boolean => {
    for (let t = Math.floor(p.t); t < p.t + p.width; t++) if (seconds.has(t)) return true;
    return false;
  };
  const points: Point[] = [...pointsOf(base).filter((p) => !covered(p)), ...live.map((s): Point => ({ ...s, width: 1, stream: true }))]
    .filter((p) => p.t >= from)
    .sort((a, b) => a.t - b.t);
  // Silence up to the end of the time that was asked for is part of it.
  const end = base?.t[base.t.length - 1];
  const newest = points[points.length - 1];
  if (end !== undefined && newest && end - newest.t > 10 * newest.width) points.push({ t: end, width: newest.width });
  const out: Record<string, (number | null)[]> & { t: number[] } = { t: [] };
  for (const key of KEYS) out[key] = [];
  points.forEach((p, i) => {
    const before = points[i - 1];
    if (before && p.t - before.t > Math.max(p.stream && !before.stream ? BEHIND_S : GAP_S, before.width * 1.5)) {
      out.t.push(before.t + before.width);
      for (const key of KEYS) out[key].push(null);
    }
    out.t.push(p.t);
    for (const key of KEYS) out[key].push(p[key] ?? null);
  });
  return out as unknown as Lines;
}
