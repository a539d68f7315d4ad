// A line chart over time (uPlot), with its legend, its accessible name and the same figures as a table.
//
// The plot is made once and given new data each time; only a change of series, size or theme makes or moves anything.
// null is a gap: nobody was asked then. Charts of one page share the cursor.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { NONE, clock, day } from "../format";
import { colour, faded, paint } from "../theme";
import { Icon } from "./Icon";
import { Table, type Column } from "./Table";
import { Empty } from "./Told";

export interface Series {
  label: string;
  values: readonly (number | null)[];
  token: string; // "--series-1"
  fill?: boolean;
  dash?: boolean;
}

// A time that is marked on the plot: an incident.
export interface Span {
  from: number;
  to: number | null; // null: still going on
  token: string;
  text: string;
  follows?: true; // goes on where the one before it ended: the same ribbon
}

interface Props {
  label: string; // the chart's name: "Flows opened a second"
  t: readonly number[];
  series: readonly Series[];
  format: (v: number | null) => string;
  height?: number;
  empty?: string;
  floor?: number; // the scale reaches down to it; 0 unless said otherwise
  marks?: readonly Span[];
  least?: number; // the scale reaches up to it at least
  beneath?: (plot: uPlot) => void; // drawn under the lines (lib/chart_bands.ts)
}

type Row = { t: number; v: (number | null)[] };

const NOTHING = 110; // px of a chart that has nothing to draw, and won't soon
const RIGHT = 20; // px, to the right of the plot
const LEAST_SPAN_S = 60; // the axis is so long at least, however few figures there are

// A ribbon along the top for each of the first few spans, and a line where it began.
const RIBBONS = 3;
function drawMarks(u: uPlot, marks: readonly Span[]): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const px = devicePixelRatio;
  let row = -1;
  for (const m of marks) {
    if (!m.follows) row += 1;
    if (row >= RIBBONS) return;
    const start = u.valToPos(m.from, "x", true);
    const from = Math.max(left, start);
    const to = m.to === null ? left + width : Math.min(left + width, u.valToPos(m.to, "x", true));
    if (to <= from) continue;
    ctx.fillStyle = faded(m.token, 0.75);
    ctx.fillRect(from, top + row * 5 * px, Math.max(4 * px, to - from), 3 * px);
    if (start < left || m.follows) continue;
    ctx.fillStyle = faded(m.token, 0.5);
    ctx.fillRect(from, top, px, height);
  }
}

