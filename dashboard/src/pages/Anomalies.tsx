// Anomalies and incidents: when what was unusual, what belongs together and why, each with its chart and its expected band.
// Filters and the chosen anomaly are in the address.
import { useMemo } from "preact/hooks";
import type { Anomaly, Incident, Severity } from "../api";
import { AnomalyTable } from "../components/AnomalyTable";
import { Lanes, SeverityKey } from "../components/Lanes";
import { Panel } from "../components/Panel";
import { Segmented } from "../components/Segmented";
import { Answered } from "../components/Told";
import { plural } from "../format";
import { filterOf, wanted, type AnomalyFilter } from "../lib/anomaly_filter";
import { frame, now } from "../live";
import { useQuery } from "../query";
import { RANGES, place, range, service, setQuery } from "../router";
import { ChosenAnomaly } from "./anomalies/chosen";
import { IncidentList } from "./anomalies/incidents";
import "./anomalies/anomalies.css";

const MOST = 1000;

// Anomalies of the last five minutes say little: "live" is the last hour here.
export const anomalyRange = () => (range.value.key === "live" ? RANGES[2] : range.value);

export default function Anomalies() {
  const shown = anomalyRange();
  const span = (): { from: number; to: number } => ({ from: Math.floor(now.value) - shown.seconds, to: Math.floor(now.value) });
  const query = place.value.query;
  const filter = filterOf(query);
  const key = `${shown.key} ${service.value}`;
  const anomalies = useQuery<{ anomalies: Anomaly[] }>("anomalies", () => ({ ...span(), service: service.value, limit: MOST }), key, 5);
  const incidents = useQuery<{ incidents: Incident[] }>("incidents", () => ({ ...span(), limit: 100 }), key, 5);
  const rows = useMemo(
    () => (anomalies.data?.anomalies ?? []).filter((one) => wanted(one, filter)),
    [anomalies.data, JSON.stringify(filter)],
  );
  const chosen = query.anomaly === undefined ? null : Number(query.anomaly);
  return (
    <>
      <div class="an-top">
        <h1>Anomalies</h1>
        <Filters filter={filter} />
      </div>
      {chosen !== null && <ChosenAnomaly id={chosen} known={anomalies.data?.anomalies ?? []} key={chosen} />}
      <Panel
        title="Incidents"
        note={shown.words}
        flush
        help="Anomalies that are near in time and touch the same service, backend or node, put together. The probable cause is the one that explains most of the others, began first and is a cause rather than a symptom."
      >
        <Answered answer={incidents} height={160}>
          {(data) => <IncidentList incidents={withOpen(data.incidents)} words={shown.words} />}
        </Answered>
      </Panel>
      {(anomalies.data === null || rows.length > 0) && (
        <Panel
          title="Timeline"
          note={
            <>
              {shown.words}
              {rows.length > 0 && <> · {plural(rows.length, "anomaly", "anomalies")}</>}
            </>
          }
          actions={<SeverityKey />}
          help="A lane for each service and, below it, its backends. A bar is an anomaly: its length is how long it lasted, its height and colour how grave it was. Hatched: still open, but its cause is over. Choose one to see its chart."
        >
          <Answered answer={anomalies} height={160}>
            {() => <Lanes label="Anomalies over time" anomalies={rows} {...span()} chosen={chosen ?? undefined} />}
          </Answered>
        </Panel>
      )}
      <Panel
        title="All anomalies"
        note={anomalies.data && anomalies.data.anomalies.length >= MOST ? `the newest ${MOST}` : shown.words}
        flush
      >
        <Answered answer={anomalies} height={240}>
          {() => <AnomalyTable anomalies={rows} caption="Anomalies" empty={none(filter, shown.words)} chosen={chosen ?? undefined} />}
        </Answered>
      </Panel>
    </>
  );
}

// Those that the stream has as open now come first, newer than the last answer.
function withOpen(answered: readonly Incident[]): Incident[] {
  const open = (frame.value?.incidents ?? []).filter(
    (one) => service.value === "" || one.causes.some((cause) => cause.service === service.value) || one.root?.service === service.value,
  );
  const ids = new Set(open.map((one) => one.id));
  const of = (one: Incident): boolean =>
    service.value === "" || one.root?.service === service.value || one.causes.some((cause) => cause.service === service.value);
  return [...open, ...answered.filter((one) => !ids.has(one.id) && of(one))];
}

function none(filter: AnomalyFilter, words: string): string {
  const narrowed = filter.text !== "" || filter.open || filter.least !== "info" || filter.backend !== "";
  return narrowed ? `Nothing of ${words} matches these filters.` : `Nothing unusual in ${words}.`;
}

const LEAST: readonly { key: Severity; label: string }[] = [
  { key: "info", label: "All" },
  { key: "minor", label: "Minor +" },
  { key: "major", label: "Major +" },
  { key: "critical", label: "Critical" },
];

function Filters({ filter }: { filter: AnomalyFilter }) {
  return (
    <div class="row grow an-filters" role="group" aria-label="Filters">
      <input
        type="search"
        data-filter
        value={filter.text}
        placeholder="Filter: backend, latency, peer …"
        aria-label="Filter anomalies by words"
        onInput={(event) => setQuery({ q: event.currentTarget.value })}
      />
      <Segmented<Severity>
        label="Least severity"
        value={filter.least}
        options={LEAST}
        onChoose={(key) => setQuery({ severity: key === "info" ? "" : key })}
      />
      <label class="row nowrap small">
        <input type="checkbox" checked={filter.open} onChange={(event) => setQuery({ open: event.currentTarget.checked ? "1" : "" })} />{" "}
        only open ones
      </label>
      {filter.backend !== "" && (
        <button type="button" class="button tiny" onClick={() => setQuery({ backend: "" })}>
          {filter.backend} ✕<span class="hidden-text">: show all backends</span>
        </button>
      )}
    </div>
  );
}
