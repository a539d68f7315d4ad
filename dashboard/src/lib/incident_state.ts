// Whether what an incident is about is still so. Pure.
//
// An incident closes only when all its figures were usual for a while; until then (and afterwards) its words are of what was.
// The frame has the states of now.
import type { Frame, Incident } from "../contract";
import { listed } from "../format";

// easing: its root is well again, some figures of the last minutes aren't; recovered: everything that it names is well.
export type Calm = "easing" | "recovered" | "closed";
export type IncidentState = "open" | Calm;

export interface Subject {
  service: string;
  backend: string; // "": the service as a whole
}

interface Thing {
  state: string;
  severity: string | null;
  since?: number;
}

const things = (f: Frame, { service, backend }: Subject): Thing[] =>
  backend === "" ? f.services.filter((s) => s.name === service) : f.backends.filter((b) => b.service === service && b.name === backend);
const up = (x: Thing): boolean => x.state === "up";
const usual = (x: Thing): boolean => x.severity === null;

const named = (i: Incident): Subject[] => [...(i.root ? [i.root] : []), ...i.causes];
const same = (a: Subject, b: Subject): boolean => a.service === b.service && a.backend === b.backend;

// Was it about a state (it was down), or about figures?
const ofState = (i: Incident): boolean => i.root !== null && i.causes.some((c) => i.root !== null && same(c, i.root) && c.kpi === "up");

export function incidentState(i: Incident, f: Frame | null): IncidentState {
  if (i.closed !== null) return "closed";
  if (f === null) return "open";
  const all = named(i).flatMap((s) => things(f, s));
  if (all.length === 0) return "open";
  if (all.every((x) => up(x) && usual(x))) return "recovered";
  return rootIsWell(i, f) && troubled(i, f).length === 0 ? "easing" : "open";
}

// Whatever of it was down has to be up again, not its root alone.
function rootIsWell(i: Incident, f: Frame): boolean {
  const down = i.causes.filter((c) => c.kpi === "up").flatMap((c) => things(f, c));
  const root = i.root === null ? [] : things(f, i.root);
  return root.length > 0 && down.every(up) && root.every((x) => up(x) && (ofState(i) || usual(x)));
}

// Other backends in it that have a grave trouble of their own.
function troubled(i: Incident, f: Frame): string[] {
  const grave = (x: Thing): boolean => x.severity === "major" || x.severity === "critical";
  const others = i.causes.filter((c) => c.backend !== "" && c.backend !== i.root?.backend && things(f, c).some(grave));
  return [...new Set(others.map((c) => `${c.backend} of ${c.service}`))];
}

// What to say of one that isn't so any more; null: it is. "open": its root is well again, but others aren't.
export function calmed(i: Incident, f: Frame | null): { state: IncidentState; head: string; more: string } | null {
  const state = incidentState(i, f);
  if (state === "open" && (f === null || !rootIsWell(i, f))) return null;
  const who = i.root === null ? "Everything in it" : i.root.backend === "" ? i.root.service : `${i.root.backend} of ${i.root.service}`;
  if (state === "closed") return { state, head: ofState(i) ? `${who} was down` : i.headline, more: "" };
  const others = f === null ? [] : troubled(i, f);
  return {
    state,
    head: `${who} is ${ofState(i) ? "up" : "as usual"} again${state === "open" ? `, ${listed(others)} ${others.length === 1 ? "isn’t" : "aren’t"} as usual` : ""}`,
    more: state === "open" ? "" : state === "easing" ? "Some figures of the last minutes aren’t usual yet." : "It closes when it has been quiet for a while.",
  };
}

export const isOver = (calm: { state: IncidentState } | null): boolean => calm !== null && calm.state !== "open";

// When its root came back; null: it hasn't, or nobody knows when (only states are dated).
export function calmSince(i: Incident, f: Frame | null): number | null {
  if (f === null || i.root === null || !ofState(i) || incidentState(i, f) === "open") return null;
  const since = Math.max(0, ...things(f, i.root).map((x) => x.since ?? 0));
  return since > i.opened ? since : null;
}

export const incidentsOf = (f: Frame, subject: Subject): Incident[] => f.incidents.filter((i) => named(i).some((s) => same(s, subject)));

// Is what is unusual of a subject an aftermath only? It is where all its incidents have calmed and it was at their root, or is
// the service of that root: what else one names may have troubles of its own.
export function aftermath(f: Frame | null, subject: Subject): Calm | null {
  if (f === null) return null;
  const mine = incidentsOf(f, subject);
  if (mine.length === 0) return null;
  const central = (i: Incident): boolean =>
    i.root !== null && i.root.service === subject.service && (subject.backend === "" || i.root.backend === subject.backend);
  return mine.every((i) => central(i) && (subject.backend === "" ? incidentState(i, f) !== "open" : rootIsWell(i, f))) ? "easing" : null;
}
