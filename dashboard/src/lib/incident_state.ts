// Whether what an open incident is about is still so. Pure.
//
// An incident closes only when all its figures were usual for a while; until then its words are of what was. The frame has the
// states of now.
import type { Frame, Incident } from "../contract";

// easing: its root is well again, some figures of the last minutes aren't; recovered: everything that it names is well.
export type IncidentState = "open" | "easing" | "recovered";

interface Subject {
  service: string;
  backend: string; // "": the service as a whole
}

const things = (f: Frame, { service, backend }: Subject): { state: string; severity: string | null }[] =>
  backend === "" ? f.services.filter((s) => s.name === service) : f.backends.filter((b) => b.service === service && b.name === backend);
const up = (x: { state: string }): boolean => x.state === "up";
const usual = (x: { severity: string | null }): boolean => x.severity === null;

const named = (i: Incident): Subject[] => [...(i.root ? [i.root] : []), ...i.causes];
const same = (a: Subject, b: Subject): boolean => a.service === b.service && a.backend === b.backend;

// Was it about a state (it was down), or about figures?
const ofState = (i: Incident): boolean => i.root !== null && i.causes.some((c) => i.root !== null && same(c, i.root) && c.kpi === "up");

export function incidentState(i: Incident, f: Frame): IncidentState {
  const all = named(i).flatMap((s) => things(f, s));
  if (all.length === 0) return "open";
  if (all.every((x) => up(x) && usual(x))) return "recovered";
  const root = i.root === null ? [] : things(f, i.root);
  return root.length > 0 && root.every((x) => up(x) && (ofState(i) || usual(x))) ? "easing" : "open";
}

// What to say of one that isn't so any more; null: it is.
export function calmed(i: Incident, f: Frame): { state: "easing" | "recovered"; head: string; more: string } | null {
  const state = incidentState(i, f);
  if (state === "open") return null;
  const who = i.root === null ? "Everything in it" : i.root.backend === "" ? i.root.service : `${i.root.backend} of ${i.root.service}`;
  return {
    state,
    head: `${who} is ${ofState(i) ? "up" : "as usual"} again`,
    more: state === "easing" ? "Some figures of the last minutes aren’t usual yet." : "It closes when it has been quiet for a while.",
  };
}

export const incidentsOf = (f: Frame, subject: Subject): Incident[] => f.incidents.filter((i) => named(i).some((s) => same(s, subject)));
