// What is wrong, in words, worst first.
import type { Incident } from "../../api";
import { SeverityMark, severityTone } from "../../components/State";
import { duration, plural } from "../../format";
import { now } from "../../live";
import { href } from "../../router";

function One({ incident }: { incident: Incident }) {
  const { id, headline, text, severity, opened, anomalies } = incident;
  return (
    <li class={`incident note ${severityTone(severity)}`}>
      <SeverityMark of={severity} />
      <div class="grow">
        <a class="plain" href={href(`/incidents/${id}`)}>
          <b>{headline}</b>
        </a>
        <p>{text}</p>
      </div>
      <span class="small muted nowrap" title={plural(anomalies.length, "anomaly", "anomalies")}>
        for {duration(now.value - opened)}
      </span>
    </li>
  );
}

const MOST = 4;

export function Incidents({ incidents }: { incidents: readonly Incident[] }) {
  if (incidents.length === 0) return null;
  return (
    <section aria-label="Open incidents">
      <ul class="incidents">
        {incidents.slice(0, MOST).map((i) => (
          <One key={i.id} incident={i} />
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
