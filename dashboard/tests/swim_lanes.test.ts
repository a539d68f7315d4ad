import assert from "node:assert/strict";
import { test } from "node:test";
import type { Anomaly } from "../src/api";
import { laneName, swimLanes } from "../src/lib/swim_lanes";

function anomaly(id: number, opened: number, closed: number | null, extra: Partial<Anomaly> = {}): Anomaly {
  return {
    id,
    opened,
    closed,
    node: "",
    service: "web",
    pool: "web",
    backend: "",
    kpi: "flows",
    score: 0.5,
    severity: "minor",
    detector: "record",
    expected_low: 1,
    expected_high: 2,
    observed: 3,
    reason: "",
    incident: null,
    ...extra,
  };
}

test("a service before its backends, both in the order of names", () => {
  const lanes = swimLanes(
    [
      anomaly(1, 10, 20, { backend: "web-10" }),
      anomaly(2, 10, 20, { backend: "web-2" }),
      anomaly(3, 10, 20),
      anomaly(4, 10, 20, { service: "dns" }),
      anomaly(5, 10, 20, { service: "" }),
    ],
    0,
    100,
    1,
  );
  assert.deepEqual(lanes.map(laneName), ["whole node", "dns", "web", "web/web-2", "web/web-10"]);
});

test("backends stand below their service, though it had no anomaly itself", () => {
  const lanes = swimLanes([anomaly(1, 10, 20, { backend: "web-3" }), anomaly(2, 10, 20, { backend: "web-4" })], 0, 100, 1);
  assert.deepEqual(lanes.map((lane) => [laneName(lane), lane.bars.length]), [["web", 0], ["web/web-3", 1], ["web/web-4", 1]]);
});

test("bars that overlap have rows of their own, others share one", () => {
  const [lane] = swimLanes([anomaly(1, 10, 30), anomaly(2, 20, 40), anomaly(3, 31, 50)], 0, 100, 1);
  assert.equal(lane?.rows, 2);
  assert.deepEqual(
    lane?.bars.map((bar) => bar.row),
    [0, 1, 0],
  );
});

test("bars are cut to the window, open ones reach its end, others aren't shown", () => {
  const [lane, none] = swimLanes([anomaly(1, 5, 15), anomaly(2, 90, null), anomaly(3, 0, 5)], 10, 100, 1);
  assert.deepEqual(
    lane?.bars.map((bar) => [bar.from, bar.to]),
    [
      [10, 15],
      [90, 100],
    ],
  );
  assert.equal(none, undefined);
});

test("an open bar ends now, though the window goes on", () => {
  const [lane] = swimLanes([anomaly(1, 20, null)], 0, 100, 1, 60);
  assert.deepEqual(lane?.bars.map((bar) => [bar.from, bar.to]), [[20, 60]]);
});

test("a lane has the severity of its worst bar", () => {
  const [lane] = swimLanes([anomaly(1, 1, 2), anomaly(2, 3, 4, { severity: "critical" }), anomaly(3, 5, 6)], 0, 9, 1);
  assert.equal(lane?.worst, "critical");
});
