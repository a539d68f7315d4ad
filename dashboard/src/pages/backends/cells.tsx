// Cells that the table and the cards of backends share.
import type { BackendNow, ServiceNow, Severity } from "../../api";
import { Icon } from "../../components/Icon";
import { SubjectMark } from "../../components/IncidentMark";
import { State, type AnyState } from "../../components/State";
import { When } from "../../components/When";
import { standOf, type TableRow } from "../../lib/backend_rows";
import type { Subject } from "../../lib/incident_state";
import { sparkPath } from "../../lib/spark_path";
import { frame } from "../../live";
import { SECONDS, recent } from "../../recent_backends";
import { backendPath, href } from "../../router";

export const pathOf = (backend: { service: string; pool: string; name: string }): string =>
  href(backendPath(backend.service, backend.pool, backend.name), { service: "" });

// The name, and below it what a person needs next: why it isn't up, else its address.
export function BackendName({ backend, still }: { backend: BackendNow; still?: boolean }) {
  const why = backend.reason !== "" && backend.state !== "up";
  const below = why ? backend.reason : `${backend.pool === backend.service ? "" : `${backend.pool} · `}${backend.address}`;
  return (
    <>
      <a class="bt-link" href={pathOf(backend)} tabIndex={still ? -1 : undefined}>
        {backend.name}
      </a>
      <span class={why ? "bt-below bt-why" : "bt-below"} title={below}>
        {below}
      </span>
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
  `${service.healthy} of ${service.backends} up · ${service.mode} · ${service.scheduler}`;

interface StateProps {
  state: AnyState;
  since: number | null;
  severity: Severity | null;
  subject: Subject;
}

export function StateCell({ state, since, severity, subject }: StateProps) {
  return (
    <span class="bt-state">
      <State of={state} />
      <span class="bt-below">
        {severity ? (
          <SubjectMark of={severity} subject={subject} title={`Its worst open anomaly is ${severity}`} />
        ) : since !== null && since > 0 ? (
          <>
            for <When t={since} since still />
          </>
        ) : null}
      </span>
    </span>
  );
}

export const BackendStateCell = ({ of }: { of: BackendNow }) => (
  <StateCell state={standOf(of)} since={of.since} severity={of.severity} subject={{ service: of.service, backend: of.name }} />
);

// Flows, and failures on the same scale in red: two minutes wide.
export function BackendSpark({ of }: { of: BackendNow }) {
  frame.value;
  const flows = recent(of, "flows");
  const failures = recent(of, "failures");
  const most = Math.max(1, ...flows.map((value) => value ?? 0));
  const shape = sparkPath(flows, most, SECONDS, 200, 40);
  const failed = failures.some((value) => value !== null && value > 0) ? sparkPath(failures, most, SECONDS, 200, 40).area : "";
  return (
    <svg class="bt-line" viewBox="0 0 200 40" preserveAspectRatio="none" aria-hidden="true">
      <path class="bt-area" d={shape.area} />
      <path d={shape.line} fill="none" vector-effect="non-scaling-stroke" />
      <path class="bt-failed" d={failed} />
    </svg>
  );
}
