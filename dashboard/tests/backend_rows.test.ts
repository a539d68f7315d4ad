import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendNow, BackendState } from "../src/api";
import { compareBackends, matchesFilter, rowOrder, standOf, stateCounts, tableRows, type TableRow } from "../src/lib/backend_rows";

function backend(name: string, extra: Partial<BackendNow> = {}): BackendNow {
  return {
    service: "web",
    pool: "web",
    name,
    address: "10.2.0.1:80",
    state: "up",
    reason: "",
    since: 0,
    weight: 100,
    share: 0.5,
    active: 1,
    host: null,
    severity: null,
    flows: 10,
    ended: 10,
    failures: 0,
    failure_ratio: 0,
    syn_retransmits: 0,
    reconnects: 0,
    data_retransmits: 0,
    packets: 0,
    bytes: 0,
    reply_packets: 0,
    reply_bytes: 0,
    connect_method: "synack",
    connect_p50_us: null,
    connect_p95_us: null,
    connect_p99_us: null,
    response_p50_us: null,
    response_p95_us: null,
    response_p99_us: null,
    ...extra,
  };
}
const view = { sort: "name" as const, down: false, filter: "", folded: new Set<string>() };
const keys = (rows: TableRow[]): string[] => rows.map((row) => row.key);

test("names sort as people count", () => {
  const rows = tableRows([backend("web-10"), backend("web-2")], [], view);
  assert.deepEqual(keys(rows), ["service web", "web/web/web-2", "web/web/web-10"]);
});

test("what isn't known sorts last in both directions", () => {
  const list = [backend("a"), backend("b", { connect_p95_us: 5 }), backend("c", { connect_p95_us: 9 })];
  const order = (down: boolean): string =>
    [...list]
      .sort(compareBackends("connect_p95_us", down))
      .map((b) => b.name)
      .join("");
  assert.equal(order(true), "cba");
  assert.equal(order(false), "bca");
});

test("a stale machine's figures sort as not known", () => {
  const host = { cpu: 0.9, memory: 0.1, disk: 0.1, received: 1, sent: 1, read_at: 1, stale: true };
  const list = [backend("a", { host }), backend("b", { host: { ...host, cpu: 0.2, stale: false } })];
  assert.deepEqual(
    [...list].sort(compareBackends("cpu", true)).map((b) => b.name),
    ["b", "a"],
  );
});

test("the worst state is first when states sort downwards", () => {
  const states: BackendState[] = ["up", "down", "drain", "disabled", "starting", "unknown"];
  const sorted = states.map((state) => backend(state, { state })).sort(compareBackends("state", true));
  assert.deepEqual(
    sorted.map((b) => b.state),
    ["down", "unknown", "drain", "disabled", "starting", "up"],
  );
});

test("all words of a filter must match, ! turns one round", () => {
  const down = backend("web-1", { state: "down", reason: "connection refused" });
  assert.ok(matchesFilter(down, ""));
  assert.ok(matchesFilter(down, "WEB refused"));
  assert.ok(matchesFilter(down, "state:down name:-1"));
  assert.ok(!matchesFilter(down, "state:up"));
  assert.ok(!matchesFilter(down, "!down"));
  assert.ok(matchesFilter(backend("web-1"), "!state:down"));
});

test("a service without matching rows isn't shown, a folded one shows its head alone", () => {
  const list = [backend("web-1"), backend("dns-1", { service: "dns", pool: "dns" })];
  assert.deepEqual(keys(tableRows(list, [], { ...view, filter: "dns-1" })), ["service dns", "dns/dns/dns-1"]);
  assert.deepEqual(keys(tableRows(list, [], { ...view, folded: new Set(["dns"]) })), ["service dns", "service web", "web/web/web-1"]);
});

test("a held order stays when figures change, new rows go to the end", () => {
  const byFlows = { ...view, sort: "flows" as const, down: true };
  const before = tableRows([backend("a", { flows: 2 }), backend("b", { flows: 1 })], [], byFlows);
  const after = [backend("a", { flows: 2 }), backend("b", { flows: 9 }), backend("c", { flows: 99 })];
  assert.deepEqual(keys(tableRows(after, [], byFlows, rowOrder(before))), ["service web", "web/web/a", "web/web/b", "web/web/c"]);
  assert.deepEqual(keys(tableRows(after, [], byFlows)), ["service web", "web/web/c", "web/web/b", "web/web/a"]);
});

test("weight 0 isn't draining, unless somebody drains it too", () => {
  const weightless = backend("a", { state: "drain", weight: 0, reason: "weight 0: no new flows" });
  assert.equal(standOf(weightless), "weight0");
  assert.equal(standOf(backend("b", { state: "drain", weight: 0, reason: "draining: no new flows" })), "drain");
  assert.equal(standOf(backend("c", { state: "drain", weight: 5 })), "drain");
  assert.equal(standOf(backend("d", { state: "down", weight: 0 })), "down");
  assert.ok(matchesFilter(weightless, "state:weight0") && !matchesFilter(weightless, "state:drain"));
  assert.deepEqual(stateCounts([weightless]), [{ state: "weight0", count: 1 }]);
});

test("states are counted, worst first", () => {
  assert.deepEqual(stateCounts([backend("a"), backend("b", { state: "down" }), backend("c")]), [
    { state: "down", count: 1 },
    { state: "up", count: 2 },
  ]);
});
