// Where a worker's ticks go: what each stage does in a few words, and why there may be no figures.
import type { System } from "../contract";

type Node = System["nodes"][number];
export type Worker = Node["workers"][number];
export type Stage = Worker["stages"][number];

const DOES: Record<string, string> = {
  receive: "fetches packets from the card",
  parse: "reads headers that aren't plain",
  classify: "finds the service; reads plain headers",
  lookup: "finds the flow in the tables",
  select: "chooses a backend for a new flow",
  rewrite: "changes addresses, or wraps",
  transmit: "gives packets to the card",
};
export const stageDoes = (name: string): string => DOES[name] ?? "";

// Six colours for seven stages: parse costs next to nothing where packets are plain, so it is the grey one.
const TOKENS: Record<string, string> = {
  receive: "--series-5",
  parse: "--idle",
  classify: "--series-1",
  lookup: "--series-2",
  select: "--series-4",
  rewrite: "--series-3",
  transmit: "--series-6",
};
export const stageToken = (name: string): string => TOKENS[name] ?? "--line-strong";

export const isMeasured = (worker: Worker): boolean => worker.stages.some((stage) => stage.share !== null);

// "" where some worker has figures.
export function whyNoStages(node: Pick<Node, "name" | "state" | "workers">): string {
  if (node.workers.some(isMeasured)) return "";
  if (node.workers.length === 0) return "No worker has told yet.";
  if (node.state === "down") return `${node.name} doesn't answer, so what its packets cost now isn't known.`;
  if (node.workers.every((worker) => worker.stages.length === 0)) return "This shuntd doesn't tell what its stages cost; a newer one does.";
  return "Nothing is measured yet: a worker times one burst of many, so some packets have to come first.";
}

// The worker that the address names by its core, else the first one with figures.
export function chosenWorker(workers: readonly Worker[], core: string | undefined): Worker | undefined {
  return workers.find((worker) => String(worker.cpu) === core) ?? workers.find(isMeasured) ?? workers[0];
}

// What the bar says to who can't see it: the three largest.
export function largest(worker: Worker, share: (value: number | null) => string): string {
  const most = worker.stages.filter((stage) => (stage.share ?? 0) > 0).sort((a, b) => (b.share ?? 0) - (a.share ?? 0));
  return most
    .slice(0, 3)
    .map((stage) => `${stage.name} ${share(stage.share)}`)
    .join(", ");
}

// How long a tick is, in nanoseconds; null where the node hasn't said.
export const tickNs = (hz: number): number | null => (hz > 0 ? 1e9 / hz : null);
