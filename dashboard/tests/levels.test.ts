import assert from "node:assert/strict";
import { test } from "node:test";
import { burnTone, failureLevel, fillLevel, usageLevel } from "../src/lib/levels";

test("a machine's figure against its threshold", () => {
  assert.deepEqual(
    [null, 0.7, 0.73, 0.79, 0.8, 1].map((value) => usageLevel(value, 0.8)),
    ["fine", "fine", "look", "look", "bad", "bad"],
  );
});

test("how fast an error budget goes", () => {
  assert.deepEqual([0, 1, 1.1, 10, 10.1].map(burnTone), ["ok", "ok", "warn", "warn", "fail"]);
});

test("failures against the objective", () => {
  assert.deepEqual(
    [null, 0, 0.0005, 0.002, 0.009, 0.011].map((ratio) => failureLevel(ratio, 0.999)),
    ["fine", "fine", "fine", "look", "look", "bad"],
  );
  assert.equal(failureLevel(0.011, 0.99999), "bad");
  assert.equal(failureLevel(0.05, 0.99), "look");
  assert.equal(failureLevel(0.0001, 1), "look");
});

test("how full", () => {
  assert.deepEqual([null, 0.79, 0.8, 0.95].map(fillLevel), ["fine", "fine", "look", "bad"]);
});
