// A time series for charts: what the warehouse has, and on "live" each second as it comes.
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Incident, TimeSeries } from "./api";
import { clock } from "./format";
import { merge, type Lines } from "./lib/merge_series";
import { frame, holes, now, samples } from "./live";
import { useQuery, type Answer } from "./query";
import { range } from "./router";
import type { Span } from "./components/Chart";
import { severityTone } from "./components/State";

export type { Lines } from "./lib/merge_series";

// The warehouse writes some seconds behind: asked again so long after the stream began or had a hole, it can fill what is missing.
const BEHIND_MS = 6500;

function useCatchingUp(live: boolean, reload: () => void): void {
  const turn = holes.value;
  const latest = useRef(reload);
  latest.current = reload;
  useEffect(() => {
    if (!live) return;
    const timer = setTimeout(() => latest.current(), BEHIND_MS);
    return () => clearTimeout(timer);
  }, [live, turn]);
}

export interface Series {
  lines: Lines;
  answer: Answer<TimeSeries>;
  words: string; // what time the lines are of: "the last hour", or when figures began
}

// Of a service, or of all ("").
export function useSeries(service: string): Series {
  const r = range.value;
  const live = r.key === "live";
  const answer = useQuery<TimeSeries>(
    "timeseries",
    () => ({ from: Math.floor(now.peek() - r.seconds), to: Math.floor(now.peek()), service, points: live ? r.seconds + 2 : 300 }),
    `${service} ${r.key}`,
    live ? 60 : r.every,
  );
  useCatchingUp(live, answer.reload);
  const t = frame.value?.t ?? 0;
  const lines = useMemo(
    () => (live ? merge(answer.data, samples(service), t - r.seconds) : merge(answer.data, [], 0)),
    [answer.data, live, live ? t : 0, service, r.seconds],
  );
  const step = answer.data?.step ?? 1;
  const young = lines.t.length > 0 && answer.data !== null && lines.t[0] > (live ? t : answer.data.to) - r.seconds + Math.max(10, 2 * step);
  return { lines, answer, words: young ? `first figures at ${clock(lines.t[0], r.seconds)}` : r.words };
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

// What a chart without figures says; undefined: what it says by itself.
const BY_THE_HOUR_S = 86_400;
export const nothingYet = (seconds: number): string | undefined =>
  seconds > BY_THE_HOUR_S ? "A time so long is drawn by the hour, and no hour has been written yet" : undefined;
