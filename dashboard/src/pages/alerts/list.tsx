// Alerts that fire or are about to, the worst first, each with its runbook to unfold.
import type { Alert } from "../../api";
import { SeverityMark } from "../../components/State";
import { Empty } from "../../components/Told";
import { When } from "../../components/When";
import { alertGroups } from "../../lib/alert_groups";
import { nameWords } from "../../lib/alert_name";
import { frame } from "../../live";
import { backendPath, href } from "../../router";

export function AlertList({ alerts, rules }: { alerts: readonly Alert[]; rules: number }) {
  if (alerts.length === 0) {
    return (
      <section class="panel" aria-label="Alerts now">
        <Empty>
          {rules === 0 ? "insight judges no rules (it has just started, or [detect] is off)." : `All quiet: none of ${rules} rules fires.`}
        </Empty>
      </section>
    );
  }
  return (
    <ul class="al-list" aria-label="Alerts now">
      {alertGroups(alerts, frame.value?.backends ?? []).map((group) => (
        <Item key={`${group[0].name} ${group[0].subject}`} alerts={group} />
      ))}
    </ul>
  );
}

function subjectPath(alert: Alert): string {
  if (alert.backend !== "" && alert.service !== "" && alert.pool !== "")
    return href(backendPath(alert.service, alert.pool, alert.backend), { service: "" });
  if (alert.service !== "") return href("/backends", { service: alert.service });
  return href("/system", { node: alert.node });
}

// A machine once, with each backend that it is.
function Item({ alerts }: { alerts: readonly Alert[] }) {
  const alert = alerts[0];
  const since = Math.min(...alerts.map((one) => one.since));
  const firing = alert.state === "firing";
  return (
    <li class={`panel al-item ${firing ? `al-${alert.severity}` : "al-pending"}`}>
      <div class="row">
        <SeverityMark of={alert.severity} />
        <span class="chip">{alert.state}</span>
        <b class="al-name">{nameWords(alert.name)}</b>
        {alerts.map((one) => (
          <a key={one.subject} href={subjectPath(one)}>
            {one.subject}
          </a>
        ))}
        {alerts.length > 1 && <span class="small muted">one machine</span>}
        <span class="grow" />
        <span class="small muted">
          for <When t={since} since />
        </span>
      </div>
      <p class="al-text">{alert.text}</p>
      {alert.runbook !== "" && (
        <details>
          <summary>What to look at and do</summary>
          <div class="al-runbook">{alert.runbook}</div>
        </details>
      )}
    </li>
  );
}
