// Where the map's nodes stand and how its links run. Pure, the same for the same graph.
//
// Three columns. Down a column the order is fixed (graph.ts); each node is drawn towards those it is linked with, as by springs,
// and pushed apart from its neighbours, some rounds long. Cost: rounds × (nodes + links); 60 nodes take well under a millisecond.
import type { Graph, Layer, Link, Node } from "./graph";

const ROUNDS = 24;
const LEAST_SLOT = [21, 54, 22] as const; // px a node needs for its words, by layer
const GAP = [4, 30, 4] as const;
const POOL_GAP = 12;
const LEAST_HEIGHT = 400;
const FILL = 0.5; // of the height that the busiest column's bars take
const THINNEST = 1.5;

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
  height: number;
  nodes: Placed[];
  links: Drawn[];
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
// In steps of a fifth, so that a second's noise doesn't move the scale.
const stepped = (v: number): number => (v <= 0 ? 1 : 2 ** (Math.ceil(Math.log2(v) * 4) / 4));

interface Slot {
  node: Placed;
  size: number;
  gap: number; // above it
}

function slots(column: Placed[], layer: Layer): Slot[] {
  return column.map((node, i) => {
    const before = column[i - 1];
    const apart = before && (before.service !== node.service || before.group !== node.group) ? POOL_GAP : 0;
    return { node, size: Math.max(LEAST_SLOT[layer], node.bar), gap: i === 0 ? 0 : GAP[layer] + apart };
  });
}

const needed = (column: readonly Slot[]): number => sum(column.map((s) => s.size + s.gap));

// Keeps the order and the gaps, within 0 to height: first downwards, then back up from the end.
function pushApart(column: readonly Slot[], height: number): void {
  let edge = 0;
  for (const s of column) {
    s.node.y = Math.max(s.node.y, edge + s.gap + s.size / 2);
    edge = s.node.y + s.size / 2;
  }
  edge = height;
  for (let i = column.length - 1; i >= 0; i--) {
    const s = column[i];
    s.node.y = Math.min(s.node.y, edge - s.size / 2);
    edge = s.node.y - s.size / 2 - s.gap;
  }
}

function relax(columns: readonly Slot[][], graph: Graph, at: ReadonlyMap<string, Placed>, height: number): void {
  for (const column of columns) {
    let y = (height - needed(column)) / 2;
    for (const s of column) {
      s.node.y = y + s.gap + s.size / 2;
      y += s.gap + s.size;
    }
  }
  for (let round = 0; round < ROUNDS; round++) {
    const pull = new Map<string, { y: number; weight: number }>();
    const add = (id: string, y: number, weight: number): void => {
      const p = pull.get(id) ?? { y: 0, weight: 0 };
      pull.set(id, { y: p.y + y * weight, weight: p.weight + weight });
    };
    for (const l of graph.links) {
      const from = at.get(l.from);
      const to = at.get(l.to);
      if (!from || !to) continue;
      const weight = l.flows + 1;
      add(l.from, to.y, weight);
      add(l.to, from.y, weight);
    }
    for (const column of columns) {
      for (const { node } of column) {
        const p = pull.get(node.id);
        if (p && p.weight > 0) node.y += 0.5 * (p.y / p.weight - node.y);
      }
      pushApart(column, height);
    }
  }
}

// Takes away what stays free above and below; returns the height that is left.
const ABOVE_SERVICE = 38; // its words stand on top of it
function trim(columns: readonly Slot[][], height: number): number {
  const all = columns.flat();
  const top = Math.min(height, ...all.map((s) => s.node.y - s.size / 2 - (s.node.layer === 1 ? ABOVE_SERVICE : 0)));
  for (const s of all) s.node.y -= top;
  return Math.ceil(Math.max(0, ...all.map((s) => s.node.y + s.size / 2)) / 40) * 40;
}

function draw(graph: Graph, at: ReadonlyMap<string, Placed>, scale: number, bar: number): Drawn[] {
  const width = (l: Link): number => Math.max(THINNEST, l.flows * scale);
  const y = (id: string): number => at.get(id)?.y ?? 0;
  const ends = new Map<Link, { from: number; to: number }>(graph.links.map((l) => [l, { from: 0, to: 0 }]));
  // Side by side along a bar, in the order of the other ends.
  const spread = (key: "from" | "to", other: "from" | "to"): void => {
    const by = new Map<string, Link[]>();
    for (const l of graph.links) by.set(l[key], [...(by.get(l[key]) ?? []), l]);
    for (const [id, links] of by) {
      let edge = y(id) - sum(links.map(width)) / 2;
      for (const l of links.sort((a, b) => y(a[other]) - y(b[other]))) {
        const end = ends.get(l);
        if (end) end[key] = edge + width(l) / 2;
        edge += width(l);
      }
    }
  };
  spread("from", "to");
  spread("to", "from");
  return graph.links.map((l) => {
    const x0 = (at.get(l.from)?.x ?? 0) + bar / 2;
    const x1 = (at.get(l.to)?.x ?? 0) - bar / 2;
    const e = ends.get(l) ?? { from: 0, to: 0 };
    const bend = (x1 - x0) * 0.5;
    const f = (v: number): string => v.toFixed(1);
    return { ...l, width: width(l), d: `M${f(x0)} ${f(e.from)}C${f(x0 + bend)} ${f(e.from)} ${f(x1 - bend)} ${f(e.to)} ${f(x1)} ${f(e.to)}` };
  });
}

// x: where the three columns stand; bar: how wide a node's bar is.
export function layout(graph: Graph, x: readonly [number, number, number], bar: number): Layout {
  const layers: Layer[] = [0, 1, 2];
  const total = stepped(Math.max(1e-9, ...layers.map((layer) => sum(graph.nodes.filter((n) => n.layer === layer).map((n) => n.flows)))));
  const bare = layers.map((layer) => {
    const n = graph.nodes.filter((node) => node.layer === layer).length;
    return n * (LEAST_SLOT[layer] + GAP[layer]) + POOL_GAP * 2;
  });
  const wanted = Math.max(LEAST_HEIGHT, ...bare);
  const scale = (wanted * FILL) / total;
  const nodes: Placed[] = graph.nodes.map((n) => ({ ...n, x: x[n.layer], y: 0, bar: Math.max(3, n.flows * scale) }));
  const at = new Map(nodes.map((n) => [n.id, n]));
  const columns = layers.map((layer) => slots(nodes.filter((n) => n.layer === layer), layer));
  // In steps too, for the same reason.
  const height = Math.ceil(Math.max(wanted, ...columns.map(needed)) / 40) * 40;
  relax(columns, graph, at, height);
  return { height: trim(columns, height), nodes, links: draw(graph, at, scale, bar) };
}
