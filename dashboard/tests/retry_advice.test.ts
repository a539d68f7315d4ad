import assert from "node:assert/strict";
import { test } from "node:test";
import type { RetryNumbers } from "../src/api";
import { adviceFor, retryLevel, retryShares } from "../src/lib/retry_advice";

const calm: RetryNumbers = { opened: 1000, syn_retransmits: 1, reconnects: 2, data_retransmits: 30, amplification: 1.002 };

test("a calm service gets no advice", () => {
  assert.deepEqual(adviceFor("web", calm), []);
});

test("few flows prove nothing", () => {
  assert.deepEqual(adviceFor("web", { ...calm, opened: 10, syn_retransmits: 10, amplification: 5 }), []);
});

test("a storm is told as one, with the gravest first", () => {
  const advice = adviceFor("web", { ...calm, reconnects: 500, amplification: 2, syn_retransmits: 100 });
  assert.deepEqual(
    advice.map((one) => one.level),
    ["act", "act"],
  );
  assert.match(advice[0].what, /2\.00 attempts/);
  assert.match(advice[1].what, /^10 % as many SYNs/);
});

test("reconnects below a storm are worth a look", () => {
  const advice = adviceFor("web", { ...calm, reconnects: 150, amplification: 1.18 });
  assert.equal(advice.length, 1);
  assert.equal(advice[0].level, "look");
});

test("shares of no flows aren't known", () => {
  assert.deepEqual(retryShares({ ...calm, opened: 0 }), { syn: null, reconnect: null, data: null });
  assert.equal(retryLevel("syn", null), "calm");
  assert.equal(retryLevel("syn", 0.02), "look");
  assert.equal(retryLevel("syn", 0.2), "act");
});
