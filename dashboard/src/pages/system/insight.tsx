// insight's own health: does it keep up, does history get written, who looks.
import type { System } from "../../api";
import { Help } from "../../components/Help";
import { Panel } from "../../components/Panel";
import { bytes, count, millis, number, rate, ratio } from "../../format";
import { levelClass, type Level } from "../../lib/levels";
import { info } from "../../session";

type Health = System["insight"];

const lag = (ms: number): Level => (ms < 100 ? "fine" : ms < 500 ? "look" : "bad");

export function InsightHealth({ health }: { health: Health }) {
  const warehouse = info.value?.warehouse;
  const facts: { name: string; help: string; text: string; level?: Level }[] = [
    {
      name: "Slowest turn",
      help: "The longest that insight's one thread was busy without looking up, of the last 10 s. Above 100 ms frames come late.",
      text: millis(health.loop_lag_ms),
      level: lag(health.loop_lag_ms),
    },
    { name: "CPU", help: "Of one core.", text: ratio(health.cpu_ratio), level: health.cpu_ratio > 0.8 ? "look" : "fine" },
    { name: "Memory", help: "Resident.", text: bytes(health.rss_bytes) },
    { name: "Flow records", help: "Read from shuntds' shared memory.", text: rate(health.records_rate) },
    { name: "Rows written", help: "Into the warehouse.", text: rate(health.rows_rate) },
    {
      name: "Rows waiting",
      help: "To be written. Stays near 0 when the disk keeps up.",
      text: count(health.queued),
      level: health.queued > 20_000 ? "look" : "fine",
    },
    {
      name: "Rows lost",
      help: "Because the queue was full or the disk refused them; history has gaps there, live figures don't.",
      text: count(health.rows_dropped),
      level: health.rows_dropped > 0 ? "bad" : "fine",
    },
    { name: "Series", help: "Services and backends at each node, as far as figures of them are kept.", text: number(health.series) },
    { name: "Detectors", help: "One for each series and figure that is watched.", text: number(health.detectors) },
    { name: "Viewers", help: "Pages that are open and get a frame each second.", text: count(health.viewers) },
  ];
  return (
    <Panel
      title="insight itself"
      note={info.value ? `${info.value.program} ${info.value.version} · ${warehouse?.kind === "postgresql" ? "PostgreSQL" : "SQLite"}` : ""}
      help="The process that watches shuntds and serves this page. Whatever happens to it, no packet is lost."
    >
      {warehouse && warehouse.error !== "" && <p class="note fail">{warehouse.error}</p>}
      <dl class="sy-facts">
        {facts.map((fact) => (
          <div key={fact.name}>
            <dt>
              {fact.name} <Help about={fact.name}>{fact.help}</Help>
            </dt>
            <dd class={levelClass(fact.level ?? "fine")}>{fact.text}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
