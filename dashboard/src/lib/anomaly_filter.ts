// Which anomalies a person wants to see, as it stands in the address.
import type { Anomaly, Severity } from "../api";
import { compareSeverity } from "./swim_lanes";

export interface AnomalyFilter {
  least: Severity; // this bad or worse
  open: boolean; // only those that last
  text: string; // words that must all be there; "" for all
  backend: string;
}

const isSeverity = (text: string | undefined): text is Severity => ["info", "minor", "major", "critical"].includes(text ?? "");

export function filterOf(query: Record<string, string>): AnomalyFilter {
  const least = isSeverity(query.severity) ? query.severity : "info";
  return { least, open: query.open === "1", text: query.q ?? "", backend: query.backend ?? "" };
}

export function wanted(anomaly: Anomaly, filter: AnomalyFilter): boolean {
  if (compareSeverity(anomaly.severity, filter.least) < 0) return false;
  if (filter.open && anomaly.closed !== null) return false;
  if (filter.backend !== "" && anomaly.backend !== filter.backend) return false;
  const texts =
    `${anomaly.service} ${anomaly.pool} ${anomaly.backend} ${anomaly.node} ${anomaly.kpi} ${anomaly.detector} ${anomaly.reason}`.toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => texts.includes(word));
}
