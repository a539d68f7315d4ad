import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentRing, joined } from "../src/lib/recent_ring";

function frames(ring: RecentRing, ...values: Record<string, number | null>[]): void {
  for (const frame of values) {
    ring.next();
    for (const [key, value] of Object.entries(frame)) ring.put(key, value);
  }
}

test("keeps the newest, oldest first", () => {
  const ring = new RecentRing(3);
  frames(ring, { a: 1 }, { a: 2 }, { a: 3 }, { a: 4 });
  assert.deepEqual(ring.values("a"), [2, 3, 4]);
  assert.deepEqual(ring.values("b"), []);
});

test("a key that was missing has gaps, before and between", () => {
  const ring = new RecentRing(4);
  frames(ring, {}, { a: 1 }, {}, { a: null }, { a: 5 });
  assert.deepEqual(ring.values("a"), [1, NaN, NaN, 5]);
  frames(ring, {});
  assert.deepEqual(ring.values("a"), [NaN, NaN, 5, NaN]);
});

test("a key that comes back after a whole turn has nothing old", () => {
  const ring = new RecentRing(3);
  frames(ring, { a: 1 }, { a: 2 }, {}, {}, {}, {}, { a: 9 });
  assert.deepEqual(ring.values("a"), [NaN, NaN, 9]);
});

test("the key seen longest ago makes room", () => {
  const ring = new RecentRing(2, 2);
  frames(ring, { a: 1, b: 1 }, { b: 2 }, { c: 3 });
  assert.deepEqual(ring.values("a"), []);
  assert.deepEqual(ring.values("b"), [2, NaN]);
  assert.deepEqual(ring.values("c"), [NaN, 3]);
});

test("the seconds that the warehouse lacks are drawn straight, a longer silence is a gap", () => {
  assert.deepEqual(joined([null, 2, 4, null, null, 10, null], 5), [null, 2, 4, 6, 8, 10, null]);
  const silent = [1, ...new Array<null>(12).fill(null), 5];
  assert.deepEqual(joined([...silent], 13), silent);
});

test("without a past, or without anything live, nothing is drawn between", () => {
  assert.deepEqual(joined([null, null, 3], 2), [null, null, 3]);
  assert.deepEqual(joined([1, null, null], -1), [1, null, null]);
});
