import assert from "node:assert/strict";
import { test } from "node:test";
import { columnQuantile, highestCount, mixStops, shade, usedRows } from "../src/lib/heat_scale";

test("one flow is seen beside ten thousand, nothing is nothing", () => {
  assert.equal(shade(0, 10_000), 0);
  assert.ok(shade(1, 10_000) >= 0.15);
  assert.equal(shade(10_000, 10_000), 1);
  assert.ok(Math.abs(shade(100, 10_000) - 0.575) < 1e-9);
  assert.equal(shade(1, 1), 1);
});

test("quantile of a column: the bound of the row it lies in", () => {
  assert.equal(columnQuantile([0, 9, 1], [10, 20], 0.5), 20);
  assert.equal(columnQuantile([0, 9, 1], [10, 20], 0.95), Infinity);
  assert.equal(columnQuantile([0, 0, 0], [10, 20], 0.5), null);
});

test("only rows that hold something are worth drawing", () => {
  assert.deepEqual(usedRows([[0, 0, 0, 1, 0, 0], [0, 0, 2, 0, 0, 0]], 6), { first: 1, end: 5 });
  assert.deepEqual(usedRows([[0, 0]], 2), { first: 0, end: 2 });
  assert.equal(highestCount([[1, 2], [7, 0]]), 7);
});

test("colours between stops", () => {
  const stops = [[0, 0, 0], [100, 200, 50], [255, 255, 255]] as const;
  assert.equal(mixStops(stops, 0), "rgb(0 0 0)");
  assert.equal(mixStops(stops, 0.25), "rgb(50 100 25)");
  assert.equal(mixStops(stops, 1), "rgb(255 255 255)");
});
