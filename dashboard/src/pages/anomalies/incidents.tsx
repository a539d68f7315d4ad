// Incidents in words, the open ones first.
import type { Incident } from "../../api";
import { IncidentMark, incidentTone } from "../../components/IncidentMark";
import { Empty } from "../../components/Told";
import { When } from "../../components/When";
import { duration, plural } from "../../format";
import { calmed, isOver } from "../../lib/incident_state";
import { frame } from "../../live";
import { href } from "../../router";

export function IncidentList({ incidents, words }: { incidents: readonly Incident[]; words: string }) {
  if (incidents.length === 0) return <Empty>No incident in {words}.</Empty>;
  const open = incidents.filter((one) => one.closed === null);
  const closed = incidents.filter((one) => one.closed !== null).sort((a, b) => b.opened - a.opened);
  return (
    <ul class="in-list">
      {[...open, ...closed].map((one) => (
        <Item key={one.id} incident={one} />
      ))}
    </ul>
  );
}

function Item({ incident }: { incident: Incident }) {
  const followers = incident.hidden.length;
  const calm = calmed(incident, frame.value);
  return (
    <li class={`in-item in-${incidentTone(incident)}`}>
      <div class="row">
        <IncidentMark incident={incident} />
        <a class="in-head grow" href={href(`/incidents/${incident.id}`)}>
          {calm?.head ?? incident.headline}
        </a>
        <span class="small muted nowrap">
          {incident.closed === null ? (
            <>
              {isOver(calm) ? "began" : "open for"} <When t={incident.opened} since={!isOver(calm)} />
            </>
          ) : (
            <>
              <When t={incident.opened} />, lasted {duration(incident.closed - incident.opened)}
            </>
          )}
        </span>
      </div>
      {calm && incident.closed === null && (
        <p>
          It was: {incident.headline}. {calm.more}
        </p>
      )}
      <p>{incident.text}</p>
      <p class="small muted">
        {plural(incident.anomalies.length, "anomaly", "anomalies")}
        {followers > 0 && <>, {followers} of which follow from others</>}
      </p>
    </li>
  );
}
