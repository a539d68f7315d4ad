import assert from "node:assert/strict";
import { test } from "node:test";
import { highestCount, quantileRow, shade, usedRows } from "../src/lib/heat_scale";

test("one flow is seen beside ten thousand, nothing is nothing", () => {
  assert.equal(shade(0, 10_000), 0);
  assert.ok(shade(1, 10_000) >= 0.15);
  assert.equal(shade(10_000, 10_000), 1);
  assert.ok(Math.abs(shade(100, 10_000) - 0.575) < 1e-9);
  assert.equal(shade(1, 1), 1);
});

test("the row that a column's quantile lies in", () => {
  assert.equal(quantileRow([0, 9, 1], 0.5), 1);
  assert.equal(quantileRow([0, 9, 1], 0.95), 2);
  assert.equal(quantileRow([0, 0, 0], 0.5), null);
});

test("only rows that hold something are worth drawing", () => {
  assert.deepEqual(
    usedRows(
      [
        [0, 0, 0, 1, 0, 0],
        [0, 0, 2, 0, 0, 0],
      ],
      6,
    ),
    { first: 1, end: 5 },
  );
  assert.deepEqual(usedRows([[0, 0]], 2), { first: 0, end: 2 });
  assert.equal(
    highestCount([
      [1, 2],
      [7, 0],
    ]),
    7,
  );
});
