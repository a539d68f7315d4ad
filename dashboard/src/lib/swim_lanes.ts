// Swim lanes of a timeline: a lane for each service and each backend that had anomalies, bars that overlap below each other.
import type { Anomaly, Severity } from "../api";
import { compareNames } from "./backend_rows";

export interface LaneBar {
  anomaly: Anomaly;
  from: number; // seconds since 1970, cut to the window
  to: number;
  row: number; // within its lane, from 0
}
export interface Lane {
  service: string;
  backend: string; // "": the service as a whole; both "": the node
  rows: number;
  worst: Severity;
  bars: LaneBar[];
}

const rank: Record<Severity, number> = { info: 0, minor: 1, major: 2, critical: 3 };
export const compareSeverity = (a: Severity, b: Severity): number => rank[a] - rank[b];
export const severities: readonly Severity[] = ["critical", "major", "minor", "info"];

export function laneName(lane: { service: string; backend: string }): string {
  if (lane.service === "" && lane.backend === "") return "whole node";
  if (lane.backend === "") return lane.service;
  return lane.service === "" ? lane.backend : `${lane.service}/${lane.backend}`;
}

// Services in the order of their names, each followed by its backends; one that had no anomaly itself has an empty lane, so that
// they stand below it. A row within a lane is taken again once its last
// bar ended `gap` seconds ago (the least that can be told apart on the screen).
// An open one reaches up to `present`, as nobody knows how it goes on.
export function swimLanes(anomalies: readonly Anomaly[], from: number, to: number, gap: number, present = to): Lane[] {
  const lanes = new Map<string, { lane: Lane; ends: number[] }>();
  for (const anomaly of [...anomalies].sort((a, b) => a.opened - b.opened || a.id - b.id)) {
    const begin = Math.max(from, anomaly.opened);
    const end = Math.min(to, anomaly.closed ?? present);
    if (begin > to || end < from) continue;
    const key = `${anomaly.service}\n${anomaly.backend}`;
    let entry = lanes.get(key);
    if (!entry) {
      const lane = { service: anomaly.service, backend: anomaly.backend, rows: 0, worst: anomaly.severity, bars: [] };
      lanes.set(key, (entry = { lane, ends: [] }));
    }
    let row = entry.ends.findIndex((taken) => taken + gap <= begin);
    if (row < 0) row = entry.ends.length;
    entry.ends[row] = Math.max(end, begin + gap);
    entry.lane.rows = entry.ends.length;
    if (compareSeverity(anomaly.severity, entry.lane.worst) > 0) entry.lane.worst = anomaly.severity;
    entry.lane.bars.push({ anomaly, from: begin, to: Math.max(begin, end), row });
  }
  const all = [...lanes.values()].map((entry) => entry.lane);
  const heads = new Set(all.filter((lane) => lane.backend === "").map((lane) => lane.service));
  const headless = new Map(all.filter((lane) => lane.service !== "" && !heads.has(lane.service)).map((lane) => [lane.service, lane.worst]));
  return [...all, ...[...headless].map(([service, worst]): Lane => ({ service, backend: "", rows: 0, worst, bars: [] }))]
    .sort((a, b) => compareNames(a.service, b.service) || compareNames(a.backend, b.backend));
}
