// The backend's machine, as its node_exporter tells: CPU, memory, disk against their thresholds, network.
import type { HostNumbers, HostSeries } from "../../api";
import { Chart } from "../../components/Chart";
import { Meter } from "../../components/Figure";
import { Panel } from "../../components/Panel";
import { Answered, Empty } from "../../components/Told";
import { When } from "../../components/When";
import { byteRate, ratio } from "../../format";
import { bandPainter } from "../../lib/chart_bands";
import { levelClass, levelTone, usageLevel } from "../../lib/levels";
import { useQuery } from "../../query";
import { range } from "../../router";
import type { Names } from "../Backend";
import { span } from "./charts";

const HEIGHT = 170;
const KINDS = [
  { key: "cpu", label: "CPU", token: "--series-1" },
  { key: "memory", label: "Memory", token: "--series-3" },
  { key: "disk", label: "Fullest disk", token: "--series-2" },
] as const;

export function BackendMachine({ names, host, address }: { names: Names; host: HostNumbers | null; address: string }) {
  const answer = useQuery<HostSeries>(
    "hosts",
    () => ({ pool: names.pool, backend: names.backend, ...span() }),
    range.value.key,
    Math.max(10, range.value.every),
  );
  return (
    <Panel
      title="Machine"
      note={
        host ? (
          <>
            read <When t={host.read_at} />
          </>
        ) : null
      }
      help="What the machine's own node_exporter says, asked every few seconds. Thresholds are those of the configuration; an alert fires when one is passed for long."
    >
      <Answered answer={answer} height={HEIGHT + 90}>
        {(hosts) =>
          hosts.t.length === 0 && host === null ? (
            <Empty icon="system">
              Nothing answers at <span class="mono">{address.replace(/:\d+$/, "") || "its address"}</span> on node_exporter's port. Install
              prometheus-node-exporter there, or turn [hosts] off in the configuration.
            </Empty>
          ) : (
            <Numbers hosts={hosts} host={host} />
          )
        }
      </Answered>
    </Panel>
  );
}

// By the minute, and the newest reading, so that the lines reach this moment.
function withNewest(hosts: HostSeries, host: HostNumbers | null): HostSeries {
  if (host === null || host.stale || host.read_at <= (hosts.t[hosts.t.length - 1] ?? 0)) return hosts;
  const { cpu, memory, disk, received, sent } = hosts;
  return {
    ...hosts,
    t: [...hosts.t, host.read_at],
    cpu: [...cpu, host.cpu],
    memory: [...memory, host.memory],
    disk: [...disk, host.disk],
    received: [...received, host.received],
    sent: [...sent, host.sent],
  };
}

function Numbers({ hosts, host }: { hosts: HostSeries; host: HostNumbers | null }) {
  const shown = withNewest(hosts, host);
  const limit = Math.min(hosts.thresholds.cpu, hosts.thresholds.memory, hosts.thresholds.disk);
  return (
    <div class="stack">
      {host?.stale && <p class="note warn">The machine hasn't answered for three intervals; what is below is the last it said.</p>}
      <dl class="bd-usage">
        {KINDS.map(({ key, label }) => {
          const value = host ? host[key] : null;
          const level = usageLevel(value, hosts.thresholds[key]);
          return (
            <div key={key}>
              <dt>{label}</dt>
              <dd class={levelClass(level)}>{ratio(value)}</dd>
              <dd>
                <Meter
                  share={value}
                  tone={level === "fine" ? "ok" : levelTone(level)}
                  label={`${label}: ${ratio(value)}, threshold ${ratio(hosts.thresholds[key])}`}
                />
              </dd>
              <dd class="small muted">threshold {ratio(hosts.thresholds[key])}</dd>
            </div>
          );
        })}
        <div>
          <dt>Received</dt>
          <dd>{byteRate(host?.received ?? null)}</dd>
        </div>
        <div>
          <dt>Sent</dt>
          <dd>{byteRate(host?.sent ?? null)}</dd>
        </div>
      </dl>
      <div class="bd-charts">
        <figure>
          <figcaption>CPU, memory, disk</figcaption>
          <Chart
            label="CPU, memory and disk of the machine"
            t={shown.t}
            height={HEIGHT}
            format={ratio}
            least={1}
            beneath={bandPainter([{ from: 0, to: 1e12, low: limit, high: null, token: "--fail", opacity: 0.07 }])}
            series={KINDS.map(({ key, label, token }) => ({ label, values: shown[key], token }))}
          />
        </figure>
        <figure>
          <figcaption>Network</figcaption>
          <Chart
            label="Bytes a second that the machine received and sent"
            t={shown.t}
            height={HEIGHT}
            format={byteRate}
            series={[
              { label: "received", values: shown.received, token: "--series-5" },
              { label: "sent", values: shown.sent, token: "--series-6" },
            ]}
          />
        </figure>
      </div>
    </div>
  );
}
