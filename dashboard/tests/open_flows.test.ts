import assert from "node:assert/strict";
import { test } from "node:test";
import { isUdp, openFlows } from "../src/lib/open_flows";

test("a UDP service without a conversation has nothing to count; one with some counts them", () => {
  const udp = isUdp({ vips: ["10.1.0.53:53/udp", "[2001:db8::53]:53/udp"] });
  assert.equal(openFlows(0, udp), null);
  assert.equal(openFlows(3, udp), 3);
});

test("0 of TCP is 0, and so is that of a service that isn't known", () => {
  assert.equal(openFlows(0, isUdp({ vips: ["10.1.0.10:80/tcp"] })), 0);
  assert.equal(openFlows(0, isUdp({ vips: ["10.1.0.10:80/tcp", "10.1.0.10:80/udp"] })), 0);
  assert.equal(openFlows(0, isUdp(undefined)), 0);
});
