// The map as it is drawn: how high bars are and how links run, on the places of stand.ts. Pure.
import type { Graph, Link, Node } from "./graph";
import { busiest, idsOf, stand, type Stand } from "./stand";

const THINNEST = 1.5;
const LEAST_BAR = 3;
const CRAMPED = 0.6; // bars that would have to be thinner than so much of what suits them are given new places

export interface Placed extends Node {
  x: number;
  y: number; // the middle
  bar: number; // height of its bar
}
export interface Drawn extends Link {
  d: string;
  width: number;
}
export interface Layout {
  stand: Stand;
  height: number;
  nodes: Placed[];
  links: Drawn[];
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
// In steps of a fifth, so that a second's noise doesn't move the scale.
const stepped = (v: number): number => (v <= 0 ? 1 : 2 ** (Math.ceil(Math.log2(v) * 4) / 4));

// px for a flow a second: what suits, and what every bar has room for.
function scales(graph: Graph, on: Stand): { suits: number; fits: number } {
  const suits = on.fill / stepped(busiest(graph));
  return { suits, fits: Math.min(suits, ...graph.nodes.map((n) => (on.at.get(n.id)?.room ?? 0) / Math.max(1e-9, n.flows))) };
}

// Places stay while the nodes are the same and their bars fit.
function standOf(graph: Graph, before: Stand | null): Stand {
  if (!before || before.nodes !== idsOf(graph)) return stand(graph);
  const { suits, fits } = scales(graph, before);
  return fits < suits * CRAMPED ? stand(graph) : before;
}

// Links' ends side by side along a bar, in the order of the other ends.
function spread(graph: Graph, at: ReadonlyMap<string, Placed>, width: (l: Link) => number, key: "from" | "to"): Map<Link, number> {
  const other = key === "from" ? "to" : "from";
  const y = (id: string): number => at.get(id)?.y ?? 0;
  const by = new Map<string, Link[]>();
  for (const l of graph.links) by.set(l[key], [...(by.get(l[key]) ?? []), l]);
  const ends = new Map<Link, number>();
  for (const [id, links] of by) {
    let edge = y(id) - sum(links.map(width)) / 2;
    for (const l of links.sort((a, b) => y(a[other]) - y(b[other]))) {
      ends.set(l, edge + width(l) / 2);
      edge += width(l);
    }
  }
  return ends;
}

function draw(graph: Graph, at: ReadonlyMap<string, Placed>, scale: number, bar: number): Drawn[] {
  const width = (l: Link): number => Math.max(THINNEST, l.flows * scale);
  const from = spread(graph, at, width, "from");
  const to = spread(graph, at, width, "to");
  const f = (v: number): string => v.toFixed(1);
  return graph.links.map((l) => {
    const x0 = (at.get(l.from)?.x ?? 0) + bar / 2;
    const x1 = (at.get(l.to)?.x ?? 0) - bar / 2;
    const y0 = f(from.get(l) ?? 0);
    const y1 = f(to.get(l) ?? 0);
    const bend = (x1 - x0) * 0.5;
    return { ...l, width: width(l), d: `M${f(x0)} ${y0}C${f(x0 + bend)} ${y0} ${f(x1 - bend)} ${y1} ${f(x1)} ${y1}` };
  });
}

// x: where the three columns are; bar: how wide a node's bar is; before: the places of a second ago.
export function layout(graph: Graph, x: readonly [number, number, number], bar: number, before: Stand | null = null): Layout {
  const on = standOf(graph, before);
  const scale = scales(graph, on).fits;
  const nodes: Placed[] = graph.nodes.map((n) => ({ ...n, x: x[n.layer], y: on.at.get(n.id)?.y ?? 0, bar: Math.max(LEAST_BAR, n.flows * scale) }));
  const at = new Map(nodes.map((n) => [n.id, n]));
  return { stand: on, height: on.height, nodes, links: draw(graph, at, scale, bar) };
}
