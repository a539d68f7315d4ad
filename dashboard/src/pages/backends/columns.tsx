// Columns of the backends' table: what each shows, in which group, and why it is there in words.
import type { ComponentChildren } from "preact";
import type { BackendNow, HostNumbers, Latency, Rates, ServiceNow } from "../../api";
import { OpenFlows } from "../../components/OpenFlows";
import { bytes, micros, number, ratio } from "../../format";
import type { SortKey } from "../../lib/backend_rows";
import { failureLevel, levelClass, usageLevel } from "../../lib/levels";

export interface Bounds {
  cpu: number;
  memory: number;
  disk: number;
  availability: number;
  udp: ReadonlySet<string>; // services without connections
}
export interface Column {
  key: SortKey;
  group: string;
  head: string;
  words: string; // what it is, for people who point at it
  width: number; // px
  essential: boolean; // shown where there is little room
  backend: (backend: BackendNow, bounds: Bounds) => ComponentChildren;
  service: (service: ServiceNow, bounds: Bounds) => ComponentChildren;
}

function Failures({ of, bounds }: { of: Rates; bounds: Bounds }) {
  return <span class={levelClass(failureLevel(of.failure_ratio, bounds.availability))}>{ratio(of.failure_ratio)}</span>;
}

export function Usage({ host, kind, bounds }: { host: HostNumbers | null; kind: "cpu" | "memory" | "disk"; bounds: Bounds }) {
  const value = host && !host.stale ? host[kind] : null;
  const level = usageLevel(value, bounds[kind]);
  return (
    <span class={`usage ${levelClass(level)}`}>
      {value === null ? "–" : `${Math.round(value * 100)} %`}
      <i class="usage-bar" aria-hidden="true">
        <i style={{ width: `${Math.min(100, (value ?? 0) * 100)}%` }} />
      </i>
    </span>
  );
}

function rateColumn(key: "flows" | "syn_retransmits", group: string, head: string, words: string, essential: boolean): Column {
  const show = (of: Rates): string => number(of[key]);
  return { key, group, head, words, width: key === "flows" ? 70 : 90, essential, backend: show, service: show };
}

type LatencyKey = Exclude<keyof Latency, "connect_method">;
function latencyColumn(key: LatencyKey, head: string, essential: boolean): Column {
  const connect = key.startsWith("connect");
  const show = (of: Latency): string => micros(of[key]);
  const part = head === "p50" ? "Half" : head === "p95" ? "95 of 100" : "99 of 100";
  return {
    key,
    head,
    essential,
    width: head === "p95" ? 82 : 70,
    group: connect ? "Connect" : "Response",
    words: connect
      ? `${part} of the connections were made in this time or less. Seen in passing: SYN to SYN-ACK with nat, SYN to the client's ACK where replies don't pass shunt (DSR). Of the last 10 s.`
      : `${part} of the answers came in this time or less: the client's first data to the backend's first byte with nat, the pause between a client's packets with DSR. Of the last 10 s.`,
    backend: show,
    service: (of) =>
      key === "connect_p95_us" && of.connect_method !== null ? (
        <>
          {show(of)}
          <span class="bt-below">to {of.connect_method === "synack" ? "SYN-ACK" : "ACK"}</span>
        </>
      ) : (
        show(of)
      ),
  };
}

function byteColumn(key: "bytes" | "reply_bytes", head: string, words: string): Column {
  return {
    key,
    group: "Bytes a second",
    head,
    words,
    width: 76,
    essential: false,
    backend: (of) => bytes(of[key]),
    service: (of) => bytes(of[key]),
  };
}

function usageColumn(key: "cpu" | "memory" | "disk", head: string, words: string): Column {
  return {
    key,
    group: "Host",
    head,
    words,
    width: 66,
    essential: key === "cpu",
    backend: (backend, bounds) => <Usage host={backend.host} kind={key} bounds={bounds} />,
    service: () => "",
  };
}

