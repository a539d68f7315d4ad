// Flows as a person who looks for trouble reads them: failures first, the newest of each first.
import type { Flows } from "../api";

export type Flow = Flows["flows"][number];

const failed = new Set(["reset_by_server", "syn_timeout", "icmp_unreachable", "no_backend", "shed"]);
export const hasFailed = (flow: Pick<Flow, "outcome">): boolean => failed.has(flow.outcome);

// Two answers in one list without what is in both: `all` has the newest of any outcome, `failures` reach further back.
export function failuresFirst(all: readonly Flow[], failures: readonly Flow[]): Flow[] {
  const seen = new Set<string>();
  const fresh = (flow: Flow): boolean => {
    const key = `${flow.ended_at} ${flow.node} ${flow.client} ${flow.outcome} ${flow.duration_ms} ${flow.packets} ${flow.bytes}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
  const newest = (a: Flow, b: Flow): number => b.ended_at - a.ended_at;
  const bad = [...failures, ...all.filter(hasFailed)].filter(fresh).sort(newest);
  return [...bad, ...all.filter((flow) => !hasFailed(flow)).sort(newest)];
}
