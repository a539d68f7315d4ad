// One incident: what happened in words, who probably caused it and why that is thought, its timeline, its anomalies, those
// that only follow from others folded.
import { useMemo } from "preact/hooks";
import type { Anomaly, Incident as IncidentData } from "../api";
import { AnomalyChart } from "../components/AnomalyChart";
import { AnomalyTable } from "../components/AnomalyTable";
import { Icon } from "../components/Icon";
import { IncidentMark, incidentTone } from "../components/IncidentMark";
import { Lanes, SeverityKey } from "../components/Lanes";
import { Panel } from "../components/Panel";
import { Answered, Empty, Failed, Skeleton } from "../components/Told";
import { When } from "../components/When";
import { duration, plural, ratio } from "../format";
import { calmed, isOver } from "../lib/incident_state";
import { kpiSeries, longestAgo, sentence } from "../lib/kpi_series";
import { compareSeverity, laneName } from "../lib/swim_lanes";
import { frame, now } from "../live";
import { useQuery } from "../query";
import { href, route } from "../router";
import "./anomalies/anomalies.css";
import "./anomalies/incident.css";

export default function Incident() {
  const id = Number(route.value.params.id);
  const open = frame.value?.incidents.find((one) => one.id === id);
  const answer = useQuery<{ incidents: IncidentData[] }>("incidents", () => ({ ...longestAgo(now.value), limit: 500 }), String(id), 15);
  const incident = open ?? answer.data?.incidents.find((one) => one.id === id);
  return (
    <>
      <nav class="in-crumbs small" aria-label="Where this is">
        <a href={href("/anomalies")}>Anomalies</a> <Icon name="right" /> <span class="muted">Incident #{route.value.params.id}</span>
      </nav>
      {incident ? (
        <Told incident={incident} key={id} />
      ) : answer.loading ? (
        <Skeleton height={300} />
      ) : answer.error ? (
        <Failed error={answer.error} retry={answer.reload} />
      ) : (
        <>
          <h1>Incident #{route.value.params.id}</h1>
          <section class="panel" aria-label="Not there">
            <Empty icon="search">No incident of this number is kept (any more).</Empty>
          </section>
        </>
      )}
    </>
  );
}

function Told({ incident }: { incident: IncidentData }) {
  const from = incident.opened - 300;
  const end = incident.closed ?? now.value;
  const answer = useQuery<{ anomalies: Anomaly[] }>(
    "anomalies",
    () => ({ from: Math.floor(from - 3600), to: Math.ceil(now.value), limit: 1000 }),
    String(incident.id),
    incident.closed === null ? 5 : 0,
  );
  const ids = useMemo(() => new Set(incident.anomalies), [incident]);
  const hidden = useMemo(() => new Set(incident.hidden), [incident]);
  const members = (answer.data?.anomalies ?? []).filter((one) => ids.has(one.id));
  const leading = members.filter((one) => !hidden.has(one.id));
  const following = members.filter((one) => hidden.has(one.id));
  const tells = leading
    .filter((one) => incident.root === null || (one.service === incident.root.service && one.backend === incident.root.backend))
    .sort((a, b) => compareSeverity(b.severity, a.severity) || a.opened - b.opened);
  const charted = tells.find((one) => kpiSeries(one.kpi).instead === "") ?? tells[0] ?? null;
  const calm = calmed(incident, frame.value);
  return (
    <>
      <h1>{calm?.head ?? incident.headline}</h1>
      <section class={`panel in-summary in-${incidentTone(incident)}`} aria-label="What happened">
        <p class="row">
          <IncidentMark incident={incident} />
          <span class="muted">
            {incident.closed === null ? (
              <>
                {isOver(calm) ? "began" : "open for"} <When t={incident.opened} since={!isOver(calm)} />
              </>
            ) : (
              <>
                began <When t={incident.opened} />, lasted {duration(incident.closed - incident.opened)}
              </>
            )}
          </span>
        </p>
        {calm && incident.closed === null && (
          <p class="in-text">
            It was: {incident.headline}. {calm.more}
          </p>
        )}
        <p class="in-text">{incident.text}</p>
      </section>
      <Panel
        title="Probable causes"
        help="Each subject's score: how many of the anomalies it explains (0.40), how early it began (0.25), how grave it is (0.20), and whether its figure is a cause or a symptom (0.15). A design, not a proof: look at the first ones first."
      >
        <Causes incident={incident} />
      </Panel>
      {charted && (
        <Panel title={sentence(`${kpiSeries(charted.kpi).words} of ${laneName(charted)}`)} note="the probable cause">
          <AnomalyChart anomaly={charted} key={charted.id} />
        </Panel>
      )}
      <Panel title="Timeline" actions={<SeverityKey />} note={following.length > 0 ? "followers are faint" : ""}>
        <Answered answer={answer} height={120}>
          {() =>
            members.length === 0 ? (
              <Empty>Its anomalies aren't kept any more.</Empty>
            ) : (
              <Lanes
                label="This incident's anomalies over time"
                anomalies={members}
                from={from}
                to={Math.max(end + 60, incident.opened + 300)}
                dim={hidden}
              />
            )
          }
        </Answered>
      </Panel>
      <Panel title="Anomalies" flush note={plural(incident.anomalies.length, "anomaly", "anomalies")}>
        <Answered answer={answer} height={160}>
          {() => (
            <>
              <AnomalyTable anomalies={leading} caption="Anomalies of this incident" empty="They aren't kept any more." />
              {incident.hidden.length > 0 && (
                <details class="in-followers">
                  <summary>{plural(incident.hidden.length, "more follows", "more follow")} from these</summary>
                  <AnomalyTable anomalies={following} caption="Anomalies that follow from others" empty="They aren't kept any more." />
                </details>
              )}
            </>
          )}
        </Answered>
      </Panel>
    </>
  );
}

function Causes({ incident }: { incident: IncidentData }) {
  if (incident.causes.length === 0) return <Empty>No cause stands out.</Empty>;
  return (
    <ol class="in-causes">
      {incident.causes.map((cause, i) => (
        <li key={`${cause.service} ${cause.backend} ${cause.kpi}`} class={i === 0 ? "in-first" : ""}>
          <span class="in-score" aria-hidden="true">
            <i style={{ width: `${Math.round(cause.score * 100)}%` }} />
          </span>
          <span class="nowrap">{ratio(cause.score)}</span>
          <span>
            <b>{laneName(cause)}</b> · {kpiSeries(cause.kpi).words}
            <span class="muted"> — {cause.why}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}
