import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, BackendNow } from "../src/api";
import { alertGroups } from "../src/lib/alert_groups";

const backend = (service: string, name: string, address: string) => ({ service, pool: service, name, address }) as unknown as BackendNow;
const backends = [backend("web", "b1", "10.0.0.1:80"), backend("dns", "b1", "10.0.0.1:53"), backend("dns", "b2", "10.0.0.2:53"), backend("old", "b1", "10.9.0.1:80")];
const alert = (name: string, service: string, of: string, state = "firing") =>
  ({ name, service, pool: service, backend: of, subject: `${service}/${of}`, state }) as unknown as Alert;
const subjects = (alerts: Alert[]): string[][] => alertGroups(alerts, backends).map((group) => group.map((one) => one.subject));

test("a machine in two services is told once, with both", () => {
  assert.deepEqual(subjects([alert("ShuntBackendCpuHigh", "web", "b1"), alert("ShuntBackendCpuHigh", "dns", "b2"), alert("ShuntBackendCpuHigh", "dns", "b1")]), [
    ["web/b1", "dns/b1"],
    ["dns/b2"],
  ]);
});

test("machines are told apart by their address, not by their name", () => {
  assert.deepEqual(subjects([alert("ShuntBackendDiskHigh", "web", "b1"), alert("ShuntBackendDiskHigh", "old", "b1")]), [["web/b1"], ["old/b1"]]);
});

test("other rules, other states and backends that aren't there any more stay by themselves", () => {
  assert.equal(subjects([alert("ShuntBackendDown", "web", "b1"), alert("ShuntBackendDown", "dns", "b1")]).length, 2);
  assert.equal(subjects([alert("ShuntBackendMemHigh", "web", "b1"), alert("ShuntBackendMemHigh", "dns", "b1", "pending")]).length, 2);
  assert.equal(subjects([alert("ShuntBackendMemHigh", "web", "gone"), alert("ShuntBackendMemHigh", "dns", "gone")]).length, 2);
});
