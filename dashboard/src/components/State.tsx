// States and severities: always a shape, a colour and a word, so that none of the three is needed alone.
import type { AlertSeverity, ServiceState, Severity } from "../api";
import type { Stand } from "../lib/backend_rows";
import type { Calm } from "../lib/incident_state";

type Tone = "ok" | "warn" | "fail" | "drain" | "info" | "idle";
type Shape = "disc" | "triangle" | "cross" | "ring" | "half" | "dash" | "diamond";

const SHAPES: Record<Shape, string> = {
  disc: "M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1",
  triangle: "M6 .8L11.6 11H.4z",
  cross: "M2.6 1L6 4.4 9.4 1 11 2.6 7.6 6 11 9.4 9.4 11 6 7.6 2.6 11 1 9.4 4.4 6 1 2.6z",
  ring: "M6 .8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 1 0 6 .8M6 2.8a3.2 3.2 0 1 1 0 6.4A3.2 3.2 0 1 1 6 2.8",
  half: "M6 .8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 1 0 6 .8M6 2.6v6.8a3.4 3.4 0 0 1 0-6.8",
  dash: "M1 4.6h10v2.8H1z",
  diamond: "M6 .4L11.6 6 6 11.6.4 6z",
};

const STATES: Record<AnyState, [Tone, Shape, string]> = {
  up: ["ok", "disc", "up"],
  degraded: ["warn", "triangle", "degraded"],
  down: ["fail", "cross", "down"],
  drain: ["drain", "half", "draining"],
  weight0: ["drain", "dash", "weight 0"],
  disabled: ["idle", "dash", "disabled"],
  starting: ["info", "half", "starting"],
  unknown: ["idle", "ring", "not known"],
};

const SEVERITIES: Record<Severity | AlertSeverity, [Tone, Shape, string]> = {
  info: ["info", "disc", "info"],
  minor: ["info", "diamond", "minor"],
  warning: ["warn", "triangle", "warning"],
  major: ["warn", "triangle", "major"],
  critical: ["fail", "cross", "critical"],
};

export type AnyState = Stand | ServiceState;
export type AnySeverity = Severity | AlertSeverity;
export const stateTone = (s: AnyState): Tone => STATES[s]?.[0] ?? "idle";
export const stateWord = (s: AnyState): string => STATES[s]?.[2] ?? s;
export const severityTone = (s: AnySeverity): Tone => SEVERITIES[s]?.[0] ?? "idle";

// Higher is worse; for sorting.
export const STATE_RANK: Record<AnyState, number> = { up: 0, disabled: 1, starting: 2, weight0: 3, drain: 3, unknown: 4, degraded: 5, down: 6 };
export const SEVERITY_RANK: Record<AnySeverity, number> = { info: 1, minor: 2, warning: 3, major: 3, critical: 4 };

export function Shape({ tone, shape }: { tone: Tone; shape: Shape }) {
  return (
    <svg class={`c-${tone}`} viewBox="0 0 12 12" width="11" height="11" fill="currentColor" fill-rule="evenodd" aria-hidden="true">
      <path d={SHAPES[shape]} />
    </svg>
  );
}

function Marked({ look, title }: { look: [Tone, Shape, string]; title?: string }) {
  return (
    <span class={`state c-${look[0]}`} title={title}>
      <Shape tone={look[0]} shape={look[1]} />
      {look[2]}
    </span>
  );
}

export const State = ({ of, title }: { of: AnyState; title?: string }) => <Marked look={STATES[of] ?? ["idle", "ring", of]} title={title} />;
export const SeverityMark = ({ of, title }: { of: AnySeverity; title?: string }) => (
  <Marked look={SEVERITIES[of] ?? ["idle", "ring", of]} title={title} />
);

const CALMS: Record<Calm, [Tone, Shape, string]> = {
  easing: ["info", "half", "easing"],
  recovered: ["ok", "disc", "recovered"],
  closed: ["idle", "ring", "closed"],
};

// Of an incident whose cause is over; the incident itself closes later.
export const Calmed = ({ of, title }: { of: Calm; title?: string }) => <Marked look={CALMS[of]} title={title} />;
export const calmTone = (of: Calm): Tone => CALMS[of][0];
