import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendNow, BackendState, Frame, ServiceNow, ServiceState } from "../src/api";
import { path } from "../src/components/Sparkline";
import { headline } from "../src/pages/overview/headline";
import { merge, type Base } from "../src/lib/merge_series";
import type { Sample } from "../src/live";

const frame = (services: [string, ServiceState][], backends: [string, string, BackendState][]): Frame =>
  ({
    t: 1,
    services: services.map(([name, state]) => ({ name, state }) as ServiceNow),
    backends: backends.map(([service, name, state]) => ({ service, name, state }) as BackendNow),
  }) as Frame;

test("the headline says what is wrong, worst first", () => {
  const well = frame([["web", "up"], ["dns", "up"]], [["web", "w1", "up"], ["dns", "n1", "up"]]);
  assert.equal(headline(well, "").head, "Both services are up");
  assert.equal(headline(well, "web").head, "web is up");
  const degraded = frame([["web", "degraded"], ["dns", "up"]], [["web", "w1", "down"], ["web", "w2", "up"], ["dns", "n1", "drain"]]);
  assert.equal(headline(degraded, "").head, "web is degraded: w1 is down");
  assert.equal(headline(degraded, "").more, "3 backends: 1 up, 1 down, 1 draining.");
  const both = frame([["web", "degraded"], ["dns", "degraded"]], [["web", "b1", "down"], ["dns", "b1", "down"]]);
  assert.equal(headline(both, "").head, "web and dns are degraded: b1 is down");
  const down = frame([["web", "degraded"], ["dns", "down"]], [["web", "w1", "down"], ["dns", "n1", "down"]]);
  assert.equal(headline(down, "").head, "dns is down: no backend serves");
  assert.equal(headline(frame([["web", "unknown"]], []), "").head, "The state of web isn’t known: no node answers");
});

test("a service that isn't there, and none at all", () => {
  assert.equal(headline(frame([["web", "up"]], []), "old").head, "There is no service old");
  assert.equal(headline(frame([], []), "").head, "No service yet");
});

const sample = (t: number): Sample => ({ t, flows: t }) as Sample;
const base = (t: number[], step = 1): Base => ({ t, step, flows: t.map((x) => -x) }) as unknown as Base;

test("seconds as they come take over from the warehouse's", () => {
  const m = merge(base([8, 9, 10, 11]), [sample(10), sample(11), sample(12)], 9);
  assert.deepEqual(m.t, [9, 10, 11, 12]);
  assert.deepEqual(m.flows, [-9, 10, 11, 12]);
});

test("a hole is one point of nothing, so that no line crosses it", () => {
  const m = merge(base([1, 2]), [sample(14), sample(15), sample(20)], 0);
  assert.deepEqual(m.t, [1, 2, 3, 14, 15, 16, 20]);
  assert.deepEqual(m.flows, [-1, -2, null, 14, 15, null, 20]);
});

test("without the warehouse there are the seconds seen, without those nothing", () => {
  assert.deepEqual(merge(null, [sample(5)], 0).t, [5]);
  assert.deepEqual(merge(null, [], 0).t, []);
});

test("the seconds that the warehouse is behind when the stream begins are no hole", () => {
  assert.deepEqual(merge(base([1, 2]), [sample(8), sample(9)], 0).t, [1, 2, 8, 9]);
});

test("what the warehouse has since fills a hole of the stream's", () => {
  const m = merge(base([8, 10, 12, 14, 16], 2), [sample(9), sample(16), sample(17)], 0);
  assert.deepEqual(m.t, [9, 10, 12, 14, 16, 17]);
  assert.deepEqual(m.flows, [9, -10, -12, -14, 16, 17]);
});

test("before the first figure there is no line and no hole, whatever the step", () => {
  const young = { t: [0, 12, 24, 36, 48, 60], step: 12, flows: [null, null, 1, 2, null, 3], connect_p95_us: [] } as unknown as Base;
  assert.deepEqual(merge(young, [], 0).t, [24, 36, 48, 60]);
  assert.deepEqual(merge(young, [], 0).flows, [1, 2, null, 3]);
});

test("a timing reaches ten seconds, as a frame's does", () => {
  const few = { t: [0, 2, 4, 6, 8, 10, 12, 14], step: 2, flows: [1, 1, 1, 1, 1, 1, 1, 1], connect_p95_us: [5, null, null, null, null, null, null, 7] } as unknown as Base;
  assert.deepEqual(merge(few, [], 0).connect_p95_us, [5, 5, 5, 5, 5, 5, null, 7]);
});

test("a sparkline is as wide as its time, and nothing at all lies at the bottom", () => {
  assert.ok(path([1, 2, 3], 0, [0, 2, 8]).line.includes("L50.0 "));
  assert.ok(path([0, 0], 0).line.startsWith("M0.0 39.0"));
});

test("a sparkline breaks at what isn't known", () => {
  assert.equal(path([], 0).line, "");
  assert.equal(path([1, null, null]).line, "");
  assert.equal(path([1, 2, null, 3, 4]).line.match(/M/g)?.length, 2);
  assert.ok(!path([0, 0, 0]).line.includes("NaN"));
});
