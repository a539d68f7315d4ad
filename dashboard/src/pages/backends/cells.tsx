// Cells that the table and the cards of backends share.
import type { BackendNow, BackendState, ServiceNow, ServiceState, Severity } from "../../api";
import { Icon } from "../../components/Icon";
import { Sparkline, path } from "../../components/Sparkline";
import { SeverityMark, State } from "../../components/State";
import { When } from "../../components/When";
import type { TableRow } from "../../lib/backend_rows";
import { frame } from "../../live";
import { recentFailures, recentFlows } from "../../recent_backends";
import { backendPath, href } from "../../router";
import { methodWords } from "./columns";

export const pathOf = (backend: { service: string; pool: string; name: string }): string =>
  href(backendPath(backend.service, backend.pool, backend.name), { service: "" });

// The name, and below it what a person needs next: why it isn't up, else its address.
export function BackendName({ backend, still }: { backend: BackendNow; still?: boolean }) {
  const why = backend.reason !== "" && backend.state !== "up";
  const below = why ? backend.reason : `${backend.pool === backend.service ? "" : `${backend.pool} · `}${backend.address}`;
  return (
    <>
      <a class="bt-link" href={pathOf(backend)} tabIndex={still ? -1 : undefined}>{backend.name}</a>
      <span class={why ? "bt-below bt-why" : "bt-below"} title={below}>{below}</span>
    </>
  );
}

type ServiceRow = Extract<TableRow, { kind: "service" }>;

export function ServiceName({ row, onFold }: { row: ServiceRow; onFold: () => void }) {
  return (
    <>
      <button type="button" class="bt-fold" aria-expanded={!row.folded} onClick={onFold}>
        <Icon name={row.folded ? "right" : "down"} />
        {row.name}
      </button>
      <span class="bt-below" title={row.service ? serviceWords(row.service) : undefined}>
        {row.shown < row.total ? `${row.shown} of ${row.total} shown` : row.service ? serviceWords(row.service) : ""}
      </span>
    </>
  );
}

const serviceWords = (service: ServiceNow): string =>
  `${service.healthy} of ${service.backends} up · ${service.mode} · ${service.scheduler} · connect: ${methodWords(service.connect_method)}`;

interface StateProps {
  state: BackendState | ServiceState;
  since: number | null;
  severity: Severity | null;
}

export function StateCell({ state, since, severity }: StateProps) {
  return (
    <span class="bt-state">
      <State of={state} />
      <span class="bt-below">
        {severity ? <SeverityMark of={severity} title={`Its worst open anomaly is ${severity}`} />
          : since !== null && since > 0 ? <>for <When t={since} since still /></> : null}
      </span>
    </span>
  );
}

// Flows in the theme's first colour, failures over them in red, on one scale.
export function BackendSpark({ of }: { of: string }) {
  frame.value;
  const flows = recentFlows(of);
  const failures = recentFailures(of);
  if (!failures.some((value) => value !== null && value > 0)) return <Sparkline values={flows} floor={0} />;
  const most = Math.max(...flows.map((value) => value ?? 0), 1e-9);
  return (
    <div class="bt-both">
      <Sparkline values={flows} floor={0} />
      <svg viewBox="0 0 200 40" preserveAspectRatio="none" aria-hidden="true">
        <path d={path([...failures.map((value) => (value === null ? null : Math.min(value, most)))], 0).area} />
      </svg>
    </div>
  );
}
