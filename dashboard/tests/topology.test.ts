import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame, Topology } from "../src/api";
import { graph, ofFrame, ofService } from "../src/pages/topology/graph";
import { layout } from "../src/pages/topology/layout";

function made(backends: number, bad: number): Topology {
  const t: Topology = { t: 0, nodes: [{ id: "service:web", kind: "service", name: "web", state: "up", flows: 100, failure_ratio: 0 }], links: [] };
  for (let i = 0; i < backends; i++) {
    const id = `backend:web/pool/b-${i}`;
    const state = i < bad ? "down" : "up";
    t.nodes.push({ id, kind: "backend", name: `b-${i}`, state, flows: i < bad ? 0 : 2, failure_ratio: i < bad ? null : 0 });
    t.links.push({ from: "service:web", to: id, flows: i < bad ? 0 : 2, failure_ratio: null });
  }
  return t;
}

const backendsOf = (t: Topology): string[] => graph(t).nodes.filter((n) => n.layer === 2).map((n) => n.name);

test("a small pool is shown as it is, in the order of its names", () => {
  assert.deepEqual(backendsOf(made(12, 0)).slice(-3), ["b-9", "b-10", "b-11"]);
});

test("of a big pool the healthy ones are one node with all their flows", () => {
  const g = graph(made(1000, 2));
  assert.deepEqual(g.nodes.filter((n) => n.layer === 2).map((n) => n.name), ["b-0", "b-1", "998 healthy"]);
  assert.equal(g.nodes.find((n) => n.members.length > 0)?.flows, 1996);
  assert.equal(g.links.length, 3);
  assert.equal(g.links.reduce((sum, l) => sum + l.flows, 0), 1996);
});

test("so are those that are one too many", () => {
  assert.deepEqual(backendsOf(made(1000, 1000)).slice(-1), ["988 more not healthy"]);
  assert.equal(backendsOf(made(1000, 1000)).length, 13);
});

test("countries beyond the busiest are together, and no flow is lost", () => {
  const t = made(1, 0);
  for (let i = 0; i < 40; i++) {
    const id = `country:${String.fromCharCode(65 + (i % 26))}${String.fromCharCode(65 + Math.floor(i / 26))}`;
    t.nodes.push({ id, kind: "country", name: id.slice(8), state: "", flows: 40 - i, failure_ratio: 0 });
    t.links.push({ from: id, to: "service:web", flows: 40 - i, failure_ratio: 0.5 });
  }
  const g = graph(t);
  const countries = g.nodes.filter((n) => n.layer === 0);
  assert.equal(countries.length, 13);
  assert.ok(Math.abs(countries.reduce((sum, n) => sum + n.flows, 0) - 100) < 1e-9);
  const other = g.links.find((l) => l.from === "country:other");
  assert.equal(other?.failure_ratio, 0.5);
});

test("nodes of a column never overlap, and everything is within the height", () => {
  for (const t of [made(1, 0), made(12, 3), made(1000, 1000)]) {
    const l = layout(graph(t), [100, 300, 500], 10);
    const column = l.nodes.filter((n) => n.layer === 2).sort((a, b) => a.y - b.y);
    column.slice(1).forEach((n, i) => assert.ok(n.y - column[i].y >= (n.bar + column[i].bar) / 2, `${column[i].name} and ${n.name}`));
    for (const n of l.nodes) assert.ok(n.y - n.bar / 2 >= 0 && n.y + n.bar / 2 <= l.height, n.name);
    for (const link of l.links) assert.ok(!link.d.includes("NaN"));
  }
});

test("nothing at all is laid out too", () => {
  const l = layout(graph({ t: 0, nodes: [], links: [] }), [100, 300, 500], 10);
  assert.deepEqual(l.nodes, []);
  assert.ok(Number.isFinite(l.height));
});

// Countries A, B, A, B … each talk to one of two services only.
function sorted(): Topology {
  const t: Topology = { t: 0, nodes: [], links: [] };
  for (const name of ["one", "two"]) t.nodes.push({ id: `service:${name}`, kind: "service", name, state: "up", flows: 50, failure_ratio: 0 });
  for (let i = 0; i < 8; i++) {
    const id = `country:${String.fromCharCode(65 + i)}X`;
    t.nodes.push({ id, kind: "country", name: id.slice(8), state: "", flows: 10, failure_ratio: 0 });
    t.links.push({ from: id, to: i % 2 === 0 ? "service:one" : "service:two", flows: 12.5, failure_ratio: 0 });
  }
  return t;
}

