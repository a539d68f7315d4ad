// Packets of a node: which worker is how busy, what ports see, what was dropped and why.
import { Meter } from "../../components/Figure";
import { Table, type Column } from "../../components/Table";
import { byteRate, count, number, rate, ratio } from "../../format";
import { fillLevel, levelClass, levelTone } from "../../lib/levels";
import type { NodeData } from "./node";

type Worker = NodeData["workers"][number];
type Port = NodeData["ports"][number];
type Drop = NodeData["drops"][number];

const workerColumns: Column<Worker>[] = [
  { key: "cpu", title: "Core", value: (worker) => worker.cpu, cell: (worker) => <span class="nowrap">core {worker.cpu}</span> },
  {
    key: "busy",
    title: "Busy",
    value: (worker) => worker.busy_ratio,
    cell: (worker) => (
      <span class="sy-busy">
        <Meter
          share={worker.busy_ratio}
          tone={fillLevel(worker.busy_ratio) === "fine" ? "ok" : levelTone(fillLevel(worker.busy_ratio))}
          label={`Core ${worker.cpu}: ${ratio(worker.busy_ratio)} busy`}
        />
        <span class={levelClass(fillLevel(worker.busy_ratio))}>{ratio(worker.busy_ratio)}</span>
      </span>
    ),
  },
  { key: "packets", title: "Packets/s", number: true, value: (worker) => worker.packets, cell: (worker) => number(worker.packets) },
  {
    key: "ticks",
    title: "Ticks a packet",
    number: true,
    help: "Clock ticks of the core that one packet takes, reading included. Falls when bursts are full.",
    value: (worker) => worker.ticks_per_packet,
    cell: (worker) => number(worker.ticks_per_packet),
  },
];
export const Workers = ({ workers }: { workers: readonly Worker[] }) => (
  <Table
    caption="Workers by core"
    columns={workerColumns}
    rows={workers}
    id={(worker) => String(worker.cpu)}
    empty="No worker has told yet."
  />
);

const portColumns: Column<Port>[] = [
  { key: "name", title: "Port", value: (port) => port.name },
  {
    key: "received",
    title: "In",
    number: true,
    value: (port) => port.received,
    cell: (port) => <Both packets={port.received} bytes={port.received_bytes} />,
  },
  {
    key: "sent",
    title: "Out",
    number: true,
    value: (port) => port.sent,
    cell: (port) => <Both packets={port.sent} bytes={port.sent_bytes} />,
  },
  {
    key: "dropped",
    title: "Dropped",
    number: true,
    value: (port) => port.dropped,
    cell: (port) => <span class={port.dropped > 0 ? "c-fail strong" : ""}>{rate(port.dropped)}</span>,
  },
];
const Both = ({ packets, bytes }: { packets: number; bytes: number }) => (
  <>
    {rate(packets)}
    <span class="sy-below">{byteRate(bytes)}</span>
  </>
);
export const Ports = ({ ports }: { ports: readonly Port[] }) => (
  <Table
    caption="Packets and bytes of each port"
    columns={portColumns}
    rows={ports}
    id={(port) => port.name}
    empty="No port has told yet."
  />
);

const dropColumns: Column<Drop>[] = [
  {
    key: "text",
    title: "Why",
    value: (drop) => drop.text || drop.reason,
    cell: (drop) => (
      <span class="sy-why">
        {drop.text || drop.reason} <span class="mono muted small">{drop.reason}</span>
      </span>
    ),
  },
  {
    key: "rate",
    title: "Now",
    number: true,
    value: (drop) => drop.rate,
    cell: (drop) => <span class={drop.rate > 0 ? "c-warn strong" : "muted"}>{rate(drop.rate)}</span>,
  },
  { key: "count", title: "In all", number: true, value: (drop) => drop.count, cell: (drop) => count(drop.count) },
];
export function Drops({ drops }: { drops: readonly Drop[] }) {
  const some = drops.filter((drop) => drop.count > 0);
  const none = drops.length - some.length;
  return (
    <Table
      caption="Drops by reason"
      columns={dropColumns}
      rows={some}
      id={(drop) => drop.reason}
      sort={{ key: "rate", down: true }}
      copy
      empty={drops.length === 0 ? "The node hasn't told of drops yet." : "No packet has been dropped since the node's start."}
      foot={none > 0 ? `${none} other reasons: never.` : ""}
    />
  );
}
