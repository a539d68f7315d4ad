// Backends: each server behind each service, its load, failures, times and machine; drained and weighed here.
// The filter, the sorting, the columns and which services are folded are in the address.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, type BackendNow, type HostSeries, type PoolHeatmap } from "../api";
import { BackendActions } from "../components/BackendActions";
import { Dialog } from "../components/Dialog";
import { Segmented } from "../components/Segmented";
import { State, stateWord } from "../components/State";
import { Empty, Skeleton } from "../components/Told";
import { count, plural } from "../format";
import { backendKey, rowOrder, standOf, stateCounts, tableRows, type SortKey, type Stand, type TableView } from "../lib/backend_rows";
import { udpServices } from "../lib/open_flows";
import { frame, now } from "../live";
import { useQuery } from "../query";
import { SECONDS, seed } from "../recent_backends";
import { place, service, setQuery } from "../router";
import { useCatchingUp } from "../series";
import { info } from "../session";
import { BackendCards } from "./backends/cards";
import { columns, essentialColumns, type Bounds } from "./backends/columns";
import { BackendTable } from "./backends/table";
import "./backends/backends.css";

const HOLD_S = 5; // figures move rows at most this often
const CARDS_BELOW = 720; // px

function useWidth(): number {
  const [width, set] = useState(innerWidth);
  useEffect(() => {
    const look = (): void => set(innerWidth);
    addEventListener("resize", look);
    return () => removeEventListener("resize", look);
  }, []);
  return width;
}

// Thresholds of machines' figures: the configuration's, as told with any backend's host numbers.
function useBounds(backends: readonly BackendNow[]): Bounds {
  const probe = backends.find((backend) => backend.host !== null);
  const answer = useQuery<HostSeries>(
    probe ? "hosts" : null,
    () => {
      const to = Math.floor(frame.value?.t ?? Date.now() / 1000);
      return { pool: probe?.pool, backend: probe?.name, from: to - 60, to };
    },
    probe ? "known" : "",
    0,
  );
  const availability = info.value?.slo.availability ?? 0.999;
  return { cpu: 0.8, memory: 0.9, disk: 0.85, ...answer.data?.thresholds, availability, udp: udpServices(frame.value) };
}

// The two minutes before the page was opened, of each service's backends, a service after the other: at once, and again when the
// warehouse has the seconds that it lacked.
const MOST_SEEDED = 20;
function useRecentPast(services: readonly string[]): void {
  const names = services.slice(0, MOST_SEEDED).join(" ");
  const [turn, again] = useState(0);
  useCatchingUp(true, () => {
    seeded.clear();
    again((n) => n + 1);
  });
  useEffect(() => {
    const abort = new AbortController();
    void (async () => {
      for (const name of names.split(" ").filter((one) => one !== "" && !seeded.has(one))) {
        const to = Math.floor(now.value);
        const past = await get<PoolHeatmap>("heatmap", { service: name, kpi: "flows", from: to - SECONDS, to }, abort.signal).catch(
          () => null,
        );
        if (!past) return;
        seeded.add(name);
        past.rows.forEach((row, i) =>
          seed(backendKey({ service: name, pool: row.pool, name: row.backend }), "flows", {
            from: past.t[0] ?? to,
            step: past.step,
            values: past.values[i] ?? [],
          }),
        );
      }
    })();
    return () => abort.abort();
  }, [names, turn]);
}
const seeded = new Set<string>();

function viewOf(query: Record<string, string>): TableView {
  const sort = columns.some((column) => column.key === query.sort) || query.sort === "state" ? (query.sort as SortKey) : "name";
  return {
    sort,
    down: query.down === "1",
    filter: query.q ?? "",
    folded: new Set((query.folded ?? "").split(",").filter((name) => name !== "")),
  };
}

