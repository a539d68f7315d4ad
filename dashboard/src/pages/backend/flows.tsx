// The backend's newest flows, failures first.
import { useMemo } from "preact/hooks";
import type { Flows } from "../../api";
import { Panel } from "../../components/Panel";
import { Segmented } from "../../components/Segmented";
import { Table, type Column } from "../../components/Table";
import { Answered } from "../../components/Told";
import { When } from "../../components/When";
import { bytes, country, dateTime, micros, millis, number, outcome } from "../../format";
import { failuresFirst, hasFailed, type Flow } from "../../lib/flow_order";
import { useQuery } from "../../query";
import { place, setQuery } from "../../router";
import { operator } from "../../session";
import type { Names } from "../Backend";

const MOST = 100;

const columns: Column<Flow>[] = [
  { key: "ended", title: "Ended", value: (flow) => dateTime(flow.ended_at), cell: (flow) => <When t={flow.ended_at} still /> },
  {
    key: "outcome",
    title: "Outcome",
    value: (flow) => outcome(flow.outcome),
    cell: (flow) => (
      <span class={hasFailed(flow) ? "c-fail strong" : ""}>
        {hasFailed(flow) ? "✕ " : ""}
        {outcome(flow.outcome)}
      </span>
    ),
  },
  { key: "client", title: "Client", value: (flow) => flow.client, cell: (flow) => <span class="mono">{flow.client}</span> },
  { key: "country", title: "Country", value: (flow) => country(flow.country) },
  { key: "connect", title: "Connect", number: true, value: (flow) => flow.connect_us, cell: (flow) => micros(flow.connect_us) },
  { key: "first", title: "First byte", number: true, value: (flow) => flow.first_byte_us, cell: (flow) => micros(flow.first_byte_us) },
  { key: "duration", title: "Duration", number: true, value: (flow) => flow.duration_ms, cell: (flow) => millis(flow.duration_ms) },
  { key: "in", title: "In", number: true, value: (flow) => flow.bytes, cell: (flow) => bytes(flow.bytes) },
  { key: "out", title: "Out", number: true, value: (flow) => flow.reply_bytes, cell: (flow) => bytes(flow.reply_bytes) },
  {
    key: "syn",
    title: "SYN again",
    number: true,
    value: (flow) => flow.syn_retransmits,
    cell: (flow) => (flow.syn_retransmits > 0 ? <b class="c-warn">{number(flow.syn_retransmits)}</b> : "0"),
  },
  {
    key: "attempt",
    title: "Attempt",
    number: true,
    help: "Its place in a chain of attempts of one client: 1 is the first. A dash: not known.",
    value: (flow) => flow.attempt,
    cell: (flow) => number(flow.attempt),
  },
  { key: "node", title: "Node", value: (flow) => flow.node },
];

export function BackendFlows({ names }: { names: Names }) {
  const only = place.value.query.flows === "failed";
  const params = { service: names.service, backend: names.backend, limit: MOST };
  const all = useQuery<Flows>(only ? null : "flows", () => params, "all", 5);
  const failures = useQuery<Flows>("flows", () => ({ ...params, failed: 1 }), "failed", 5);
  const rows = useMemo(() => {
    const mine = (flow: Flow): boolean => flow.pool === names.pool;
    return failuresFirst(only ? [] : (all.data?.flows ?? []).filter(mine), (failures.data?.flows ?? []).filter(mine));
  }, [all.data, failures.data, only]);
  return (
    <Panel
      title="Newest flows"
      note={operator.value ? "" : "clients' prefixes; operators see addresses"}
      flush
      help="Flows that ended: all failures, and the watched ones among the others. shunt keeps the newest of each."
      actions={
        <Segmented
          label="Which flows"
          value={only ? "failed" : "all"}
          onChoose={(key) => setQuery({ flows: key === "all" ? "" : key })}
          options={[
            { key: "all", label: "Failures first" },
            { key: "failed", label: "Only failures" },
          ]}
        />
      }
    >
      <Answered answer={only ? failures : all} height={220}>
        {() => (
          <Table
            caption={`Newest flows of ${names.backend}`}
            columns={columns}
            rows={rows}
            most={12}
            copy
            id={(flow) => `${flow.ended_at} ${flow.node} ${flow.client} ${flow.duration_ms} ${flow.bytes}`}
            rowClass={(flow) => (hasFailed(flow) ? "flow-failed" : undefined)}
            empty={only ? "No failed flow is remembered." : "No flow has ended yet, or its records don't reach insight (see System)."}
          />
        )}
      </Answered>
    </Panel>
  );
}
