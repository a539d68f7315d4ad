import assert from "node:assert/strict";
import { test } from "node:test";
import { failuresFirst, type Flow } from "../src/lib/flow_order";

const flow = (ended_at: number, outcome: string, client = "192.0.2.0/24"): Flow =>
  ({ ended_at, node: "lb1", client, outcome, duration_ms: 1, packets: 4, bytes: 100 }) as Flow;

test("failures first, each newest first, none twice", () => {
  const all = [flow(1, "closed"), flow(5, "syn_timeout"), flow(4, "closed")];
  const failures = [flow(5, "syn_timeout"), flow(2, "reset_by_server")];
  assert.deepEqual(
    failuresFirst(all, failures).map((one) => [one.ended_at, one.outcome]),
    [
      [5, "syn_timeout"],
      [2, "reset_by_server"],
      [4, "closed"],
      [1, "closed"],
    ],
  );
});

test("a client that goes away is no failure", () => {
  assert.equal(failuresFirst([flow(2, "closed"), flow(9, "reset_by_client"), flow(1, "no_backend")], [])[0].outcome, "no_backend");
});
