import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeResults, weightOf } from "../src/lib/acted_words";

test("each node's answer in words", () => {
  const node = (name: string, status: number, error = "", generation: number | null = null): object => ({
    node: name,
    status,
    error,
    generation,
  });
  const results = nodeResults({
    nodes: [
      node("a", 200, "", 14),
      node("b", 200),
      node("c", 0, "connection refused"),
      node("d", 403),
      node("e", 409, "a reload runs"),
      node("f", 500, "oops"),
    ] as never,
  });
  assert.deepEqual(
    results.map((r) => [r.ok, r.text]),
    [
      [true, "done, generation 14 runs"],
      [true, "done"],
      [false, "didn't answer: connection refused"],
      [false, "doesn't let insight do that"],
      [false, "is busy with another change: a reload runs"],
      [false, "refused (500): oops"],
    ],
  );
});

test("weights are whole numbers from 0 to 65535", () => {
  assert.equal(weightOf(" 12 "), 12);
  assert.equal(weightOf("0"), 0);
  assert.equal(weightOf("65535"), 65_535);
  for (const wrong of ["", "-1", "1.5", "65536", "1e3", "ten"]) assert.equal(weightOf(wrong), null);
});