export const columns: readonly Column[] = [
  {
    key: "weight",
    group: "Load",
    head: "Weight",
    width: 66,
    essential: true,
    words: "The backend's part of new flows is its weight among those of its pool. 0: no new flows.",
    backend: (of) => number(of.weight),
    service: () => "",
  },
  {
    key: "share",
    group: "Load",
    head: "Share",
    width: 74,
    essential: true,
    words: "The part of the service's new flows that this backend got.",
    backend: (of) => (
      <span class="usage">
        {ratio(of.share)}
        <i class="usage-bar" aria-hidden="true">
          <i style={{ width: `${Math.min(100, of.share * 100)}%` }} />
        </i>
      </span>
    ),
    service: () => "",
  },
  rateColumn("flows", "Load", "Flows/s", "Flows (connections, or clients' UDP conversations) opened a second.", true),
  {
    key: "active",
    group: "Load",
    head: "Active",
    words: "Flows that are open now. UDP: only conversations of more than one datagram; a dash: there is none.",
    width: 64,
    essential: true,
    backend: (of, bounds) => <OpenFlows active={of.active} udp={bounds.udp.has(of.service)} />,
    service: (of, bounds) => <OpenFlows active={of.active} udp={bounds.udp.has(of.name)} />,
  },
  {
    key: "failure_ratio",
    group: "Failures",
    head: "Failed",
    width: 66,
    essential: true,
    words: "Flows that ended badly, of those that ended: reset by the server, no answer to SYN, ICMP unreachable, no backend, shed.",
    backend: (of, bounds) => <Failures of={of} bounds={bounds} />,
    service: (of, bounds) => <Failures of={of} bounds={bounds} />,
  },
  rateColumn(
    "syn_retransmits",
    "Failures",
    "SYN again",
    "First packets of connections that clients had to send again, so many a second: nobody answered within a second.",
    false,
  ),
  latencyColumn("connect_p50_us", "p50", false),
  latencyColumn("connect_p95_us", "p95", true),
  latencyColumn("connect_p99_us", "p99", false),
  latencyColumn("response_p50_us", "p50", false),
  latencyColumn("response_p95_us", "p95", true),
  latencyColumn("response_p99_us", "p99", false),
  byteColumn("bytes", "In", "Bytes a second from clients to backends."),
  byteColumn("reply_bytes", "Out", "Bytes a second from backends to clients; 0 where replies don't pass shunt (DSR)."),
  usageColumn("cpu", "CPU", "How busy the backend's machine is, as its node_exporter says."),
  usageColumn("memory", "Mem.", "Memory that can't be had on the backend's machine, as its node_exporter says."),
  usageColumn("disk", "Disk", "The fullest file system of the backend's machine, as its node_exporter says."),
];

// Of the essential ones those that a window has room for; weight, the share and response times go first.
const FIRST_TO_GO: readonly { below: number; keys: readonly SortKey[] }[] = [
  { below: 1260, keys: ["weight", "response_p95_us"] },
  { below: 1100, keys: ["share"] },
];
export function essentialColumns(windowWidth: number): readonly Column[] {
  const gone = FIRST_TO_GO.filter((one) => windowWidth < one.below).flatMap((one) => one.keys);
  return columns.filter((column) => column.essential && !gone.includes(column.key));
}

// Column groups side by side, for the first row of the head.
export function columnGroups(shown: readonly Column[]): { name: string; span: number }[] {
  const groups: { name: string; span: number }[] = [];
  for (const column of shown) {
    const last = groups[groups.length - 1];
    if (last && last.name === column.group) last.span += 1;
    else groups.push({ name: column.group, span: 1 });
  }
  return groups;
}

export const methodWords = (method: Latency["connect_method"]): string =>
  method === "synack" ? "SYN to SYN-ACK" : method === "ack" ? "SYN to the client's ACK (DSR)" : "not known yet";