test("links that needn't cross don't", () => {
  const l = layout(graph(sorted()), [100, 300, 500], 10);
  const y = new Map(l.nodes.map((n) => [n.id, n.y]));
  for (const a of l.links) {
    for (const b of l.links) assert.ok(((y.get(a.from) ?? 0) - (y.get(b.from) ?? 0)) * ((y.get(a.to) ?? 0) - (y.get(b.to) ?? 0)) >= 0, `${a.from} and ${b.from}`);
  }
});

test("the same graph is laid out the same each time", () => {
  const ys = (): number[] => layout(graph(sorted()), [100, 300, 500], 10).nodes.map((n) => n.y);
  assert.deepEqual(ys(), ys());
});

test("nodes stay where they are while flows change, and move when one comes", () => {
  const t = made(12, 0);
  const first = layout(graph(t), [100, 300, 500], 10);
  const busier = { ...t, nodes: t.nodes.map((n, i) => ({ ...n, flows: n.flows * (1 + (i % 3) * 0.4) })) };
  const second = layout(graph(busier), [100, 300, 500], 10, first.stand);
  assert.equal(second.stand, first.stand);
  for (const n of second.nodes) assert.ok(n.bar <= (first.stand.at.get(n.id)?.room ?? 0), n.name);
  assert.notEqual(layout(graph(made(11, 0)), [100, 300, 500], 10, second.stand).stand, first.stand);
});

test("a bar that has far outgrown its place gets a new one", () => {
  const t = made(12, 0);
  const first = layout(graph(t), [100, 300, 500], 10);
  const moved = { ...t, nodes: t.nodes.map((n) => (n.kind === "backend" ? { ...n, flows: n.name === "b-0" ? 90 : 1 } : n)) };
  const second = layout(graph(moved), [100, 300, 500], 10, first.stand);
  assert.notEqual(second.stand, first.stand);
  assert.equal(layout(graph(moved), [100, 300, 500], 10, second.stand).stand, second.stand);
});

test("a country's flows are its share of what the service has now", () => {
  const f = {
    t: 0,
    services: [{ name: "web", state: "up", flows: 30, failure_ratio: 0 }, { name: "dns", state: "up", flows: 0, failure_ratio: null }],
    backends: [],
    countries: [
      { service: "web", country: "DE", flows: 45, failure_ratio: 0.02 },
      { service: "web", country: "FR", flows: 15, failure_ratio: null },
      { service: "dns", country: "DE", flows: 5, failure_ratio: 0.5 },
    ],
  } as unknown as Frame;
  const g = graph(ofFrame(f, ""));
  const flows = (from: string, to: string): number | undefined => g.links.find((l) => l.from === from && l.to === to)?.flows;
  assert.equal(flows("country:DE", "service:web"), 22.5);
  assert.equal(flows("country:FR", "service:web"), 7.5);
  assert.equal(flows("country:DE", "service:dns"), 0);
  const of = (id: string) => g.nodes.find((n) => n.id === id);
  assert.equal(of("country:DE")?.flows, 22.5);
  assert.equal(of("country:DE")?.failure_ratio, 0.02);
  assert.equal(of("country:FR")?.failure_ratio, null);
});

test("of one service there is what leads to it and from it, with its own flows", () => {
  const t = made(2, 0);
  t.nodes.push({ id: "service:dns", kind: "service", name: "dns", state: "up", flows: 9, failure_ratio: 0 }, { id: "country:DE", kind: "country", name: "DE", state: "", flows: 10, failure_ratio: 0.1 }, { id: "country:FR", kind: "country", name: "FR", state: "", flows: 3, failure_ratio: 0 });
  t.links.push({ from: "country:DE", to: "service:web", flows: 4, failure_ratio: 0.2 }, { from: "country:DE", to: "service:dns", flows: 6, failure_ratio: 0 }, { from: "country:FR", to: "service:dns", flows: 3, failure_ratio: 0 });
  const one = ofService(t, "web");
  assert.deepEqual(one.nodes.map((n) => [n.id, n.flows]), [["service:web", 100], ["backend:web/pool/b-0", 2], ["backend:web/pool/b-1", 2], ["country:DE", 4]]);
  assert.equal(one.links.length, 3);
});
