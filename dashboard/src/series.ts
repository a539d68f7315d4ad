// A time series for charts: what the warehouse has, and on "live" each second as it comes.
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Frame, Incident, Params, TimeSeries } from "./api";
import { clock } from "./format";
import { merge, type Lines } from "./lib/merge_series";
import { backendSamples, frame, holes, now, samples, type Sample } from "./live";
import { useQuery, type Answer } from "./query";
import { range } from "./router";
import type { Span } from "./components/Chart";
import { calmTone, severityTone } from "./components/State";
import { incidentState, calmSince } from "./lib/incident_state";

export type { Lines } from "./lib/merge_series";

// The warehouse writes some seconds behind: asked again so long after the stream began or had a hole, it can fill what is missing.
const BEHIND_MS = 6500;

export function useCatchingUp(live: boolean, reload: () => void): void {
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
export const useSeries = (service: string): Series => useLines({ service }, service, () => samples(service));

// Of one backend of a service.
export const useBackendSeries = (of: { service: string; pool: string; backend: string }): Series => {
  const key = `${of.service}/${of.pool}/${of.backend}`;
  return useLines(of, key, () => backendSamples(key));
};

function useLines(of: Params, key: string, seconds: () => readonly Sample[]): Series {
  const r = range.value;
  const live = r.key === "live";
  const answer = useQuery<TimeSeries>(
    "timeseries",
    () => ({ from: Math.floor(now.peek() - r.seconds), to: Math.floor(now.peek()), ...of, points: live ? r.seconds + 2 : 300 }),
    `${key} ${r.key}`,
    live ? 60 : r.every,
  );
  useCatchingUp(live, answer.reload);
  const t = frame.value?.t ?? 0;
  const lines = useMemo(
    () => (live ? merge(answer.data, seconds(), t - r.seconds) : merge(answer.data, [], 0)),
    [answer.data, live, live ? t : 0, key, r.seconds],
  );
  const step = answer.data?.step ?? 1;
  const young = lines.t.length > 0 && answer.data !== null && lines.t[0] > (live ? t : answer.data.to) - r.seconds + Math.max(10, 2 * step);
  return { lines, answer, words: young ? `first figures at ${clock(lines.t[0], r.seconds)}` : r.words };
}

// As grave as it was until its cause was over; from then on (all of it, where nobody knows when that was) calmer.
function incidentSpans(i: Incident, f: Frame | null): Span[] {
  const grave: Span = { from: i.opened, to: i.closed, token: `--${severityTone(i.severity)}`, text: i.headline };
  const state = incidentState(i, f);
  if (state === "open" || state === "closed") return [grave];
  const calm: Span = { ...grave, token: `--${calmTone(state)}`, text: `${i.headline} (${state})` };
  const since = calmSince(i, f);
  return since === null ? [calm] : [{ ...grave, to: since }, { ...calm, from: since, follows: true }];
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
  const states = frame.value;
  const spans = (list ?? []).filter((i) => service === "" || i.root === null || i.root.service === service).flatMap((i) => incidentSpans(i, states));
  const key = JSON.stringify(spans);
  return useMemo(() => spans, [key]);
}

// What a chart without figures says; undefined: what it says by itself.
const BY_THE_HOUR_S = 86_400;
export const nothingYet = (seconds: number): string | undefined =>
  seconds > BY_THE_HOUR_S ? "A time so long is drawn by the hour, and no hour has been written yet" : undefined;
