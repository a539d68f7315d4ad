// What is wrong, in words, worst first.
import type { Frame, Incident } from "../../api";
import { IncidentMark, incidentTone } from "../../components/IncidentMark";
import { duration, plural } from "../../format";
import { calmed, isOver } from "../../lib/incident_state";
import { now } from "../../live";
import { href } from "../../router";

function One({ incident, frame }: { incident: Incident; frame: Frame }) {
  const { id, headline, text, opened, anomalies } = incident;
  const calm = calmed(incident, frame);
  return (
    <li class={`incident note ${incidentTone(incident)}`}>
      <span class="incident-mark">
        <IncidentMark incident={incident} />
      </span>
      <div class="grow">
        <a class="plain" href={href(`/incidents/${id}`)}>
          <b>{calm?.head ?? headline}</b>
        </a>
        <p>{calm ? <>It was: {headline}. {calm.more}</> : text}</p>
      </div>
      <span class="small muted nowrap" title={plural(anomalies.length, "anomaly", "anomalies")}>
        {isOver(calm) ? "began" : "for"} {duration(now.value - opened)}{isOver(calm) && " ago"}
      </span>
    </li>
  );
}

const MOST = 4;

export function Incidents({ incidents, frame }: { incidents: readonly Incident[]; frame: Frame | null }) {
  if (frame === null || incidents.length === 0) return null;
  return (
    <section aria-label="Open incidents">
      <ul class="incidents">
        {incidents.slice(0, MOST).map((i) => (
          <One key={i.id} incident={i} frame={frame} />
        ))}
      </ul>
      {incidents.length > MOST && (
        <p class="small">
          <a href={href("/anomalies")}>{plural(incidents.length - MOST, "more incident")}</a>
        </p>
      )}
    </section>
  );
}
