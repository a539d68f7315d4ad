// The backends as one dense table: a row for each, under a row of its service's own figures. Only rows in sight are drawn,
// so 1,000 of them cost no more than 40. Arrow keys move, Enter opens, left and right fold a service.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { BackendNow } from "../../api";
import { navigate } from "../../router";
import { rowOffsets, scrollToShow } from "../../lib/row_window";
import { standOf, type SortKey, type TableRow } from "../../lib/backend_rows";
import { columnGroups, type Bounds, type Column } from "./columns";
import { BackendName, BackendSpark, BackendStateCell, ServiceName, StateCell, pathOf } from "./cells";
import { useScrollWindow } from "./scroll_window";

export const ROW_HEIGHT = 42;
const STATE_WIDTH = 108;
const SPARK_WIDTH = 84; // at least
const HEAD_HEIGHT = 58;

export interface TableProps {
  rows: readonly TableRow[];
  columns: readonly Column[];
  bounds: Bounds;
  sort: SortKey;
  down: boolean;
  nameWidth: number; // px
  active: string | null; // key of the row that the keyboard is at
  onSort: (key: SortKey) => void;
  onActive: (key: string) => void;
  onFold: (service: string) => void;
  onAct: (backend: BackendNow, anchor: HTMLElement) => void;
}

