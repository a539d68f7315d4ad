import assert from "node:assert/strict";
import { test } from "node:test";
import { address, backendPath, match, parse, place, href, range, rangeOf, service } from "../src/router";

test("paths name pages", () => {
  assert.deepEqual(match("/"), { page: "overview", params: {} });
  assert.deepEqual(match("/topology/"), { page: "topology", params: {} });
  assert.deepEqual(match("/backends"), { page: "backends", params: {} });
  assert.equal(match("/backends/web").page, "missing");
  assert.equal(match("/nowhere").page, "missing");
});

test("names of backends survive an address", () => {
  const path = backendPath("web", "a pool", "10.0.0.1:80/x");
  assert.deepEqual(match(path), { page: "backend", params: { service: "web", pool: "a pool", backend: "10.0.0.1:80/x" } });
  assert.deepEqual(match("/backends/a/b/%E0%A4%A").params.backend, "%E0%A4%A"); // not UTF-8: as it is
});

test("an address is the same for the same place, without what is empty", () => {
  assert.equal(address("/", {}), "/");
  assert.equal(address("/", { service: "", range: undefined }), "/");
  assert.equal(address("/x", { service: "web", range: "1h" }), "/x?range=1h&service=web");
  assert.deepEqual(parse("/x", "?service=web&range=1h").query, { service: "web", range: "1h" });
});

test("links keep service and range, not what a page added", () => {
  place.value = parse("/topology", "?service=web&range=24h&node=country%3ADE");
  assert.equal(service.value, "web");
  assert.equal(range.value.seconds, 86_400);
  assert.equal(href("/traffic"), "/traffic?range=24h&service=web");
  assert.equal(href("/traffic", { service: "" }), "/traffic?range=24h");
  assert.equal(href("/anomalies", { incident: "4" }), "/anomalies?incident=4&range=24h&service=web");
});

test("an unknown range is live", () => assert.equal(rangeOf("3y").key, "live"));
