// What happened to a node: generations of its configuration, events, where its pools come from.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Table, type Column } from "../../components/Table";
import { Empty } from "../../components/Told";
import { When } from "../../components/When";
import { count, dateTime } from "../../format";
import type { NodeData } from "./node";

// The newest few, whole; the rest when asked for.
const FEW = 6;
function Story<T>({ label, all, children }: { label: string; all: readonly T[]; children: (one: T, i: number) => ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const shown = open ? all : all.slice(0, FEW);
  return (
    <>
      <ol class="sy-story" aria-label={label}>
        {shown.map(children)}
      </ol>
      {all.length > FEW && (
        <div class="table-foot">
          <button type="button" class="button tiny" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? `Show the newest ${count(FEW)}` : `Show all ${count(all.length)}`}
          </button>
        </div>
      )}
    </>
  );
}

export function History({ history, now }: { history: NodeData["history"]; now: number }) {
  if (history.length === 0) return <Empty>Nothing has changed since the node's start.</Empty>;
  return (
    <Story label="Generations, newest first" all={history}>
      {(one) => (
        <li key={one.generation}>
          <span class={one.generation === now ? "chip sy-now" : "chip"}>
            {one.generation}
            {one.generation === now && <span class="hidden-text"> runs now</span>}
          </span>
          <div>
            <p>{one.what || "no difference"}</p>
            <p class="small muted">
              {one.who || "shuntd"}
              {one.why !== "" && <>: {one.why}</>} · <When t={one.at} still />
            </p>
          </div>
        </li>
      )}
    </Story>
  );
}

export function Events({ events }: { events: NodeData["events"] }) {
  if (events.length === 0) return <Empty>No event since the node's start.</Empty>;
  return (
    <Story label="Events, newest first" all={events}>
      {(event, i) => (
        <li key={`${event.at} ${event.kind} ${event.subject} ${i}`}>
          <span class="small muted nowrap">
            <When t={event.at} still />
          </span>
          <div>
            <p>
              <b>{event.subject}</b> {event.text}
            </p>
            <p class="small muted mono">{event.kind}</p>
          </div>
        </li>
      )}
    </Story>
  );
}

type Source = NodeData["discovery"][number];
const GOOD = new Set(["fresh", "ok"]);
const columns: Column<Source>[] = [
  { key: "pool", title: "Pool", value: (source) => source.pool },
  { key: "kind", title: "Source", value: (source) => source.kind },
  {
    key: "state",
    title: "State",
    value: (source) => source.state,
    cell: (source) => <span class={GOOD.has(source.state) ? "c-ok" : "c-warn strong"}>{source.state}</span>,
  },
  { key: "text", title: "What it says", value: (source) => source.text },
  {
    key: "read",
    title: "Answered",
    number: true,
    value: (source) => (source.read_at === null ? null : dateTime(source.read_at)),
    cell: (source) => (source.read_at === null ? "never" : <When t={source.read_at} still />),
  },
];
export const Discovery = ({ discovery }: { discovery: readonly Source[] }) => (
  <Table
    caption="Discovery by pool"
    columns={columns}
    rows={discovery}
    id={(source) => `${source.pool} ${source.kind}`}
    empty="No pool uses discovery: all backends are in the configuration file."
  />
);
