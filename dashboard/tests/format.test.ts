import assert from "node:assert/strict";
import { test } from "node:test";
import * as f from "../src/format";

const plain = (text: string): string => text.replace(/\u00a0/g, " ");
const rows = <T>(call: (v: T) => string, wanted: readonly (readonly [T, string])[]): void => {
  for (const [v, text] of wanted) assert.equal(plain(call(v)), text, `of ${String(v)}`);
};

test("numbers keep three digits and move on to the next prefix", () => {
  rows(f.number, [[0, "0"], [0.0423, "0.0423"], [7, "7"], [1.5, "1.5"], [12.34, "12.3"], [999, "999"], [999.6, "1 k"], [1234, "1.23 k"], [3.1e6, "3.1 M"], [-1500, "-1.5 k"]]);
});

test("what isn't known is a dash", () => {
  for (const call of [f.number, f.rate, f.bytes, f.bitRate, f.micros, f.ratio, f.availability, f.duration, f.count, f.times]) {
    assert.equal(call(null), f.NONE);
    assert.equal(call(undefined), f.NONE);
    assert.equal(call(Number.NaN), f.NONE);
  }
});

test("rates, bytes and bits", () => {
  rows(f.rate, [[0, "0/s"], [12, "12/s"], [1234, "1.23 k/s"]]);
  rows(f.bytes, [[0, "0 B"], [999, "999 B"], [1500, "1.5 kB"], [2.5e9, "2.5 GB"]]);
  rows(f.bitRate, [[0, "0 bit/s"], [125, "1 kbit/s"], [125e6, "1 Gbit/s"]]);
});

test("times change unit where they would need four digits", () => {
  rows(f.micros, [[0, "0 µs"], [412, "412 µs"], [999.4, "999 µs"], [999.6, "1 ms"], [1240, "1.24 ms"], [999_400, "999 ms"], [999_600, "1 s"], [2_100_000, "2.1 s"]]);
});

test("a ratio that isn't nothing isn't 0, one that isn't all isn't 100", () => {
  rows(f.ratio, [[0, "0 %"], [0.00001, "<0.01 %"], [0.0001, "0.01 %"], [0.0034, "0.34 %"], [0.0123, "1.23 %"], [0.5, "50 %"], [0.123, "12.3 %"], [0.9999, ">99.9 %"], [1, "100 %"]]);
});

test("availability is cut, never rounded up", () => {
  rows(f.availability, [[1, "100 %"], [0.99999, "99.999 %"], [0.9999999, "99.9999 %"], [0.9989999, "99.89 %"], [0.9999, "99.99 %"], [0.987, "98.7 %"], [0, "0 %"]]);
});

test("durations and ages", () => {
  rows(f.duration, [[0, "0 s"], [59.4, "59 s"], [60, "1 min"], [3599, "59 min"], [3600, "1 h"], [7500, "2 h 5 min"], [86_400, "1 d"], [90_000 + 86_400, "2 d 1 h"]]);
  assert.equal(f.age(100, 100.9), "now");
  assert.equal(plain(f.age(100, 104)), "4 s ago");
  assert.equal(f.age(0, 100), f.NONE);
});

test("a change is compared in words", () => {
  assert.deepEqual(f.change(100, 100.2), { text: "±0\u00a0%", by: 0 });
  assert.equal(plain(f.change(112, 100)?.text ?? ""), "+12 %");
  assert.equal(plain(f.change(97, 100)?.text ?? ""), "−3 %");
  assert.equal(f.change(420, 100)?.text, "×4.2");
  assert.equal(f.change(5, 0), null);
  assert.deepEqual(f.change(0, 0), { text: "±0\u00a0%", by: 0 });
  assert.equal(f.change(null, 3), null);
});

test("lists and counts", () => {
  assert.equal(f.listed([]), "");
  assert.equal(f.listed(["a"]), "a");
  assert.equal(f.listed(["a", "b"]), "a and b");
  assert.equal(f.listed(["a", "b", "c"]), "a, b and c");
  assert.equal(f.listed(["a", "b", "c", "d"]), "a, b and 2 more");
  assert.equal(f.plural(1, "node"), "1 node");
  assert.equal(f.plural(12_345, "node"), "12,345 nodes");
  assert.equal(f.country("DE"), "Germany");
  assert.equal(f.country("??"), "Not known");
  assert.equal(f.times(0.6151), "0.62×");
  assert.equal(f.times(44.8), "45×");
});
