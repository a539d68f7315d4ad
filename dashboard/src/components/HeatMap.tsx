// HeatMap: how the times of flows are spread, over time. A column a span of time, a row a range of times (rising upwards,
// logarithmic), the darker the more flows. The pointer, or the arrow keys, choose a cell that is told below the map; the
// same as a table stands behind it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { LatencyHeatmap } from "../api";
import { clock, count, micros, ratio } from "../format";
import { columnTotal, highestCount, quantileRow, shade, usedRows } from "../lib/heat_scale";
import { timeTicks } from "../lib/time_ticks";
import { colour, paint } from "../theme";
import "./HeatMap.css";

interface Cell {
  column: number;
  row: number;
}

// "1.2 ms to 1.5 ms", "above 13 s"
export function rowWords(bounds: readonly number[], row: number): string {
  if (row > 0 && row >= bounds.length - 1) return `above ${micros(bounds[row - 1])}`;
  if (row === 0) return `up to ${micros(bounds[0])}`;
  return `${micros(bounds[row - 1])} to ${micros(bounds[row])}`;
}

function cellWords(heat: LatencyHeatmap, cell: Cell): string {
  const column = heat.counts[cell.column] ?? [];
  const total = columnTotal(column);
  const here = column[cell.row] ?? 0;
  const span = heat.step < 60 ? 60 : heat.step;
  const when = `${clock(heat.t[cell.column], span)} to ${clock(heat.t[cell.column] + heat.step, span)}`;
  if (total === 0) return `${when}: no watched flow`;
  return `${when}, ${rowWords(heat.bounds_us, cell.row)}: ${count(here)} of ${count(total)} flows (${ratio(here / total)})`;
}

export function HeatMap({ heat, label }: { heat: LatencyHeatmap; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [cell, choose] = useState<Cell | null>(null);
  const rows = useMemo(() => usedRows(heat.counts, heat.bounds_us.length), [heat]);
  const painted = paint.value;

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, heat, rows, cell);
  }, [heat, rows, width, cell, painted]);

  const columns = heat.t.length;
  const shownRows = rows.end - rows.first;
  const at = (event: PointerEvent): Cell => {
    const box = canvas.current!.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const up = Math.floor(((box.bottom - event.clientY) / box.height) * shownRows);
    return { column: clamp(column, 0, columns - 1), row: rows.first + clamp(up, 0, shownRows - 1) };
  };
  const step = (event: KeyboardEvent): void => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const from = cell ?? { column: columns, row: rows.first + Math.floor(shownRows / 2) };
    choose({ column: clamp(from.column + move[0], 0, columns - 1), row: clamp(from.row + move[1], rows.first, rows.end - 1) });
  };

  const told = cell && cell.column < columns ? cellWords(heat, cell) : "";
  const to = columns > 0 ? heat.t[columns - 1] + heat.step : 0;
  const from = columns > 0 ? heat.t[0] : 0;
  const labelEach = Math.max(1, Math.ceil(shownRows / 7));
  const bounds = heat.bounds_us
    .map((bound, row) => ({ bound, row }))
    .filter(({ row }) => row >= rows.first && row < rows.end - 1 && (row - rows.first) % labelEach === labelEach - 1);
  return (
    <div class="heat">
      <div class="heat-plot">
        <div class="heat-y" aria-hidden="true">
          {bounds.map(({ bound, row }) => (
            <span key={row} style={{ bottom: `${((row + 1 - rows.first) / shownRows) * 100}%` }}>
              {micros(bound)}
            </span>
          ))}
        </div>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={`${label}. Arrow keys choose a cell; a table follows.`}
          onPointerMove={(event) => choose(at(event))}
          onPointerDown={(event) => choose(at(event))}
          onPointerLeave={() => choose(null)}
          onKeyDown={step}
          onBlur={() => choose(null)}
        />
        {cell && told !== "" && (
          <div
            class={cell.column > columns / 2 ? "heat-tip heat-tip-left" : "heat-tip"}
            aria-hidden="true"
            style={{ "--x": (cell.column + (cell.column > columns / 2 ? 0 : 1)) / columns, "--y": (rows.end - cell.row - 0.5) / shownRows }}
          >
            {told}
          </div>
        )}
        <div class="heat-x" aria-hidden="true">
          {timeTicks(from, to, width < 420 ? 3 : 7).map((t) => (
            <span key={t} style={{ left: `${((t - from) / (to - from)) * 100}%` }}>
              {clock(t, Math.max(3601, to - from))}
            </span>
          ))}
        </div>
      </div>
      <p class="hidden-text" aria-live="polite">
        {told}
      </p>
      <p class="heat-cell">
        <Key most={highestCount(heat.counts)} />
      </p>
    </div>
  );
}

function Key({ most }: { most: number }) {
  return (
    <span class="heat-key">
      one flow <i class="heat-ramp" /> {count(most)} flows in a cell (logarithmic) <i class="heat-line" /> 95 of 100 are below
    </span>
  );
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

function draw(canvas: HTMLCanvasElement, heat: LatencyHeatmap, rows: { first: number; end: number }, cell: Cell | null): void {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(scale, scale);
  const most = highestCount(heat.counts);
  const wide = width / Math.max(1, heat.t.length);
  const high = height / (rows.end - rows.first);
  const inset = wide > 5 && high > 5 ? 0.5 : 0;
  const top = (row: number): number => height - (row + 1 - rows.first) * high;
  pen.fillStyle = colour("--heat");
  heat.counts.forEach((column, x) => {
    for (let row = rows.first; row < rows.end; row++) {
      pen.globalAlpha = shade(column[row] ?? 0, most);
      if (pen.globalAlpha > 0) pen.fillRect(x * wide + inset, top(row) + inset, wide - 2 * inset, high - 2 * inset);
    }
  });
  pen.globalAlpha = 1;
  drawQuantile(pen, heat, wide, top);
  if (!cell) return;
  for (const [token, line] of [
    ["--surface", 5],
    ["--text", 2],
  ] as const) {
    pen.strokeStyle = colour(token);
    pen.lineWidth = line;
    pen.strokeRect(cell.column * wide, top(cell.row), Math.max(2, wide), Math.max(2, high));
  }
}

// A line where 95 % of a column's flows are below, on a rim so that it is seen on any shade.
function drawQuantile(pen: CanvasRenderingContext2D, heat: LatencyHeatmap, wide: number, top: (row: number) => number): void {
  pen.beginPath();
  let drawing = false;
  heat.counts.forEach((column, x) => {
    const row = quantileRow(column, 0.95);
    if (row !== null) {
      const y = Math.max(1, top(row));
      if (drawing) pen.lineTo(x * wide, y);
      else pen.moveTo(x * wide, y);
      pen.lineTo((x + 1) * wide, y);
    }
    drawing = row !== null;
  });
  pen.lineJoin = "round";
  pen.strokeStyle = colour("--surface");
  pen.lineWidth = 4;
  pen.stroke();
  pen.strokeStyle = colour("--series-2");
  pen.lineWidth = 2;
  pen.stroke();
}
