// Retries of each service, or of each backend.
import type { Retries, RetryNumbers } from "../../api";
import { Segmented } from "../../components/Segmented";
import { Table, type Column } from "../../components/Table";
import { count, number, ratio } from "../../format";
import { levelClass, type Level } from "../../lib/levels";
import { limits, retryLevel, retryShares, type RetryLevel } from "../../lib/retry_advice";
import { backendPath, href, place, setQuery } from "../../router";

interface Row extends RetryNumbers {
  id: string;
  name: string;
  service: string;
  to: string;
}

const LEVEL: Record<RetryLevel, Level> = { calm: "fine", look: "look", act: "bad" };
const amplified = (row: RetryNumbers): RetryLevel =>
  row.amplification === null || row.amplification < limits.amplification ? "calm" : row.amplification >= limits.storm ? "act" : "look";

function share(kind: "syn" | "reconnect" | "data", row: Row) {
  const value = retryShares(row)[kind];
  const level = row.opened < limits.fewest ? "calm" : retryLevel(kind, value);
  return <span class={levelClass(LEVEL[level])}>{kind === "data" ? number(value) : ratio(value)}</span>;
}

const columns: Column<Row>[] = [
  {
    key: "name",
    title: "Of",
    value: (row) => `${row.service} ${row.name}`,
    cell: (row) => (
      <a class="plain" href={row.to}>
        {row.name}
        {row.service !== row.name && <span class="muted"> · {row.service}</span>}
      </a>
    ),
  },
  { key: "opened", title: "Connections", number: true, value: (row) => row.opened, cell: (row) => count(row.opened) },
  { key: "syn", title: "SYN again", number: true, value: (row) => row.syn_retransmits, cell: (row) => count(row.syn_retransmits) },
  { key: "synshare", title: "of conn.", number: true, value: (row) => retryShares(row).syn, cell: (row) => share("syn", row) },
  { key: "reconnects", title: "Reconnects", number: true, value: (row) => row.reconnects, cell: (row) => count(row.reconnects) },
  { key: "reshare", title: "of conn.", number: true, value: (row) => retryShares(row).reconnect, cell: (row) => share("reconnect", row) },
  { key: "data", title: "Data again", number: true, value: (row) => row.data_retransmits, cell: (row) => count(row.data_retransmits) },
  { key: "datashare", title: "per conn.", number: true, value: (row) => retryShares(row).data, cell: (row) => share("data", row) },
  {
    key: "times",
    title: "Amplification",
    number: true,
    value: (row) => row.amplification,
    cell: (row) => (
      <span class={levelClass(LEVEL[amplified(row)])}>{row.amplification === null ? "–" : `× ${row.amplification.toFixed(3)}`}</span>
    ),
  },
];

export function RetryTable({ data }: { data: Retries }) {
  const by = place.value.query.by === "service" ? "service" : "backend";
  const rows: Row[] =
    by === "service"
      ? data.services.map((one) => ({ ...one, id: one.name, service: one.name, to: href("/backends", { service: one.name }) }))
      : data.backends.map((one) => ({
          ...one,
          id: `${one.service}/${one.pool}/${one.name}`,
          to: href(backendPath(one.service, one.pool, one.name), { service: "" }),
        }));
  return (
    <Table
      key={by}
      caption={`Retries by ${by}`}
      columns={columns}
      rows={rows}
      id={(row) => row.id}
      sort={{ key: "times", down: true }}
      most={50}
      copy
      empty="No connection was opened in this time."
    />
  );
}

export function RowChoice() {
  return (
    <Segmented
      label="Rows"
      value={place.value.query.by === "service" ? "service" : "backend"}
      onChoose={(key) => setQuery({ by: key === "backend" ? "" : key })}
      options={[
        { key: "backend", label: "Backends" },
        { key: "service", label: "Services" },
      ]}
    />
  );
}
