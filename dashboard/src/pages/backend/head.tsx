// Name, state, why and since when, actions, and the figures of this second.
import { useEffect } from "preact/hooks";
import type { BackendNow, ServiceNow, TimeSeries } from "../../api";
import { BackendActions } from "../../components/BackendActions";
import { Figure } from "../../components/Figure";
import { Help } from "../../components/Help";
import { Sparkline } from "../../components/Sparkline";
import { SubjectMark } from "../../components/IncidentMark";
import { State } from "../../components/State";
import { When } from "../../components/When";
import { micros, microsParts, number, numberParts, rate, rateParts, ratio, ratioParts, type Figure as Parts } from "../../format";
import { backendKey, standOf } from "../../lib/backend_rows";
import { failureLevel, levelTone } from "../../lib/levels";
import { isUdp, openFlows } from "../../lib/open_flows";
import { SECONDS, recent, seed, type RecentFigure } from "../../recent_backends";
import { now } from "../../live";
import { useQuery } from "../../query";
import { useCatchingUp } from "../../series";
import { info } from "../../session";
import { methodWords } from "../backends/columns";

const FIGURES: readonly RecentFigure[] = ["flows", "failures", "active", "connect_p95_us", "response_p95_us", "syn_retransmits"];

// The two minutes before the page was opened.
function useRecentPast(backend: BackendNow): void {
  const { service, pool, name } = backend;
  const answer = useQuery<TimeSeries>(
    "timeseries",
    () => {
      const to = Math.floor(now.value);
      return { from: to - SECONDS, to, service, pool, backend: name, points: SECONDS };
    },
    "recent",
    0,
  );
  useCatchingUp(true, answer.reload);
  useEffect(() => {
    const { data } = answer;
    if (!data) return;
    for (const figure of FIGURES)
      seed(backendKey(backend), figure, { from: data.t[0] ?? data.from, step: data.step, values: data[figure] });
  }, [answer.data]);
}

export function BackendHead({ backend, service }: { backend: BackendNow; service: ServiceNow | undefined }) {
  useRecentPast(backend);
  const stand = standOf(backend);
  return (
    <>
      <section class={`panel bd-head st-${stand}`} aria-label="State and actions">
        <div class="grow stack bd-who">
          <div class="row">
            <h1>{backend.name}</h1>
            <State of={stand} />
            <span class="muted">
              for <When t={backend.since} since />
            </span>
            {backend.severity && (
              <span class="row small">
                <SubjectMark of={backend.severity} subject={{ service: backend.service, backend: backend.name }} /> anomaly open
              </span>
            )}
          </div>
          {backend.reason !== "" && backend.state !== "up" && <p class={backend.state === "down" ? "c-fail" : "muted"}>{backend.reason}</p>}
          <p class="small muted">
            <span class="mono">{backend.address}</span> · pool {backend.pool} of service {backend.service}
            {service && (
              <>
                {" "}
                · {service.mode} · {service.scheduler} · <span class="mono">{service.vips.join(", ")}</span>
              </>
            )}
          </p>
        </div>
        <BackendActions backend={backend} key={backendKey(backend)} />
      </section>
      <Cards backend={backend} udp={isUdp(service)} />
    </>
  );
}

interface CardProps {
  label: string;
  help: string;
  parts: Parts;
  beneath: string;
  tone?: string;
  values: readonly (number | null)[];
  token?: string;
}

function Card({ label, help, parts, beneath, tone, values, token }: CardProps) {
  return (
    <div class="card">
      <span class="label">
        {label}
        <Help about={label}>{help}</Help>
      </span>
      <span class={`figure ${tone ?? ""}`}>
        <Figure parts={parts} />
      </span>
      <span class="beneath">{beneath}</span>
      <Sparkline values={values} token={token} floor={0} />
    </div>
  );
}

function Cards({ backend, udp }: { backend: BackendNow; udp: boolean }) {
  const level = failureLevel(backend.failure_ratio, info.value?.slo.availability ?? 0.999);
  const method = methodWords(backend.connect_method);
  return (
    <div class="cards bd-cards">
      <Card
        label="Flows a second"
        help="Flows opened to this backend in the last second. The line: the last two minutes, as far as this page saw them."
        parts={numberParts(backend.flows)}
        beneath={`${ratio(backend.share)} of its service's`}
        values={recent(backend, "flows")}
      />
      <Card
        label="Failed"
        help="Of the flows that ended in the last second: reset by the server, no answer to SYN, ICMP unreachable, shed. A dash: none ended."
        parts={ratioParts(backend.failure_ratio)}
        tone={level === "fine" ? "" : `c-${levelTone(level)}`}
        beneath={`${rate(backend.failures)}`}
        values={recent(backend, "failures")}
        token="--fail"
      />
      <Card
        label="Open flows"
        help="Flows that are open now. UDP has no connections: only conversations of more than one datagram count; a dash: there is none."
        parts={numberParts(openFlows(backend.active, udp))}
        beneath={udp ? "UDP: no connections" : `${rate(backend.ended)} end`}
        values={recent(backend, "active")}
      />
      <Card
        label="Connect, p95"
        help={`95 of 100 connections were made in this time or less, of the last 10 s. ${udp ? "UDP has no connections." : `Measured in passing: ${method}.`}`}
        parts={microsParts(backend.connect_p95_us)}
        beneath={`p50 ${micros(backend.connect_p50_us)} · p99 ${micros(backend.connect_p99_us)}`}
        values={recent(backend, "connect_p95_us")}
        token="--series-2"
      />
      <Card
        label="Response, p95"
        help="95 of 100 answers began in this time or less, of the last 10 s: from the client's first data to the backend's first byte with nat; from the pauses between a client's packets with DSR."
        parts={microsParts(backend.response_p95_us)}
        beneath={`p50 ${micros(backend.response_p50_us)} · p99 ${micros(backend.response_p99_us)}`}
        values={recent(backend, "response_p95_us")}
        token="--series-3"
      />
      <Card
        label="SYNs again"
        help="First packets of connections that clients had to send again: nobody answered within a second. A full listen queue, a busy machine, or loss on the way."
        parts={rateParts(backend.syn_retransmits)}
        beneath={`weight ${number(backend.weight)}`}
        values={recent(backend, "syn_retransmits")}
        token="--series-4"
      />
    </div>
  );
}
