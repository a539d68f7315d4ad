import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame, Incident, Severity } from "../src/api";
import { aftermath, calmSince, calmed, incidentState, incidentsOf } from "../src/lib/incident_state";

type One = [name: string, state: string, severity: Severity | null];
const frame = (web: One, w1: One, w2: One): Frame => {
  const [service, ...backends] = [web, w1, w2].map(([name, state, severity]) => ({ service: "web", name, state, severity }));
  return { services: [service], backends } as unknown as Frame;
};
const incident = (kpi: string): Incident =>
  ({
    closed: null,
    opened: 1000,
    root: { service: "web", backend: "w1" },
    causes: [{ service: "web", backend: "w1", kpi }, { service: "web", backend: "", kpi: "failures" }],
  }) as unknown as Incident;

test("it is open while its root is down, or its figures are unusual", () => {
  assert.equal(incidentState(incident("up"), frame(["web", "degraded", null], ["w1", "down", "minor"], ["w2", "up", null])), "open");
  assert.equal(incidentState(incident("latency"), frame(["web", "up", null], ["w1", "up", "major"], ["w2", "up", null])), "open");
});

test("a root that is up again eases it, although failures of the last minutes are still counted", () => {
  const f = frame(["web", "up", "critical"], ["w1", "up", "critical"], ["w2", "up", null]);
  assert.equal(incidentState(incident("up"), f), "easing");
  assert.equal(calmed(incident("up"), f)?.head, "w1 of web is up again");
  assert.equal(incidentState(incident("latency"), frame(["web", "up", "minor"], ["w1", "up", null], ["w2", "up", null])), "easing");
});

test("it has recovered when everything that it names is well; what it doesn't name plays no part", () => {
  const f = frame(["web", "up", null], ["w1", "up", null], ["w2", "down", "critical"]);
  assert.equal(incidentState(incident("up"), f), "recovered");
  assert.equal(calmed(incident("latency"), f)?.head, "w1 of web is as usual again");
});

test("one about something that is gone stays open: nobody knows", () => {
  assert.equal(incidentState(incident("up"), { services: [], backends: [] } as unknown as Frame), "open");
});

test("a node's incidents are those that name it", () => {
  const f = { incidents: [incident("up")] } as unknown as Frame;
  assert.equal(incidentsOf(f, { service: "web", backend: "w1" }).length, 1);
  assert.equal(incidentsOf(f, { service: "web", backend: "w2" }).length, 0);
});

test("one that is closed is closed, whatever goes on; without a frame nobody knows better than its words", () => {
  const down = frame(["web", "degraded", null], ["w1", "down", "minor"], ["w2", "up", null]);
  assert.equal(incidentState({ ...incident("up"), closed: 5 }, down), "closed");
  assert.equal(incidentState(incident("up"), null), "open");
});

test("it lasts while something else that went down with its root is down", () => {
  const f = frame(["web", "degraded", null], ["w1", "up", null], ["w2", "down", "minor"]);
  const both = { ...incident("up"), causes: [...incident("up").causes, { service: "web", backend: "w2", kpi: "up" }] } as unknown as Incident;
  assert.equal(incidentState(both, f), "open");
});

test("it is known since when a root is up again, not since when a figure is usual", () => {
  const f = frame(["web", "up", "critical"], ["w1", "up", "critical"], ["w2", "up", null]);
  (f.backends[0] as { since: number }).since = 1040;
  assert.equal(calmSince(incident("up"), f), 1040);
  assert.equal(calmSince(incident("latency"), f), null);
});

test("what is unusual is an aftermath only of the root that is well again and of its service", () => {
  const f = frame(["web", "up", "critical"], ["w1", "up", "critical"], ["w2", "up", "major"]);
  f.incidents = [{ ...incident("up"), causes: [...incident("up").causes, { service: "web", backend: "w2", kpi: "failures" }] } as unknown as Incident];
  assert.equal(aftermath(f, { service: "web", backend: "w1" }), "easing");
  assert.equal(aftermath(f, { service: "web", backend: "w2" }), null, "it has a trouble of its own");
  assert.equal(aftermath(f, { service: "web", backend: "" }), null, "which may be the service's");
  f.incidents = [incident("up")];
  assert.equal(aftermath(f, { service: "web", backend: "" }), "easing");
  assert.equal(aftermath(f, { service: "dns", backend: "" }), null);
});

test("one whose root is well lasts while another backend in it is in grave trouble, and says which", () => {
  const both = { ...incident("up"), causes: [...incident("up").causes, { service: "web", backend: "w2", kpi: "failures" }] } as unknown as Incident;
  const f = (w2: Severity | null) => frame(["web", "up", "critical"], ["w1", "up", null], ["w2", "up", w2]);
  assert.equal(incidentState(both, f("critical")), "open");
  assert.equal(calmed(both, f("critical"))?.head, "w1 of web is up again, w2 of web isn’t as usual");
  assert.equal(incidentState(both, f("minor")), "easing");
});
