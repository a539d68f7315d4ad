// Where nodes stand down their columns: d3-force, run to rest at once. Pure, the same for the same bodies: the beginnings are
// given and d3's random numbers are seeded.
//
// x plays no part: a column's x is fixed, so links pull, and neighbours push, up and down only. First without pushing, which tells
// in what order links cross least; then in that order, with everybody's room. Cost: about 200 × (nodes + links), some ms for 60.
import { forceCollide, forceLink, forceSimulation, forceY, type Force, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";
import type { Layer } from "./graph";

export interface Body extends SimulationNodeDatum {
  layer: Layer;
  y: number; // its beginning; then where it came to rest
  room: number; // px it takes of its column
}
export interface Pull extends SimulationLinkDatum<Body> {
  source: Body;
  target: Body;
  weight: number;
}

const DECAY = 0.06; // of d3's alpha: at rest after about 110 rounds
const ANCHOR = 0.1; // how much a body keeps to its beginning while the order is sought
const SPREAD = 0.25; // and afterwards: columns fill the height, links move bodies from there
const FIRMNESS = 3; // rounds of pushing in each round

// Springs without length. Those of one body together are as strong as one: the busy ones decide.
function springs(pulls: Pull[]): Force<Body, Pull> {
  const sums = new Map<Body, number>();
  for (const p of pulls) for (const end of [p.source, p.target]) sums.set(end, (sums.get(end) ?? 0) + p.weight);
  const strength = (p: Pull): number => p.weight / Math.max(sums.get(p.source) ?? 1, sums.get(p.target) ?? 1);
  return forceLink<Body, Pull>(pulls).distance(0).strength(strength);
}

// Pushing apart within one column: a big service must not push the countries beside it.
function apart(layer: Layer): Force<Body, Pull> {
  const push = forceCollide<Body>((b) => b.room / 2).iterations(FIRMNESS);
  const force: Force<Body, Pull> = (alpha) => push(alpha);
  force.initialize = (bodies, random) => push.initialize?.(bodies.filter((b) => b.layer === layer), random);
  return force;
}

function run(bodies: Body[], forces: readonly Force<Body, Pull>[]): void {
  const simulation = forceSimulation<Body, Pull>(bodies).stop().alphaDecay(DECAY);
  forces.forEach((force, i) => simulation.force(String(i), force));
  while (simulation.alpha() > simulation.alphaMin()) simulation.tick();
}

const held = (bodies: readonly Body[]): void => {
  for (const b of bodies) {
    b.x = b.fx = 0;
    b.vx = b.vy = 0;
  }
};

function beginnings(bodies: readonly Body[]): (b: Body) => number {
  const y = new Map(bodies.map((b) => [b, b.y]));
  return (b) => y.get(b) ?? 0;
}

// Where links alone would have each body. Countries begin anywhere: only their services say where they belong.
export function seekOrder(bodies: Body[], pulls: Pull[]): void {
  const begin = beginnings(bodies);
  held(bodies);
  run(bodies, [springs(pulls), forceY<Body>(begin).strength((b) => (b.layer === 0 ? 0 : ANCHOR))]);
}

// Bodies begin in the order they are to keep, evenly down their columns.
export function settle(bodies: Body[], pulls: Pull[]): void {
  const begin = beginnings(bodies);
  held(bodies);
  run(bodies, [springs(pulls), forceY<Body>(begin).strength(SPREAD), apart(0), apart(1), apart(2)]);
}
