import assert from "node:assert/strict";
import { test } from "node:test";
import { rowWindow, scrollToShow } from "../src/lib/row_window";

test("draws what is in sight and a few rows around it", () => {
  assert.deepEqual(rowWindow(1000, 40, 4000, 400, 5), { first: 95, end: 115, above: 3800, below: 35400 });
});

test("a short list is drawn whole, an empty one not at all", () => {
  assert.deepEqual(rowWindow(3, 40, 0, 400, 5), { first: 0, end: 3, above: 0, below: 0 });
  assert.deepEqual(rowWindow(0, 40, 0, 400), { first: 0, end: 0, above: 0, below: 0 });
});

test("scrolled beyond the end of a list that became shorter", () => {
  const window = rowWindow(10, 40, 8000, 400, 2);
  assert.deepEqual(window, { first: 10, end: 10, above: 400, below: 0 });
});

test("scrolls as little as possible", () => {
  assert.equal(scrollToShow(5, 40, 100, 400), 100);
  assert.equal(scrollToShow(0, 40, 100, 400), 0);
  assert.equal(scrollToShow(20, 40, 100, 400, 30), 20 * 40 + 40 - 400 + 30);
});
