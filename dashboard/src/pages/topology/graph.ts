// What the map shows: clients' countries, services, backends and the flows between them. Pure.
//
// Bound: COUNTRIES + 1 countries, and of each pool at most ALONE backends by themselves: where a pool is bigger, its healthy
// ones are one node, and so are those that are one too many.
import type { Frame, Topology } from "../../api";
import { count } from "../../format";
import { standOf } from "../../lib/backend_rows";
import { shared } from "./shares";

const COUNTRIES = 12;
const ALONE = 12;
const UNHEALTHY_RATIO = 0.01;

export type Layer = 0 | 1 | 2;
export interface Node {
  id: string;
  layer: Layer;
  name: string; // countries: the code
  group: string; // the pool of a backend
  service: string;
  state: string;
  flows: number;
  failure_ratio: number | null;
  members: readonly string[]; // of a group: names; else empty
}
export interface Link {
  from: string;
  to: string;
  flows: number;
  failure_ratio: number | null;
}
export interface Graph {
  nodes: Node[];
  links: Link[];
}

// The newest frame as the API's own topology would put it.
export function ofFrame(f: Frame, service: string): Topology {
  const mine = (name: string): boolean => service === "" || service === name;
  const here = f.countries.filter((c) => mine(c.service));
  const codes = new Set(here.map((c) => c.country));
  // Their flows and failures are those of their links (shares.ts).
  const nodes: Topology["nodes"] = [...codes].map((name) => ({ id: `country:${name}`, kind: "country", name, state: "", flows: 0, failure_ratio: null }));
  const links: Topology["links"] = here.map((c) => ({ from: `country:${c.country}`, to: `service:${c.service}`, flows: c.flows, failure_ratio: c.failure_ratio }));
  for (const s of f.services) {
    if (mine(s.name)) nodes.push({ id: `service:${s.name}`, kind: "service", name: s.name, state: s.state, flows: s.flows, failure_ratio: s.failure_ratio });
  }
  for (const b of f.backends) {
    if (!mine(b.service)) continue;
    const id = `backend:${b.service}/${b.pool}/${b.name}`;
    nodes.push({ id, kind: "backend", name: b.name, state: standOf(b), flows: b.flows, failure_ratio: b.failure_ratio });
    links.push({ from: `service:${b.service}`, to: id, flows: b.flows, failure_ratio: b.failure_ratio });
  }
  return { t: f.t, nodes, links };
}

// The API's answer, with what the frame knows better: who has no weight.
export function withStands(t: Topology, f: Frame | null): Topology {
  const weightless = new Set((f?.backends ?? []).filter((b) => standOf(b) === "weight0").map((b) => `backend:${b.service}/${b.pool}/${b.name}`));
  return { ...t, nodes: t.nodes.map((n) => (n.state === "drain" && weightless.has(n.id) ? { ...n, state: "weight0" } : n)) };
}

// What leads to or from one service; countries with the flows that they send there.
export function ofService(t: Topology, service: string): Topology {
  const id = `service:${service}`;
  const links = t.links.filter((l) => l.from === id || l.to === id);
  const nodes = t.nodes.flatMap((n) => {
    if (n.id === id || n.id.startsWith(`backend:${service}/`)) return [n];
    const link = n.kind === "country" ? links.find((l) => l.from === n.id) : undefined;
    return link ? [{ ...n, flows: link.flows, failure_ratio: link.failure_ratio }] : [];
  });
  return { ...t, nodes, links };
}

function together(id: string, like: Node, name: string, state: string, parts: readonly Node[]): Node {
  const flows = parts.reduce((sum, p) => sum + p.flows, 0);
  const failures = parts.reduce((sum, p) => sum + p.flows * (p.failure_ratio ?? 0), 0);
  return { ...like, id, name, state, flows, failure_ratio: flows > 0 ? failures / flows : null, members: parts.map((p) => p.name) };
}

const healthy = (n: Node): boolean => n.state === "up" && (n.failure_ratio ?? 0) < UNHEALTHY_RATIO;

// `into` notes which node stands for which.
function groupPool(pool: readonly Node[], into: Map<string, string>): Node[] {
  if (pool.length <= ALONE) return [...pool];
  const first = pool[0];
  const base = `group:${first.service}/${first.group}`;
  const well = pool.filter(healthy);
  const bad = pool.filter((n) => !healthy(n));
  const shown = bad.slice(0, ALONE);
  const rest = bad.slice(ALONE);
  for (const n of well) into.set(n.id, `${base}/well`);
  for (const n of rest) into.set(n.id, `${base}/rest`);
  if (well.length > 0) shown.push(together(`${base}/well`, first, `${count(well.length)} healthy`, "up", well));
  if (rest.length > 0) shown.push(together(`${base}/rest`, first, `${count(rest.length)} more not healthy`, "down", rest));
  return shown;
}

// The busiest first, in steps of about a third, so that two alike don't change places each second.
const busy = (n: Node): number => Math.round(Math.log2(n.flows + 1) * 2.5);
const byFlows = (a: Node, b: Node): number => busy(b) - busy(a) || (a.name < b.name ? -1 : 1);

function groupCountries(countries: readonly Node[], into: Map<string, string>): Node[] {
  const sorted = [...countries].sort(byFlows);
  if (sorted.length <= COUNTRIES + 1) return sorted;
  const rest = sorted.slice(COUNTRIES);
  for (const n of rest) into.set(n.id, "country:other");
  return [...sorted.slice(0, COUNTRIES), together("country:other", rest[0], "other", "", rest)];
}

function regroup(links: readonly Link[], into: ReadonlyMap<string, string>): Link[] {
  const merged = new Map<string, Link>();
  for (const l of links) {
    const from = into.get(l.from) ?? l.from;
    const to = into.get(l.to) ?? l.to;
    const had = merged.get(`${from} ${to}`);
    if (!had) {
      merged.set(`${from} ${to}`, { ...l, from, to });
      continue;
    }
    const flows = had.flows + l.flows;
    had.failure_ratio = flows > 0 ? (had.flows * (had.failure_ratio ?? 0) + l.flows * (l.failure_ratio ?? 0)) / flows : null;
    had.flows = flows;
  }
  return [...merged.values()];
}

export function graph(answer: Topology): Graph {
  const t = shared(answer);
  const into = new Map<string, string>();
  const countries: Node[] = [];
  const services: Node[] = [];
  const pools = new Map<string, Node[]>();
  for (const n of t.nodes) {
    const { id, name, state, flows, failure_ratio } = n;
    const node: Node = { id, layer: 0, name, group: "", service: "", state, flows, failure_ratio, members: [] };
    if (n.kind === "country") countries.push(node);
    else if (n.kind === "service") services.push({ ...node, layer: 1, service: name });
    else {
      const [service = "", group = ""] = id.slice("backend:".length).split("/");
      const key = `${service}/${group}`;
      const list = pools.get(key) ?? [];
      list.push({ ...node, layer: 2, service, group });
      pools.set(key, list);
    }
  }
  services.sort(byFlows);
  const byName = (a: Node, b: Node): number => a.name.localeCompare(b.name, "en", { numeric: true });
  const backends = services.flatMap((s) =>
    [...pools.entries()]
      .filter(([key]) => key.startsWith(s.name + "/"))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, pool]) => groupPool([...pool].sort(byName), into)),
  );
  const nodes = [...groupCountries(countries, into), ...services, ...backends];
  const there = new Set(nodes.map((n) => n.id));
  return { nodes, links: regroup(t.links, into).filter((l) => there.has(l.from) && there.has(l.to)) };
}
