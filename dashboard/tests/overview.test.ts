import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendNow, BackendState, Frame, ServiceNow, ServiceState } from "../src/api";
import { path } from "../src/components/Sparkline";
import { headline } from "../src/pages/overview/headline";
import { merge, type Lines } from "../src/series";
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
const base = (t: number[]): Lines => ({ t, flows: t.map((x) => -x) }) as unknown as Lines;

test("seconds as they come take over from the warehouse's", () => {
  const m = merge(base([8, 9, 10, 11]), [sample(10), sample(11), sample(12)], 9);
  assert.deepEqual(m.t, [9, 10, 11, 12]);
  assert.deepEqual(m.flows, [-9, 10, 11, 12]);
});

test("a hole is one point of nothing, so that no line crosses it", () => {
  const m = merge(base([1, 2]), [sample(10), sample(11), sample(20)], 0);
  assert.deepEqual(m.t, [1, 2, 3, 10, 11, 12, 20]);
  assert.deepEqual(m.flows, [-1, -2, null, 10, 11, null, 20]);
});

test("without the warehouse there are the seconds seen, without those nothing", () => {
  assert.deepEqual(merge(null, [sample(5)], 0).t, [5]);
  assert.deepEqual(merge(null, [], 0).t, []);
});

test("a sparkline breaks at what isn't known", () => {
  assert.equal(path([], 0).line, "");
  assert.equal(path([1, null, null]).line, "");
  assert.equal(path([1, 2, null, 3, 4]).line.match(/M/g)?.length, 2);
  assert.ok(!path([0, 0, 0]).line.includes("NaN"));
});
