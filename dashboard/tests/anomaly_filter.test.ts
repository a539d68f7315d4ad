import assert from "node:assert/strict";
import { test } from "node:test";
import type { Anomaly } from "../src/api";
import { filterOf, wanted } from "../src/lib/anomaly_filter";

const anomaly: Anomaly = {
  id: 1,
  opened: 1,
  closed: 5,
  node: "",
  service: "web",
  pool: "web",
  backend: "web-2",
  kpi: "latency",
  score: 0.5,
  severity: "major",
  detector: "peer",
  expected_low: 1,
  expected_high: 2,
  observed: 3,
  reason: "slower than its siblings",
  incident: null,
};
const shown = (query: Record<string, string>, of = anomaly): boolean => wanted(of, filterOf(query));

test("everything is shown unless the address says otherwise", () => {
  assert.ok(shown({}));
  assert.ok(shown({ severity: "nonsense" }));
});

test("a severity shows that and worse", () => {
  assert.ok(shown({ severity: "major" }));
  assert.ok(!shown({ severity: "critical" }));
});

test("open ones, one backend, words", () => {
  assert.ok(!shown({ open: "1" }));
  assert.ok(shown({ open: "1" }, { ...anomaly, closed: null }));
  assert.ok(!shown({ backend: "web-1" }));
  assert.ok(shown({ q: "LATENCY siblings" }));
  assert.ok(!shown({ q: "latency cpu" }));
});
