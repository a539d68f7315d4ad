import assert from "node:assert/strict";
import { test } from "node:test";
import { ratio } from "../src/format";
import { chosenWorker, largest, stageDoes, stageToken, tickNs, whyNoStages, type Worker } from "../src/lib/worker_stages";

const NAMES = ["receive", "parse", "classify", "lookup", "select", "rewrite", "transmit"];
const worker = (cpu: number, shares: Record<string, number | null>): Worker => ({
  cpu,
  busy_ratio: 0.1,
  packets: 10,
  ticks_per_packet: 200,
  stages: Object.entries(shares).map(([name, share]) => ({ name, share, ticks_per_packet: share === null ? null : 10 })),
});
const silent = worker(1, { receive: null, lookup: null });
const measured = worker(2, { receive: 0.2, parse: 0, lookup: 0.5, select: 0.05, transmit: 0.25 });
const node = (workers: Worker[], state: "up" | "down" = "up") => ({ name: "lb1", state, workers });

test("every stage has words and a colour of its own; one of a newer shuntd has a colour", () => {
  assert.equal(new Set(NAMES.map(stageDoes)).size, NAMES.length);
  assert.equal(new Set(NAMES.map(stageToken)).size, NAMES.length);
  assert.ok(NAMES.every((name) => stageDoes(name) !== ""));
  assert.equal(stageDoes("crypto"), "");
  assert.equal(stageToken("crypto"), "--line-strong");
});

test("it says why there are no figures, and nothing where one worker has some", () => {
  assert.equal(whyNoStages(node([silent, measured])), "");
  assert.match(whyNoStages(node([])), /^No worker/);
  assert.match(whyNoStages(node([silent], "down")), /^lb1 doesn't answer/);
  assert.match(whyNoStages(node([worker(1, {})])), /^This shuntd doesn't tell/);
  assert.match(whyNoStages(node([silent])), /^Nothing is measured yet/);
});

test("the worker is the one that is named, else the first with figures, else the first", () => {
  const other = worker(3, { receive: 1 });
  assert.equal(chosenWorker([silent, measured, other], "3"), other);
  assert.equal(chosenWorker([silent, measured, other], "1"), silent);
  assert.equal(chosenWorker([silent, measured, other], "9"), measured);
  assert.equal(chosenWorker([silent], undefined), silent);
  assert.equal(chosenWorker([], "1"), undefined);
});

test("the bar's words are its three largest, the largest first", () => {
  assert.equal(largest(measured, ratio), "lookup 50\u00a0%, transmit 25\u00a0%, receive 20\u00a0%");
  assert.equal(largest(silent, ratio), "");
});

test("a tick's length is told where its rate is known", () => {
  assert.equal(tickNs(2_000_000_000), 0.5);
  assert.equal(tickNs(0), null);
});
