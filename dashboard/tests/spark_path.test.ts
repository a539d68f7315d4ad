import assert from "node:assert/strict";
import { test } from "node:test";
import { sparkPath } from "../src/lib/spark_path";

test("a short list begins further right, gaps part the line", () => {
  const { line, area } = sparkPath([0, 10, null, 5], 10, 5, 100, 23);
  assert.equal(line, "M25.0 22.0L50.0 2.0M100.0 12.0");
  assert.equal(area, "M25.0 23L25.0 22.0L50.0 2.0L50.0 23ZM100.0 23L100.0 12.0L100.0 23Z");
});

test("nothing, or nothing but zeros, is drawn without harm", () => {
  assert.deepEqual(sparkPath([], 0, 5, 100, 20), { line: "", area: "" });
  assert.equal(sparkPath([0, 0], 0, 2, 100, 20).line, "M0.0 19.0L100.0 19.0");
});
