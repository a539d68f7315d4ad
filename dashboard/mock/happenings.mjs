// What went wrong in the made-up network: anomalies, incidents, alerts, changes.
import { BORN, downSince, slowSince } from "./world.mjs";

const anomaly = (id, opened, closed, backend, kpi, score, severity, detector, low, high, observed, reason, incident = null, service = "web", pool = "web-eu") => ({
  id, opened, closed, node: "lb1", service, pool: backend === "" ? "" : pool, backend, kpi, score, severity, detector,
  expected_low: low, expected_high: high, observed, reason, incident,
});

export const anomalies = () => [
  anomaly(41, downSince + 2, null, "web-4", "failures", 1, "critical", "structural", 0, 0.004, 0.81, "81 % of 412 flows failed where 0.1 % is usual: no answer to SYN", 12),
  anomaly(42, downSince + 8, null, "", "flows", 0.72, "minor", "level", 3000, 3500, 2890, "fewer flows end well than in the hour before", 12),
  anomaly(40, slowSince + 20, null, "web-3", "latency", 0.97, "major", "peer outlier", 1400, 1900, 7100, "p95 of connecting is 4.6 times that of its siblings", 11),
  anomaly(43, slowSince + 40, null, "web-3", "failures", 0.83, "minor", "structural", 0, 0.004, 0.023, "2.3 % of 1,204 flows failed where 0.1 % is usual", 11),
  anomaly(37, BORN - 9200, BORN - 8700, "cache-1", "latency", 0.78, "minor", "record excess", 180, 260, 410, "p95 of connecting 37 % above anything in 14 days", null, "cache", "cache"),
  anomaly(33, BORN - 30_400, BORN - 29_900, "", "flows", 0.91, "major", "seasonal residual", 2100, 2700, 5900, "twice the flows usual for this hour of the week", 9, "dns", ""),
  anomaly(28, BORN - 190_000, BORN - 188_200, "web-2", "retries", 0.7, "info", "robust z", 0, 9, 31, "SYN retransmissions above what is usual", null),
];

export const incidents = () => [
  {
    id: 12, opened: downSince + 2, closed: null, severity: "critical", headline: "web-4 doesn’t answer",
    text: "web-4 in web-eu stopped answering SYNs. Its flows went to the four backends left in the pool; 331 flows failed before it was taken out. The fall in web’s flows follows from it.",
    root: { service: "web", backend: "web-4" },
    causes: [
      { service: "web", backend: "web-4", kpi: "failures", score: 0.96, why: "first to change, by far the most" },
      { service: "web", backend: "web-3", kpi: "latency", score: 0.31, why: "was slow already, took on more flows" },
    ],
    anomalies: [41, 42], hidden: [42],
  },
  {
    id: 11, opened: slowSince + 20, closed: null, severity: "major", headline: "web-3 is slow",
    text: "web-3 takes 4.6 times as long to connect as its siblings, and its CPU is at 93 %. One in 45 of its flows fails.",
    root: { service: "web", backend: "web-3" },
    causes: [{ service: "web", backend: "web-3", kpi: "latency", score: 0.94, why: "only this backend differs from its pool; its host’s CPU rose at the same time" }],
    anomalies: [40, 43], hidden: [43],
  },
  {
    id: 9, opened: BORN - 30_400, closed: BORN - 29_900, severity: "major", headline: "dns had twice its usual flows",
    text: "Flows to dns rose to 5,900 a second for eight minutes. No backend failed.", root: null,
    causes: [{ service: "dns", backend: "", kpi: "flows", score: 0.7, why: "traffic of clients rose; all backends alike" }], anomalies: [33], hidden: [],
  },
];

const RULES = [
  ["BackendDown", "critical", 5, "A backend that should serve doesn’t.", "Look at the backend’s service and its network; shuntctl backends shows what the health check last heard."],
  ["NoHealthyBackends", "critical", 0, "A service has no backend left.", "Clients are refused. Bring back one backend, or drain the VIP elsewhere."],
  ["BackendSlow", "warning", 60, "A backend’s p95 of connecting is above 200 ms.", "Compare with its siblings; look at its CPU and at its accept queue."],
  ["BackendPeerOutlier", "warning", 60, "A backend differs from its siblings.", "One machine, not the service: look at the host. Lower its weight, or drain it."],
  ["HighFailureRatio", "critical", 30, "More than 5 % of a service’s flows fail.", "See which outcome dominates on the backend’s page."],
  ["ErrorBudgetBurnFast", "critical", 120, "The error budget lasts less than two days at this rate.", "Find the backend that fails; drain it."],
  ["RetryStorm", "warning", 30, "Clients open more than 1.5 connections for each they want.", "Find what fails first; shedding limits the storm."],
  ["BackendCpuHigh", "warning", 300, "A backend’s CPU is above 80 %.", "Add a backend or move weight away."],
  ["FlowTableNearFull", "warning", 60, "A connection table is above 85 %.", "Raise its size, or shorten idle timeouts."],
  ["NodeDown", "critical", 5, "A node’s API doesn’t answer.", "Packets may still flow: check the process and its socket."],
  ["WarehouseBehind", "warning", 60, "History waits to be written.", "Look at the disk; figures now are not touched."],
];

const alert = (name, subject, backend, pool, state, severity, since, text) => ({
  name, subject, service: "web", pool, backend, node: "", state, severity, since, text, runbook: RULES.find((r) => r[0] === name)[4],
});

export function alerts() {
  const now = [
    alert("BackendDown", "web/web-4", "web-4", "web-eu", "firing", "critical", downSince + 5, "web-4 has been down since its health check failed three times"),
    alert("BackendPeerOutlier", "web/web-3", "web-3", "web-eu", "firing", "warning", slowSince + 90, "web-3 takes 4.6 times as long as its siblings"),
    alert("BackendCpuHigh", "web/web-3", "web-3", "web-eu", "pending", "warning", BORN - 120, "CPU at 93 %"),
  ];
  return {
    alerts: now,
    rules: RULES.map(([name, severity, for_s, text, runbook]) => {
      const mine = now.filter((a) => a.name === name);
      return { name, severity, for_s, text, runbook, state: mine.length === 0 ? "quiet" : mine.some((a) => a.state === "firing") ? "firing" : "pending", subjects: mine.length };
    }),
    history: [
      { at: downSince + 5, name: "BackendDown", subject: "web/web-4", state: "firing", severity: "critical", text: "health check failed three times" },
      { at: BORN - 120, name: "BackendCpuHigh", subject: "web/web-3", state: "pending", severity: "warning", text: "CPU at 93 %" },
      { at: slowSince + 90, name: "BackendPeerOutlier", subject: "web/web-3", state: "firing", severity: "warning", text: "4.6 times its siblings" },
      { at: BORN - 29_880, name: "TrafficSpike", subject: "dns", state: "resolved", severity: "warning", text: "flows as usual again" },
      { at: BORN - 30_300, name: "TrafficSpike", subject: "dns", state: "firing", severity: "warning", text: "twice the flows usual for this hour" },
    ],
  };
}