export function BackendTable(props: TableProps) {
  const { rows, columns } = props;
  const box = useRef<HTMLDivElement>(null);
  const offsets = useMemo(() => rowOffsets(new Array<number>(rows.length).fill(ROW_HEIGHT)), [rows.length]);
  const sight = useScrollWindow(box, offsets, true);
  const moved = useRef(false);
  const active = Math.max(
    0,
    rows.findIndex((row) => row.key === props.active),
  );

  // A row far away is drawn only after the box has scrolled.
  useLayoutEffect(() => {
    const row = moved.current ? box.current?.querySelector<HTMLElement>(`tr[aria-rowindex="${active + 3}"]`) : null;
    if (!row) return;
    moved.current = false;
    row.focus({ preventScroll: true });
  });

  const go = (to: number): void => {
    const element = box.current;
    const row = rows[Math.min(rows.length - 1, Math.max(0, to))];
    if (!element || !row) return;
    element.scrollTop = scrollToShow(offsets, rows.indexOf(row), element.scrollTop, element.clientHeight, HEAD_HEIGHT);
    moved.current = true;
    props.onActive(row.key);
  };
  const key = (event: KeyboardEvent): void => {
    if (!(event.target instanceof HTMLTableRowElement) || event.metaKey || event.ctrlKey || event.altKey) return;
    const row = rows[active];
    const page = Math.floor((box.current?.clientHeight ?? 400) / ROW_HEIGHT) - 2;
    const to = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      Home: 0,
      End: rows.length - 1,
      PageDown: active + page,
      PageUp: active - page,
    }[event.key];
    if (to !== undefined) go(to);
    else if (event.key === "Enter" && row.kind === "backend") navigate(pathOf(row.backend));
    else if (row.kind === "service" && (event.key === "Enter" || event.key === (row.folded ? "ArrowRight" : "ArrowLeft")))
      props.onFold(row.name);
    else return;
    event.preventDefault();
  };

  const width = props.nameWidth + STATE_WIDTH + SPARK_WIDTH + columns.reduce((sum, column) => sum + column.width, 0) + 44;
  const span = columns.length + 4;
  return (
    <div class="bt-box" ref={box}>
      <table
        class="bt"
        style={{ minWidth: `${width}px`, "--name": `${props.nameWidth}px` }}
        aria-rowcount={rows.length + 2}
        aria-label="Backends by service. Arrow keys move, Enter opens."
        onKeyDown={key}
      >
        <colgroup>
          <col style={{ width: `${props.nameWidth}px` }} />
          <col style={{ width: `${STATE_WIDTH}px` }} />
          {columns.map((column) => (
            <col key={column.key} style={{ width: `${column.width}px` }} />
          ))}
          <col />
          <col style={{ width: "44px" }} />
        </colgroup>
        <Head {...props} />
        <tbody>
          {sight.above > 0 && (
            <tr class="bt-gap" aria-hidden="true">
              <td colSpan={span} style={{ height: `${sight.above}px` }} />
            </tr>
          )}
          {rows.slice(sight.first, sight.end).map((row, i) => (
            <Row key={row.key} row={row} at={sight.first + i} reached={sight.first + i === active} {...props} />
          ))}
          {sight.below > 0 && (
            <tr class="bt-gap" aria-hidden="true">
              <td colSpan={span} style={{ height: `${sight.below}px` }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function Head(props: TableProps) {
  return (
    <thead>
      <tr class="bt-groups" aria-rowindex={1}>
        <td class="bt-name" />
        <td class="bt-st" />
        {columnGroups(props.columns).map((group) => (
          <th key={group.name} scope="colgroup" colSpan={group.span}>
            {group.name}
          </th>
        ))}
        <td colSpan={2} />
      </tr>
      <tr aria-rowindex={2}>
        <SortHead {...props} name="name" head="Backend" words="Service, then pool and name." extra="bt-name" />
        <SortHead {...props} name="state" head="State" words="Whether new flows go to it. Since when, below." extra="bt-st" />
        {props.columns.map((column) => (
          <SortHead key={column.key} {...props} name={column.key} head={column.head} words={column.words} extra="n" />
        ))}
        <th
          scope="col"
          class="bt-plain"
          title="Flows opened a second over the last two minutes, since this page was opened. Red: failures."
        >
          Last 2 min
        </th>
        <td />
      </tr>
    </thead>
  );
}

function SortHead({
  name,
  head,
  words,
  extra,
  sort,
  down,
  onSort,
}: TableProps & { name: SortKey; head: string; words: string; extra: string }) {
  const sorted = sort === name;
  return (
    <th scope="col" class={extra} aria-sort={sorted ? (down ? "descending" : "ascending") : undefined}>
      <button type="button" class="bt-sort" title={words} onClick={() => onSort(name)}>
        {head}
        {sorted && (
          <span class="bt-arrow" aria-hidden="true">
            {down ? "▼" : "▲"}
          </span>
        )}
      </button>
    </th>
  );
}

function Row({ row, at, reached, ...props }: TableProps & { row: TableRow; at: number; reached: boolean }) {
  const common = { "aria-rowindex": at + 3, tabIndex: reached ? 0 : -1, onFocus: () => props.onActive(row.key) };
  if (row.kind === "service") {
    return (
      <tr class="bt-service" {...common}>
        <th scope="rowgroup" class="bt-name">
          <ServiceName row={row} onFold={() => props.onFold(row.name)} />
        </th>
        <td class="bt-st">{row.service && <StateCell state={row.service.state} since={null} severity={row.service.severity} subject={{ service: row.name, backend: "" }} />}</td>
        {props.columns.map((column) => (
          <td key={column.key} class="n">
            {row.service && column.service(row.service, props.bounds)}
          </td>
        ))}
        <td colSpan={2} />
      </tr>
    );
  }
  const { backend } = row;
  return (
    <tr class={`bt-row st-${standOf(backend)}`} {...common} onDblClick={() => navigate(pathOf(backend))}>
      <th scope="row" class="bt-name">
        <BackendName backend={backend} still />
      </th>
      <td class="bt-st">
        <BackendStateCell of={backend} />
      </td>
      {props.columns.map((column) => (
        <td key={column.key} class="n">
          {column.backend(backend, props.bounds)}
        </td>
      ))}
      <td class="bt-spark">
        <BackendSpark of={backend} />
      </td>
      <td class="bt-act">
        <button
          type="button"
          class="bt-menu"
          tabIndex={reached ? 0 : -1}
          aria-label={`Drain or weigh ${backend.name}`}
          title="Drain, weigh"
          onClick={(event) => props.onAct(backend, event.currentTarget)}
        >
          ⋯
        </button>
      </td>
    </tr>
  );
}
