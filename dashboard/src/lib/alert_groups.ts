// Alerts as a person counts them: a machine behind several services has one CPU, though there is an alert for each of them. Pure.
import type { Alert, BackendNow } from "../contract";

const OF_MACHINES = new Set(["ShuntBackendHostDown", "ShuntBackendCpuHigh", "ShuntBackendMemHigh", "ShuntBackendDiskHigh"]);

// "10.2.0.1:80" and "[2001:db8::1]:80" without their ports.
const machineOf = (address: string): string => address.replace(/:\d+$/, "");

// In the order of the first of each. Alerts of one rule and state about one machine are together; the first stands for all.
export function alertGroups(alerts: readonly Alert[], backends: readonly BackendNow[]): Alert[][] {
  const machine = new Map(backends.map((b) => [`${b.service}/${b.pool}/${b.name}`, machineOf(b.address)]));
  const groups = new Map<string, Alert[]>();
  alerts.forEach((alert, i) => {
    const at = OF_MACHINES.has(alert.name) ? machine.get(`${alert.service}/${alert.pool}/${alert.backend}`) : undefined;
    const key = at === undefined ? String(i) : `${alert.name} ${alert.state} ${at}`;
    const group = groups.get(key);
    if (group) group.push(alert);
    else groups.set(key, [alert]);
  });
  return [...groups.values()];
}