export default function Backends() {
  const current = frame.value;
  const query = place.value.query;
  const width = useWidth();
  const narrow = width <= CARDS_BELOW;
  const [active, setActive] = useState<string | null>(null);
  const [acted, actOn] = useState<string | null>(null);
  const hovered = useRef(false);
  const held = useRef<{ order: Map<string, number>; view: string; t: number } | null>(null);
  const all = useMemo(
    () => (current?.backends ?? []).filter((backend) => service.value === "" || backend.service === service.value),
    [current, service.value],
  );
  const bounds = useBounds(all);
  useRecentPast((current?.services ?? []).map((one) => one.name));
  if (!current) return <Skeleton height={480} />;

  const view = viewOf(query);
  const viewKey = JSON.stringify([query.sort, query.down, query.q, query.folded, service.value]);
  const hold = held.current !== null && held.current.view === viewKey && (hovered.current || current.t - held.current.t < HOLD_S);
  const rows = tableRows(all, current.services, view, hold ? held.current!.order : undefined);
  if (!hold) held.current = { order: rowOrder(rows), view: viewKey, t: current.t };

  const sort = (key: SortKey): void => {
    const down = view.sort === key ? !view.down : key !== "name";
    setQuery({ sort: key === "name" ? "" : key, down: down ? "1" : "" });
  };
  const fold = (name: string): void => {
    const folded = new Set(view.folded);
    if (!folded.delete(name)) folded.add(name);
    setQuery({ folded: [...folded].sort().join(",") });
  };
  const wide = query.cols === "all" || (query.cols === undefined && width >= 1500);
  const chosen = acted === null ? undefined : all.find((backend) => backendKey(backend) === acted);
  const shown = rows.filter((row) => row.kind === "backend").length;
  return (
    <>
      <div class="bt-top">
        <h1>Backends</h1>
        <Counts backends={all} filter={view.filter} />
      </div>
      <section class="panel" aria-label="Backends">
        <header>
          <Filter value={view.filter} />
          <span class="small muted grow" aria-live="polite">
            {view.filter === "" ? plural(all.length, "backend") : `${count(shown)} of ${plural(all.length, "backend")}`}
          </span>
          {!narrow && (
            <Segmented
              label="Columns"
              value={wide ? "all" : "few"}
              onChoose={(key) => setQuery({ cols: key })}
              options={[
                { key: "few", label: "Essential" },
                { key: "all", label: "All columns" },
              ]}
            />
          )}
          {narrow && <SortChoice view={view} onSort={sort} />}
        </header>
        {rows.length === 0 ? (
          <Empty icon="search">
            {all.length === 0 ? (
              "No node has told of a backend yet."
            ) : (
              <>
                No backend matches <b>{view.filter}</b>.
              </>
            )}
          </Empty>
        ) : narrow ? (
          <BackendCards rows={rows} bounds={bounds} onFold={fold} onAct={(backend) => actOn(backendKey(backend))} />
        ) : (
          <div onPointerEnter={() => (hovered.current = true)} onPointerLeave={() => (hovered.current = false)}>
            <BackendTable
              rows={rows}
              columns={wide ? columns : essentialColumns(width)}
              bounds={bounds}
              nameWidth={width >= 1400 ? 264 : 204}
              sort={view.sort}
              down={view.down}
              active={active}
              onSort={sort}
              onActive={setActive}
              onFold={fold}
              onAct={(backend) => actOn(backendKey(backend))}
            />
          </div>
        )}
      </section>
      {chosen && (
        <Dialog title={`${chosen.name} of ${chosen.service}`} onClose={() => actOn(null)}>
          <p class="row">
            <State of={standOf(chosen)} /> <span class="muted">{chosen.reason}</span>
          </p>
          <BackendActions backend={chosen} />
          <div class="buttons">
            <button type="button" class="button" onClick={() => actOn(null)}>
              Close
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

// How many are in each state; a press filters by it.
function Counts({ backends, filter }: { backends: readonly BackendNow[]; filter: string }) {
  const press = (state: Stand): void => {
    const word = `state:${state}`;
    setQuery({ q: filter === word ? "" : word });
  };
  return (
    <div class="row" role="group" aria-label="Filter by state">
      {stateCounts(backends).map(({ state, count: many }) => (
        <button
          key={state}
          type="button"
          class="button tiny"
          aria-pressed={filter === `state:${state}`}
          aria-label={`${many} ${stateWord(state)}: show these`}
          onClick={() => press(state)}
        >
          <b>{count(many)}</b> <State of={state} />
        </button>
      ))}
    </div>
  );
}

function Filter({ value }: { value: string }) {
  return (
    <input
      data-filter
      type="search"
      class="bt-filter"
      value={value}
      placeholder="Filter: web-1, state:down, !dns"
      title="Press / to come here"
      aria-label="Filter backends. Words must all match; state:, service:, pool: and name: look at that alone; an exclamation mark turns a word round."
      onInput={(event) => setQuery({ q: event.currentTarget.value })}
    />
  );
}

function SortChoice({ view, onSort }: { view: TableView; onSort: (key: SortKey) => void }) {
  return (
    <select aria-label="Sort by" value={view.sort} onChange={(event) => onSort(event.currentTarget.value as SortKey)}>
      <option value="name">by name</option>
      <option value="state">worst first</option>
      {columns
        .filter((column) => column.essential)
        .map((column) => (
          <option key={column.key} value={column.key}>
            by {column.head.toLowerCase()} {column.group === "Connect" || column.group === "Response" ? column.group.toLowerCase() : ""}
          </option>
        ))}
    </select>
  );
}
