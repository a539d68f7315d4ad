// Lanes: anomalies over time, a lane for each service and backend, a bar for each anomaly. Severity is the bar's colour and
// height; the table of anomalies beside it says the same.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Anomaly } from "../api";
import { clock } from "../format";
import { aftermath } from "../lib/incident_state";
import { kpiSeries } from "../lib/kpi_series";
import { laneName, swimLanes, type Lane, type LaneBar } from "../lib/swim_lanes";
import { timeTicks } from "../lib/time_ticks";
import { frame, now } from "../live";
import { anomalyHref } from "./AnomalyTable";
import "./Lanes.css";

const MOST_LANES = 40;
const BAR = 16; // px, gap included

interface Props {
  label: string;
  anomalies: readonly Anomaly[];
  from: number;
  to: number;
  chosen?: number;
  dim?: ReadonlySet<number>; // ids drawn faintly
}

export function Lanes({ label, anomalies, from, to, chosen, dim }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const span = Math.max(1, to - from);
  const present = Math.min(to, now.value);
  const lanes = useMemo(() => swimLanes(anomalies, from, to, (span / Math.max(200, width)) * 6, present), [anomalies, from, to, width, present]);
  const ticks = timeTicks(from, to, width < 480 ? 4 : 9);
  const place = (t: number): string => `${((t - from) / span) * 100}%`;
  return (
    <div class="lanes" ref={box} role="group" aria-label={`${label}. The table of anomalies has the same.`}>
      <div class="lanes-axis" aria-hidden="true">
        {ticks
          .filter((t) => t < to - span * 0.03)
          .map((t) => (
            <span key={t} style={{ left: place(t) }}>
              {clock(t, Math.max(span, 3601))}
            </span>
          ))}
      </div>
      {lanes.slice(0, MOST_LANES).map((lane) => (
        <div class={`lane ${lane.backend === "" ? "lane-service" : ""} ${lane.bars.length === 0 ? "lane-head" : ""}`} key={`${lane.service}\n${lane.backend}`}>
          <span class="lane-name" title={laneName(lane)}>
            {lane.backend === "" ? laneName(lane) : lane.backend}
          </span>
          <Track lane={lane} place={place} ticks={ticks} span={span} chosen={chosen} dim={dim} />
        </div>
      ))}
      {lanes.length > MOST_LANES && <p class="small muted">{lanes.length - MOST_LANES} more in the table.</p>}
    </div>
  );
}

interface TrackProps {
  lane: Lane;
  place: (t: number) => string;
  ticks: readonly number[];
  span: number;
  chosen?: number;
  dim?: ReadonlySet<number>;
}

function Track({ lane, place, ticks, span, chosen, dim }: TrackProps) {
  return (
    <div class="lane-track" style={{ height: `${Math.max(1, lane.rows) * BAR + 8}px` }}>
      {ticks.map((t) => (
        <i key={t} class="lane-tick" style={{ left: place(t) }} />
      ))}
      {lane.bars.map((bar) => (
        <a
          key={bar.anomaly.id}
          tabIndex={-1}
          href={anomalyHref(bar.anomaly)}
          title={barWords(bar, span)}
          aria-label={barWords(bar, span)}
          class={`lane-bar sv-${bar.anomaly.severity} ${bar.anomaly.id === chosen ? "lane-chosen" : ""} ${dim?.has(bar.anomaly.id) ? "lane-dim" : ""} ${easing(bar.anomaly) ? "lane-easing" : ""}`}
          style={{ left: place(bar.from), width: `max(5px, ${((bar.to - bar.from) / span) * 100}%)`, top: `${4 + bar.row * BAR}px` }}
        />
      ))}
    </div>
  );
}

const easing = (anomaly: Anomaly): boolean => anomaly.closed === null && aftermath(frame.value, anomaly) !== null;

function barWords(bar: LaneBar, span: number): string {
  const { anomaly } = bar;
  const wide = Math.min(span, 3600);
  const end = anomaly.closed === null ? (easing(anomaly) ? "still open, easing" : "still open") : `to ${clock(anomaly.closed, wide)}`;
  return `${anomaly.severity}: ${kpiSeries(anomaly.kpi).words} of ${laneName(anomaly)}, ${clock(anomaly.opened, wide)} ${end}`;
}

export function SeverityKey() {
  return (
    <span class="row small muted lanes-key">
      {(["info", "minor", "major", "critical"] as const).map((severity) => (
        <span key={severity}>
          <i class={`lane-bar sv-${severity}`} /> {severity}
        </span>
      ))}
      <span>
        <i class="lane-bar sv-minor lane-easing" /> easing
      </span>
    </span>
  );
}
