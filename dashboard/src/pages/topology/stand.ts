// Where the map's nodes stand: three columns; forces.ts says where down a column. Pure, the same for the same graph.
//
// Made anew when nodes come or go, not each second: each node has room for its bar and some more, and a bar that outgrows it
// makes all bars thinner first (layout.ts).
import { seekOrder, settle, type Body, type Pull } from "./forces";
import type { Graph, Layer, Node } from "./graph";

export const LAYERS: readonly Layer[] = [0, 1, 2];
const LEAST_SLOT = [21, 54, 22] as const; // px a node needs for its words, by layer
const GAP = [4, 30, 4] as const;
const POOL_GAP = 12;
const LEAST_HEIGHT = 400;
const FILL = 0.5; // of the height that the busiest column's bars take
const SPARE = 1.25; // room for so much more than the bar's height
const LEVEL = 24; // px
const ABOVE_SERVICE = 38; // its words stand on top of it

export interface Place {
  y: number; // the middle
  room: number; // px that its bar can have
}
export interface Stand {
  nodes: string; // their ids
  fill: number; // px of bars in the busiest column
  height: number;
  at: ReadonlyMap<string, Place>;
}
interface Slot {
  node: Node;
  body: Body;
  size: number;
  gap: number; // above it
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
export const idsOf = (graph: Graph): string => graph.nodes.map((n) => n.id).sort().join(" ");
export const ofLayer = (graph: Graph, layer: Layer): Node[] => graph.nodes.filter((n) => n.layer === layer);
export const busiest = (graph: Graph): number => Math.max(0, ...LAYERS.map((layer) => sum(ofLayer(graph, layer).map((n) => n.flows))));

function slots(column: readonly Node[], layer: Layer, scale: number): Slot[] {
  return column.map((node, i) => {
    const before = column[i - 1];
    const apart = before && (before.service !== node.service || before.group !== node.group) ? POOL_GAP : 0;
    const size = Math.max(LEAST_SLOT[layer], node.flows * scale * SPARE);
    const gap = i === 0 ? 0 : GAP[layer] + apart;
    return { node, body: { layer, y: 0, room: size + gap }, size, gap };
  });
}

const needed = (column: readonly Slot[]): number => sum(column.map((s) => s.size + s.gap));

// One after another, evenly over the height.
function line(column: readonly Slot[], height: number): void {
  const spare = Math.max(0, height - needed(column)) / (column.length + 1);
  let y = spare;
  for (const s of column) {
    s.body.y = y + s.gap + s.size / 2;
    y += s.gap + s.size + spare;
  }
}

// What the forces left too close: keeps the order and the gaps, within 0 to height; first downwards, then back up from the end.
function pushApart(column: readonly Slot[], height: number): void {
  let edge = 0;
  for (const s of column) {
    s.body.y = Math.max(s.body.y, edge + s.gap + s.size / 2);
    edge = s.body.y + s.size / 2;
  }
  edge = height;
  for (let i = column.length - 1; i >= 0; i--) {
    const s = column[i];
    s.body.y = Math.min(s.body.y, edge - s.size / 2);
    edge = s.body.y - s.size / 2 - s.gap;
  }
}

function pullsOf(graph: Graph, all: readonly Slot[]): Pull[] {
  const bodies = new Map(all.map((s) => [s.node.id, s.body]));
  return graph.links.flatMap((l) => {
    const source = bodies.get(l.from);
    const target = bodies.get(l.to);
    return source && target ? [{ source, target, weight: l.flows + 1 }] : [];
  });
}

// Countries and services in the order in which links cross least; backends as their services are, by pool and name.
function ordered(graph: Graph, columns: readonly Slot[][]): Node[][] {
  const all = columns.flat();
  seekOrder(all.map((s) => s.body), pullsOf(graph, all));
  const y = new Map(columns[1].map((s) => [s.node.service, s.body.y]));
  // What is as good as level keeps the order it came in: the busiest first.
  const of = (s: Slot): number => (s.node.layer === 2 ? (y.get(s.node.service) ?? 0) : Math.round(s.body.y / LEVEL));
  return columns.map((column) => [...column].sort((a, b) => of(a) - of(b)).map((s) => s.node));
}

// Takes away what stays free above and below; returns the height that is left.
function trim(all: readonly Slot[], height: number): number {
  const top = Math.min(height, ...all.map((s) => s.body.y - s.size / 2 - (s.node.layer === 1 ? ABOVE_SERVICE : 0)));
  for (const s of all) s.body.y -= top;
  return Math.ceil(Math.max(0, ...all.map((s) => s.body.y + s.size / 2)));
}

export function stand(graph: Graph): Stand {
  const bare = LAYERS.map((layer) => ofLayer(graph, layer).length * (LEAST_SLOT[layer] + GAP[layer]) + POOL_GAP * 2);
  const wanted = Math.max(LEAST_HEIGHT, ...bare);
  const fill = wanted * FILL;
  const scale = fill / Math.max(1e-9, busiest(graph));
  const first = LAYERS.map((layer) => slots(ofLayer(graph, layer), layer, scale));
  for (const column of first) line(column, wanted);
  const columns = ordered(graph, first).map((nodes, i) => slots(nodes, LAYERS[i], scale));
  const height = Math.max(wanted, ...columns.map(needed));
  for (const column of columns) line(column, height);
  const all = columns.flat();
  settle(all.map((s) => s.body), pullsOf(graph, all));
  for (const column of columns) pushApart(column, height);
  const left = trim(all, height);
  return { nodes: idsOf(graph), fill, height: left, at: new Map(all.map((s) => [s.node.id, { y: s.body.y, room: s.size }])) };
}
