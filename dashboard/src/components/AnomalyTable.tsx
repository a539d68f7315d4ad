// Anomalies as rows: how bad, what of whom, what was expected and seen, when.
import type { ComponentChildren } from "preact";
import type { Anomaly } from "../api";
import { duration } from "../format";
import { bandWords, kpiSeries } from "../lib/kpi_series";
import { aftermath } from "../lib/incident_state";
import { laneName } from "../lib/swim_lanes";
import { frame, now } from "../live";
import { href } from "../router";
import { Calmed, SEVERITY_RANK, SeverityMark, severityTone } from "./State";
import { Table, type Column } from "./Table";
import { When } from "./When";

interface Props {
  anomalies: readonly Anomaly[];
  caption: string;
  empty: ComponentChildren;
  subject?: boolean; // false: all of one backend
  chosen?: number;
}

export const anomalyHref = (anomaly: Pick<Anomaly, "id">): string => href("/anomalies", { anomaly: String(anomaly.id) });

// "▲" above what was expected, "▼" below.
export function direction(anomaly: Anomaly): string {
  if (anomaly.expected_high !== null && anomaly.observed > anomaly.expected_high) return "▲ ";
  if (anomaly.expected_low !== null && anomaly.observed < anomaly.expected_low) return "▼ ";
  return "";
}

const lasted = (anomaly: Anomaly): number => (anomaly.closed ?? now.value) - anomaly.opened;

const columns: Column<Anomaly>[] = [
  {
    key: "severity",
    title: "Severity",
    number: false,
    value: (a) => SEVERITY_RANK[a.severity],
    cell: (a) => <SeverityMark of={a.severity} />,
    help: "From how unlikely it is, how long it lasts, which part of the traffic it touches and how fast it uses up the error budget.",
  },
  {
    key: "kpi",
    title: "What",
    value: (a) => kpiSeries(a.kpi).words,
    cell: (a) => (
      <a class="what" href={anomalyHref(a)}>
        {kpiSeries(a.kpi).words}
      </a>
    ),
  },
  { key: "subject", title: "Of", value: laneName, cell: (a) => <Subject of={a} /> },
  { key: "expected", title: "Expected", number: true, value: (a) => a.expected_high, cell: (a) => bandWords(a) || "–" },
  {
    key: "observed",
    title: "Seen",
    number: true,
    value: (a) => a.observed,
    cell: (a) => (
      <b>
        {direction(a)}
        {kpiSeries(a.kpi).format(a.observed)}
      </b>
    ),
  },
  { key: "opened", title: "Since", number: true, value: (a) => a.opened, cell: (a) => <When t={a.opened} still /> },
  {
    key: "lasted",
    title: "Lasted",
    number: true,
    value: lasted,
    cell: (a) => (a.closed === null ? <Open of={a} /> : duration(lasted(a))),
  },
  {
    key: "incident",
    title: "Incident",
    value: (a) => a.incident,
    cell: (a) => (a.incident === null ? "–" : <a href={href(`/incidents/${a.incident}`)}>#{a.incident}</a>),
  },
];

function Open({ of }: { of: Anomaly }) {
  return aftermath(frame.value, of) === null ? <span class={`c-${severityTone(of.severity)} strong`}>open</span> : <Calmed of="easing" title="open, but its cause is over" />;
}

export function Subject({ of }: { of: Anomaly }) {
  if (of.backend === "" || of.service === "" || of.pool === "") return <>{laneName(of)}</>;
  const path = `/backends/${[of.service, of.pool, of.backend].map(encodeURIComponent).join("/")}`;
  return (
    <a class="nowrap" href={href(path, { service: "" })}>
      {laneName(of)}
    </a>
  );
}

export function AnomalyTable({ anomalies, caption, empty, subject = true, chosen }: Props) {
  return (
    <Table
      caption={caption}
      columns={subject ? columns : columns.filter((column) => column.key !== "subject")}
      rows={anomalies}
      id={(a) => String(a.id)}
      sort={{ key: "opened", down: true }}
      empty={empty}
      most={50}
      copy
      rowClass={(a) => (a.id === chosen ? "row-chosen" : undefined)}
    />
  );
}
