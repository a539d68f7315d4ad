// The drawing: countries, services, backends from left to right; a link is as wide as its flows.
// Nodes are buttons: hovering or focusing shows what belongs to one, pressing keeps it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Shape, stateTone, stateWord, type AnyState } from "../../components/State";
import { rate, ratio } from "../../format";
import type { Graph, Layer, Link, Node } from "./graph";
import { layout, type Drawn, type Placed } from "./layout";
import type { Stand } from "./stand";
import { fullName, grade, nameOf } from "./words";

const BAR = 10;
const NARROW = 560;

interface Props {
  graph: Graph;
  picked: string;
  onPick: (id: string) => void; // "": none
  onHover: (id: string) => void;
}

// px that a name and its figure take; text isn't measured, an average character is 7.3 px.
const FIGURE = 78;
const CHARACTER = 7.3;
const widest = (graph: Graph, layer: Layer, narrow: boolean): number =>
  Math.max(0, ...graph.nodes.filter((n) => n.layer === layer).map((n) => nameOf(n, narrow).length)) * CHARACTER;

interface Columns {
  x: [number, number, number];
  letters: number; // of a backend's name that fit
}

function columnsOf(graph: Graph, width: number): Columns {
  const narrow = width < NARROW;
  const most = narrow ? 130 : width * 0.27;
  const left = narrow ? 40 : Math.min(most, widest(graph, 0, narrow) + FIGURE + 24);
  const right = Math.min(most, widest(graph, 2, narrow) + (narrow ? 68 : FIGURE + 48));
  const x: Columns["x"] = [Math.round(left), Math.round((left + width - right) / 2), Math.round(width - right)];
  return { x, letters: Math.max(6, Math.floor((right - (narrow ? 66 : FIGURE + 20)) / CHARACTER)) };
}

const cut = (text: string, letters: number): string => (text.length <= letters ? text : `${text.slice(0, letters - 1)}…`);

// On a phone a group's name takes the place of its figure.
const bundled = (n: Placed, narrow: boolean): boolean => narrow && n.layer === 2 && n.members.length > 0;

// What stands beside the name: flows, or what is wrong; "" where there is no room.
function figureOf(n: Placed, narrow: boolean): string {
  const failing = grade(n.failure_ratio) !== "well";
  if (n.layer === 1) return `${rate(n.flows)}${failing ? `, ${ratio(n.failure_ratio)}${narrow ? "" : " fail"}` : ""}`;
  if ((narrow && n.layer === 0) || bundled(n, narrow)) return "";
  if (n.layer === 2 && n.state !== "up" && n.flows === 0) return narrow ? "" : stateWord(n.state as AnyState);
  if (failing) return `${ratio(n.failure_ratio)}${narrow ? "" : " fail"}`;
  return n.flows > 0 || n.layer === 0 ? rate(n.flows) : "";
}
const lettersOf = (n: Placed, narrow: boolean, letters: number): number => [Math.max(letters, 18), 24, bundled(n, narrow) ? letters + 6 : letters][n.layer];
const shortName = (n: Placed, narrow: boolean, letters: number): string => cut(nameOf(n, narrow), lettersOf(n, narrow, letters));

function Words({ n, narrow, letters }: { n: Placed; narrow: boolean; letters: number }) {
  const failing = grade(n.failure_ratio) !== "well";
  const state = n.layer === 0 || n.state === "up" ? null : n.state;
  const x = n.layer === 0 ? -BAR : n.layer === 1 ? 0 : n.members.length > 0 ? BAR + 4 : BAR;
  const y = n.layer === 1 ? -n.bar / 2 - 25 : 0;
  const anchor = n.layer === 0 ? "end" : n.layer === 1 ? "middle" : "start";
  const figure = figureOf(n, narrow);
  const tone = failing ? `figure ${grade(n.failure_ratio)}` : "figure";
  return (
    <text x={x} y={y} dy="0.35em" text-anchor={anchor} class="words">
      {state !== null && <tspan class={`c-${stateTone(state as AnyState)}`}>{state === "drain" || state === "weight0" ? "◐ " : state === "down" ? "✕ " : "▲ "}</tspan>}
      <tspan class="name">{shortName(n, narrow, letters)}{n.layer === 1 ? " " : ""}</tspan>
      {n.layer === 1 ? <tspan x={0} dy="1.25em" class={tone}>{figure}</tspan> : figure !== "" && <tspan class={tone}>{"\u2002"}{figure}</tspan>}
    </text>
  );
}

function linkClass(l: Link, to: Node | undefined, lit: ReadonlySet<string> | null): string {
  const kind = to?.state === "drain" || to?.state === "weight0" ? " drain" : to?.state === "down" || to?.state === "disabled" ? " dead" : "";
  const dim = lit !== null && !(lit.has(l.from) && lit.has(l.to)) ? " dim" : "";
  return `link ${grade(l.failure_ratio)}${kind}${dim}`;
}

// The node itself and all it is linked with; from a country or a backend one step, from a service both sides.
export function neighbours(graph: Graph, id: string): ReadonlySet<string> | null {
  if (id === "" || !graph.nodes.some((n) => n.id === id)) return null;
  const lit = new Set([id]);
  for (const l of graph.links) {
    if (l.from === id) lit.add(l.to);
    if (l.to === id) lit.add(l.from);
  }
  return lit;
}