function options(props: Props, width: number, marks: () => readonly Span[], onCursor: (index: number | null) => void): uPlot.Options {
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
  const { floor = 0, least = 0 } = props;
  return {
    width,
    height: props.height ?? 200,
    padding: [6, RIGHT, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "time" }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
    scales: {
      x: { time: true, range: (_u, from, to) => [Math.min(from ?? 0, (to ?? 0) - LEAST_SPAN_S), to ?? 0] },
      y: { range: (_u, low, high) => [Math.min(floor, low ?? 0), Math.max((high ?? 0) * 1.12, least) || 1] },
    },
    axes: [
      { ...axis, size: 22, gap: 4, space: (u, _axis, from, to) => tickSpace(u, to - from), values: (u, ticks, _axis, _space, step) => ticks.map((v) => tickWithin(u, v, tickClock(v, step))) },
      { ...axis, size: 66, gap: 6, space: 34, values: (_u, ticks) => ticks.map((v) => props.format(v)) },
    ],
    series: [
      {},
      ...props.series.map((s) => ({
        label: s.label,
        stroke: colour(s.token),
        width: 1.5,
        dash: s.dash ? [5, 4] : undefined,
        fill: s.fill ? faded(s.token, 0.12) : undefined,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: { drawClear: [(u) => drawMarks(u, marks())], drawAxes: [(u) => props.beneath?.(u)], setCursor: [(u) => onCursor(u.cursor.idx ?? null)] },
  };
}

// Seconds only where ticks are closer than a minute, the day alone where they are days.
const tickClock = (t: number, step: number): string => (step >= 43_200 ? day(t) : clock(t, step < 60 ? 0 : 3601));

// Labels with seconds are wider, and there are some where the span asks for ticks closer than a minute.
const tickSpace = (u: uPlot, span: number): number => ((span / Math.max(1, u.width - 90)) * 44 > 30 ? 44 : 62);

// No label reaches under the other axis' lowest figure, or beyond the right edge.
const LETTER = 6.2; // px of an average one
function tickWithin(u: uPlot, v: number, text: string): string {
  const half = (text.length * LETTER) / 2;
  const x = u.valToPos(v, "x");
  const { width } = u.over.getBoundingClientRect();
  return x < half - 4 || (width > 0 && x > width + RIGHT - half) ? "" : text;
}

function summary(props: Props): string {
  const { t, series, format, label } = props;
  if (t.length === 0) return `${label}: no figures`;
  const parts = series.map((s) => {
    const known = s.values.filter((v): v is number => v !== null);
    if (known.length === 0) return `${s.label}: not known`;
    return `${s.label}: newest ${format(known[known.length - 1])}, highest ${format(Math.max(...known))}`;
  });
  return `${label}, ${clock(t[0], t[t.length - 1] - t[0])} to ${clock(t[t.length - 1], t[t.length - 1] - t[0])}. ${parts.join("; ")}.`;
}

export function ChartTable(props: Props) {
  const span = props.t.length > 0 ? props.t[props.t.length - 1] - props.t[0] : 0;
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: "t", title: "Time", value: (r) => new Date(r.t * 1000).toISOString(), cell: (r) => clock(r.t, span) },
      ...props.series.map((s, i) => ({ key: s.label, title: s.label, number: true, value: (r: Row) => r.v[i], cell: (r: Row) => props.format(r.v[i]) })),
    ],
    [props.series.map((s) => s.label).join("\n"), span > 3600, span > 86_400],
  );
  const rows = props.t.map((t, i) => ({ t, v: props.series.map((s) => s.values[i] ?? null) }));
  return <Table caption={`${props.label}, as a table`} columns={columns} rows={rows} id={(r) => String(r.t)} sort={{ key: "t", down: true }} empty="No figures yet" copy tall />;
}

function Legend({ props, index, toggle, table }: { props: Props; index: number | null; toggle: () => void; table: boolean }) {
  const { t, series, format } = props;
  const last = t.length - 1;
  const newest = (values: readonly (number | null)[]): number | null => {
    for (let i = last; i >= 0 && i > last - 3; i--) if (values[i] !== null && values[i] !== undefined) return values[i];
    return null;
  };
  return (
    <div class="legend">
      <div class="series">
        {series.map((s) => (
          <span class="key" key={s.label}>
            <svg viewBox="0 0 14 4" style={{ color: `var(${s.token})` }} aria-hidden="true">
              <path d="M0 2h14" stroke="currentColor" stroke-width="3" stroke-dasharray={s.dash ? "4 3" : undefined} />
            </svg>
            {s.label} <b>{t.length === 0 ? NONE : format(index === null ? newest(s.values) : (s.values[index] ?? null))}</b>
          </span>
        ))}
      </div>
      <button type="button" class="button tiny quiet" aria-pressed={table} onClick={toggle}>
        <Icon name={table ? "chart" : "table"} />
        {table ? "Chart" : "Table"}
      </button>
    </div>
  );
}

// When it is under the cursor, and what was wrong then. Over the plot, so that nothing moves.
function Under({ t, index, marks = [] }: { t: readonly number[]; index: number | null; marks?: readonly Span[] }) {
  const at = index === null ? undefined : t[index];
  if (at === undefined) return null;
  const mark = marks.find((m) => m.from <= at && (m.to ?? Infinity) >= at);
  return (
    <div class="under" aria-hidden="true">
      <time>{clock(at, t[t.length - 1] - t[0])}</time>
      {mark && <span style={{ color: `var(${mark.token})` }}>{mark.text}</span>}
    </div>
  );
}

export function Chart(props: Props) {
  const { t, series, height = 200 } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [index, setIndex] = useState<number | null>(null);
  const [table, setTable] = useState(false);
  const shape = series.map((s) => `${s.label}|${s.token}|${s.fill}|${s.dash}`).join("\n");
  // Without a single figure there is nothing to draw, whatever the time.
  const bare = t.length < 2 || series.every((s) => s.values.every((v) => v === null));
  const repaint = paint.value;

  useEffect(() => {
    const host = box.current;
    if (!host || bare || table) return;
    const p = latest.current;
    const data = [p.t, ...p.series.map((s) => s.values)] as uPlot.AlignedData;
    const live = { ...p, format: (v: number | null) => latest.current.format(v), beneath: (u: uPlot) => latest.current.beneath?.(u) };
    const made = new uPlot(options(live, host.clientWidth, () => latest.current.marks ?? [], setIndex), data, host);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (host.clientWidth > 0 && host.clientWidth !== made.width) made.setSize({ width: host.clientWidth, height });
    });
    watch.observe(host);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, height, bare, table, repaint, props.floor, props.least]);

  useEffect(() => {
    plot.current?.setData([t, ...series.map((s) => s.values)] as uPlot.AlignedData);
  });

  return (
    <div class="chart">
      <Legend props={props} index={index !== null && index < t.length ? index : null} table={table} toggle={() => setTable(!table)} />
      {table ? (
        <ChartTable {...props} />
      ) : bare ? (
        <div style={{ height: `${t.length < 2 ? height : Math.min(height, NOTHING)}px`, display: "grid" }}>
          <Empty icon="clock">{props.empty ?? (t.length === 1 ? "Waiting for the second reading" : "No figures in this time yet")}</Empty>
        </div>
      ) : (
        <div class="plot-box">
          <div class="plot" ref={box} style={{ height: `${height}px` }} role="img" aria-label={summary(props)} />
          <Under t={t} index={index} marks={props.marks} />
        </div>
      )}
    </div>
  );
}
