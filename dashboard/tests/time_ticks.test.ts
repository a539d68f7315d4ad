import assert from "node:assert/strict";
import { test } from "node:test";
import { timeTicks } from "../src/lib/time_ticks";

test("ticks are round and about as many as wanted", () => {
  assert.deepEqual(timeTicks(1205, 1500, 5), [1260, 1320, 1380, 1440, 1500]);
  assert.ok(timeTicks(0, 86_400, 8).length <= 9);
});
