import assert from "node:assert/strict";
import { test } from "node:test";
import { nameWords } from "../src/lib/alert_name";

test("names of rules as people say them", () => {
  assert.deepEqual(["ShuntBackendDown", "ShuntBackendCpuHigh", "ShuntSynRetransmitsHigh", "retry_storm", "Shunt"].map(nameWords), [
    "Backend down",
    "Backend CPU high",
    "SYN retransmits high",
    "Retry storm",
    "Shunt",
  ]);
});
