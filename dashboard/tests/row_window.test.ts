import assert from "node:assert/strict";
import { test } from "node:test";
import { rowAt, rowOffsets, rowWindow, scrollToShow } from "../src/lib/row_window";

const even = rowOffsets(new Array<number>(1000).fill(40));

test("draws what is in sight and some around it", () => {
  assert.deepEqual(rowWindow(even, 4000, 400, 200), { first: 95, end: 116, above: 3800, below: 35_360 });
});

test("a short list is drawn whole, an empty one not at all", () => {
  assert.deepEqual(rowWindow(rowOffsets([40, 40, 40]), 0, 400), { first: 0, end: 3, above: 0, below: 0 });
  assert.deepEqual(rowWindow(rowOffsets([]), 0, 400), { first: 0, end: 0, above: 0, below: 0 });
});

test("scrolled beyond the end of a list that became shorter", () => {
  assert.deepEqual(rowWindow(rowOffsets([40, 40]), 8000, 400), { first: 1, end: 2, above: 40, below: 0 });
});

test("rows of different heights", () => {
  const offsets = rowOffsets([30, 100, 100, 30, 100]);
  assert.deepEqual(
    [0, 29, 30, 129, 130, 359, 999, -5].map((place) => rowAt(offsets, place)),
    [0, 0, 1, 1, 2, 4, 4, 0],
  );
  assert.deepEqual(rowWindow(offsets, 130, 50, 0), { first: 2, end: 3, above: 130, below: 130 });
});

test("scrolls as little as possible", () => {
  assert.equal(scrollToShow(even, 5, 100, 400), 100);
  assert.equal(scrollToShow(even, 0, 100, 400), 0);
  assert.equal(scrollToShow(even, 20, 100, 400, 30), 20 * 40 + 40 - 400 + 30);
});
