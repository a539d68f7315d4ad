// How an incident, or a subject with open anomalies, stands now: its severity while it lasts, else that it is over and what it was.
import type { Incident, Severity } from "../api";
import { aftermath, incidentState, type Subject } from "../lib/incident_state";
import { frame } from "../live";
import { Calmed, SeverityMark, calmTone, severityTone } from "./State";

export function IncidentMark({ incident }: { incident: Incident }) {
  const state = incidentState(incident, frame.value);
  if (state === "open") return <SeverityMark of={incident.severity} />;
  return (
    <>
      <Calmed of={state} /> <span class="small muted nowrap">was {incident.severity}</span>
    </>
  );
}

export function incidentTone(incident: Incident): string {
  const state = incidentState(incident, frame.value);
  return state === "open" ? severityTone(incident.severity) : calmTone(state);
}

export function SubjectMark({ of, subject, title }: { of: Severity; subject: Subject; title?: string }) {
  const calm = aftermath(frame.value, subject);
  return calm === null ? <SeverityMark of={of} title={title} /> : <Calmed of={calm} title={`was ${of}: figures of the last minutes aren’t usual yet`} />;
}