function NodeMark({ n, lit, picked, narrow, letters, onPick, onHover }: { n: Placed; lit: ReadonlySet<string> | null; picked: string; narrow: boolean; letters: number } & Pick<Props, "onPick" | "onHover">) {
  const press = (e: KeyboardEvent): void => {
    if (e.key !== "Enter" && e.key !== " ") return;
    e.preventDefault();
    onPick(picked === n.id ? "" : n.id);
  };
  // Begins with what is to be seen, so that who speaks to the page can say it.
  const kind = n.layer === 0 ? fullName(n) : n.layer === 1 ? `service, ${n.state}` : `in ${n.group}, ${n.state === "weight0" ? "weight 0" : n.state}`;
  const words = `${shortName(n, narrow, letters)} ${figureOf(n, narrow)}, ${kind}, ${rate(n.flows)}, ${ratio(n.failure_ratio)} failed`;
  const tone = n.layer === 0 ? "idle" : stateTone(n.state as AnyState);
  return (
    <g
      class={`node layer-${n.layer} c-${tone}${lit !== null && !lit.has(n.id) ? " dim" : ""}${picked === n.id ? " picked" : ""}`}
      transform={`translate(${n.x} ${n.y.toFixed(1)})`}
      tabIndex={0}
      role="button"
      aria-label={words}
      aria-pressed={picked === n.id}
      onClick={() => onPick(picked === n.id ? "" : n.id)}
      onKeyDown={press}
      onMouseEnter={() => onHover(n.id)}
      onMouseLeave={() => onHover("")}
      onFocus={() => onHover(n.id)}
      onBlur={() => onHover("")}
    >
      <rect class="reach" x={n.layer === 0 ? -n.x + 6 : n.layer === 1 ? -48 : -BAR} y={n.layer === 1 ? -n.bar / 2 - 36 : -Math.max(11, n.bar / 2)} width={n.layer === 0 ? n.x + 4 : n.layer === 1 ? 96 : 150} height={n.layer === 1 ? n.bar + 42 : Math.max(22, n.bar)} />
      <rect class="bar-mark" x={-BAR / 2} y={-n.bar / 2} width={BAR} height={n.bar} rx={Math.min(3, n.bar / 2)} />
      {n.members.length > 0 && n.layer === 2 && <rect class="stack-mark" x={BAR / 2 + 1.5} y={-n.bar / 2 + 2} width={2} height={Math.max(2, n.bar - 4)} rx={1} />}
      <Words n={n} narrow={narrow} letters={letters} />
    </g>
  );
}

export function Map_({ graph, picked, hovered, onPick, onHover }: Props & { hovered: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const watch = new ResizeObserver(() => setWidth(host.clientWidth));
    watch.observe(host);
    return () => watch.disconnect();
  }, []);
  const columns = useMemo(() => columnsOf(graph, width), [graph, width]);
  const before = useRef<Stand | null>(null);
  const drawn = useMemo(() => (width > 0 ? layout(graph, columns.x, BAR, before.current) : null), [graph, width]);
  before.current = drawn?.stand ?? null;
  const lit = neighbours(graph, hovered !== "" ? hovered : picked);
  const height = (drawn?.height ?? 0) + 60;
  const byId = useMemo(() => new Map(graph.nodes.map((n) => [n.id, n])), [graph]);
  const narrow = width < NARROW;
  // What fails is drawn last, above the rest.
  const order = { well: 0, some: 1, many: 2 };
  const links: Drawn[] = drawn ? [...drawn.links].sort((a, b) => order[grade(a.failure_ratio)] - order[grade(b.failure_ratio)]) : [];
  return (
    <div ref={box} class="map" style={{ minHeight: `${drawn ? height : 460}px` }}>
      {drawn && (
        <svg width={width} height={height} viewBox={`0 -44 ${width} ${height}`} role="group" aria-label="Flows from countries through services to backends; the same figures are in the table below">
          <g class="heads" aria-hidden="true">
            {(["Clients", "Services", "Backends"] as const).map((word, i) => (
              <text key={word} x={columns.x[i]} y={-32} text-anchor={i === 0 ? (narrow ? "middle" : "end") : i === 1 ? "middle" : "start"}>
                {word}
              </text>
            ))}
            {!graph.nodes.some((n) => n.layer === 0) && (
              <text x={8} y={-10}>
                none in the last minute
              </text>
            )}
          </g>
          <g aria-hidden="true">
            {links.map((l) => (
              <path key={`${l.from} ${l.to}`} d={l.d} class={linkClass(l, byId.get(l.to), lit)} stroke-width={l.width.toFixed(2)} />
            ))}
          </g>
          {drawn.nodes.map((n) => (
            <NodeMark key={n.id} n={n} lit={lit} picked={picked} narrow={narrow} letters={columns.letters} onPick={onPick} onHover={onHover} />
          ))}
        </svg>
      )}
    </div>
  );
}

export function MapKey() {
  return (
    <div class="map-key small muted">
      <span><i class="swatch well" /> under 1 % failed</span>
      <span><i class="swatch some" /> 1 to 5 %</span>
      <span><i class="swatch many" /> 5 % and more</span>
      <span><i class="swatch drain" /> draining, or weight 0</span>
      <span><i class="swatch dead" /> down</span>
      <span><Shape tone="idle" shape="dash" /> as wide as its flows a second</span>
    </div>
  );
}
