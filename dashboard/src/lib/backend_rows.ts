// Rows of the backends' table: which are shown, in which order, under which service. Pure: a frame's backends in, rows
// out. Cost: one sort of what is shown (1,000 backends: about a millisecond).
import type { BackendNow, BackendState, ServiceNow, Severity } from "../api";

export type SortKey =
  | "name"
  | "state"
  | "weight"
  | "share"
  | "flows"
  | "active"
  | "failure_ratio"
  | "syn_retransmits"
  | "connect_p50_us"
  | "connect_p95_us"
  | "connect_p99_us"
  | "response_p50_us"
  | "response_p95_us"
  | "response_p99_us"
  | "bytes"
  | "reply_bytes"
  | "cpu"
  | "memory"
  | "disk";

export interface TableView {
  sort: SortKey;
  down: boolean; // largest, or worst, first
  filter: string;
  folded: ReadonlySet<string>; // services whose rows are hidden
}

export type TableRow =
  | { kind: "service"; key: string; name: string; service: ServiceNow | null; shown: number; total: number; folded: boolean }
  | { kind: "backend"; key: string; backend: BackendNow };

export function backendKey(backend: { service: string; pool: string; name: string }): string {
  return `${backend.service}/${backend.pool}/${backend.name}`;
}

// What a person sees of a state: insight says "drain" of weight 0 too, which nobody can take back.
export type Stand = BackendState | "weight0";
export const standOf = (b: Pick<BackendNow, "state" | "weight" | "reason">): Stand =>
  b.state === "drain" && b.weight === 0 && !b.reason.startsWith("draining") ? "weight0" : b.state;

// How much a state asks for a person: worst last, so that a descending sort has it first.
const stateRank: Record<Stand, number> = { up: 0, starting: 1, disabled: 2, weight0: 2.5, drain: 3, unknown: 4, down: 5 };
const severityRank: Record<Severity, number> = { info: 1, minor: 2, major: 3, critical: 4 };

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
export const compareNames = (a: string, b: string): number => collator.compare(a, b);

function compareIdentity(a: BackendNow, b: BackendNow): number {
  return compareNames(a.pool, b.pool) || compareNames(a.name, b.name);
}

// null: not known, which sorts last in either direction.
function sortValue(backend: BackendNow, key: Exclude<SortKey, "name">): number | null {
  switch (key) {
    case "state":
      return stateRank[standOf(backend)] + (backend.severity ? severityRank[backend.severity] / 10 : 0);
    case "cpu":
    case "memory":
    case "disk":
      return backend.host && !backend.host.stale ? backend.host[key] : null;
    default:
      return backend[key];
  }
}

export function compareBackends(sort: SortKey, down: boolean): (a: BackendNow, b: BackendNow) => number {
  const sign = down ? -1 : 1;
  if (sort === "name") return (a, b) => sign * compareIdentity(a, b);
  return (a, b) => {
    const left = sortValue(a, sort);
    const right = sortValue(b, sort);
    if (left === null || right === null) {
      if (left === right) return compareIdentity(a, b);
      return left === null ? 1 : -1;
    }
    return sign * (left - right) || compareIdentity(a, b);
  };
}

// Words of the filter must all match: "web down" has backends of web that are down. `state:`, `service:`, `pool:` and
// `name:` look at that alone; "!" before a word turns it round.
export function matchesFilter(backend: BackendNow, filter: string): boolean {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((raw) => {
      const negated = raw.startsWith("!");
      const word = negated ? raw.slice(1) : raw;
      if (word === "") return true;
      return matchesWord(backend, word) !== negated;
    });
}

function matchesWord(backend: BackendNow, word: string): boolean {
  const [, field, rest] = /^(state|service|pool|name):(.*)$/.exec(word) ?? [];
  if (field === "state") return standOf(backend).startsWith(rest ?? "");
  if (field !== undefined) return backend[field as "service" | "pool" | "name"].toLowerCase().includes(rest ?? "");
  const texts = [backend.service, backend.pool, backend.name, backend.address, standOf(backend), backend.reason];
  return texts.some((text) => text.toLowerCase().includes(word));
}

// Services in the order of their names; a service none of whose backends matches isn't shown. `order` (keys of a former
// call) holds rows where they were, so that a table under a pointer doesn't jump; new ones go to the end of their service.
export function tableRows(
  backends: readonly BackendNow[],
  services: readonly ServiceNow[],
  view: TableView,
  order?: ReadonlyMap<string, number>,
): TableRow[] {
  const groups = new Map<string, { total: number; shown: BackendNow[] }>();
  for (const backend of backends) {
    let group = groups.get(backend.service);
    if (!group) groups.set(backend.service, (group = { total: 0, shown: [] }));
    group.total += 1;
    if (matchesFilter(backend, view.filter)) group.shown.push(backend);
  }
  const byName = new Map(services.map((service) => [service.name, service]));
  const compare = compareBackends(view.sort, view.down);
  const place = (backend: BackendNow): number => order?.get(backendKey(backend)) ?? Number.MAX_SAFE_INTEGER;
  const rows: TableRow[] = [];
  for (const name of [...groups.keys()].sort(compareNames)) {
    const group = groups.get(name)!;
    if (group.shown.length === 0) continue;
    const folded = view.folded.has(name);
    rows.push({
      kind: "service",
      key: `service ${name}`,
      name,
      service: byName.get(name) ?? null,
      shown: group.shown.length,
      total: group.total,
      folded,
    });
    if (folded) continue;
    group.shown.sort(order ? (a, b) => place(a) - place(b) || compare(a, b) : compare);
    for (const backend of group.shown) rows.push({ kind: "backend", key: backendKey(backend), backend });
  }
  return rows;
}

export function rowOrder(rows: readonly TableRow[]): Map<string, number> {
  return new Map(rows.map((row, place) => [row.key, place]));
}

// How many backends are in each state, worst first; states that none is in are left out.
export function stateCounts(backends: readonly BackendNow[]): { state: Stand; count: number }[] {
  const counts = new Map<Stand, number>();
  for (const backend of backends) counts.set(standOf(backend), (counts.get(standOf(backend)) ?? 0) + 1);
  return [...counts].map(([state, count]) => ({ state, count })).sort((a, b) => stateRank[b.state] - stateRank[a.state]);
}
