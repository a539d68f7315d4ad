// Six figures, each with its recent course and how it compares with the time before.
import type { ComponentChildren } from "preact";
import type { Frame, KpiWindow, Kpis, Latency, Rates } from "../../api";
import { Delta, Figure } from "../../components/Figure";
import { Help } from "../../components/Help";
import { ACTIVE, AVAILABILITY, BURN, BYTES, CONNECT, FAILURES, FLOWS, methodWords } from "../../components/Meanings";
import { Sparkline } from "../../components/Sparkline";
import { availability, availabilityParts, bitRateParts, microsParts, numberParts, rateParts, ratioParts, times, type Figure as Parts } from "../../format";
import { burnTone } from "../../lib/levels";
import { openFlows } from "../../lib/open_flows";
import { range } from "../../router";
import type { Lines } from "../../series";

interface CardProps {
  label: string;
  help: ComponentChildren;
  parts: Parts;
  t: readonly number[];
  values: readonly (number | null)[];
  token?: string;
  floor?: number;
  children: ComponentChildren;
}

function Card({ label, help, parts, t, values, token, floor, children }: CardProps) {
  return (
    <div class="card" role="group" aria-label={label}>
      <div class="label">
        {label} <Help about={label}>{help}</Help>
      </div>
      <div class="figure">
        <Figure parts={parts} />
      </div>
      <div class="beneath">{children}</div>
      <Sparkline values={values} t={t} token={token} floor={floor} />
    </div>
  );
}

type Now = Rates & Latency & { active: number };

interface Props {
  now: Now | null; // of this second; only "live" shows it
  kpis: Kpis | null;
  lines: Lines;
  slo: number | null;
  udp: boolean; // no service shown has connections
}

export const nowOf = (f: Frame, service: string): Now | null => (service === "" ? f.totals : (f.services.find((s) => s.name === service) ?? null));

function Against({ now, before, rising }: { now: number | null; before: number | null; rising?: "good" | "bad" }) {
  if (before === null) return <>nothing before that</>;
  return (
    <>
      <Delta now={now} before={before} rising={rising} /> <span class="nowrap">vs {range.value.key === "live" ? "5 min" : range.value.label} before</span>
    </>
  );
}

const both = (lines: Lines): (number | null)[] => lines.bytes.map((b, i) => (b === null ? null : b + (lines.reply_bytes[i] ?? 0)));
const newest = (values: readonly (number | null)[]): number | null => {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i];
  return null;
};

function Objective({ w, slo }: { w: KpiWindow | null; slo: number | null }) {
  if (slo === null) return <>objective not known</>;
  const burn = w?.budget_burn ?? null;
  return (
    <>
      {burn === null ? <>of {availability(slo)}</> : <>budget use <span class={`strong c-${burnTone(burn)}`}>{times(burn)}</span></>}
    </>
  );
}

export function Cards({ now, kpis, lines, slo, udp }: Props) {
  const w = kpis?.totals ?? null;
  const live = range.value.key === "live";
  // Noughts of a time of which nothing is known aren't figures.
  const known = lines.t.length > 0 || (w?.opened ?? 0) > 0;
  const shown: (Rates & Latency) | null = live ? now : known ? w : null;
  const before = w?.previous ?? null;
  const open = (active: number | null): number | null => (active === null ? null : openFlows(active, udp));
  return (
    <div class="cards six">
      <Card label="Flows opened" help={FLOWS} parts={rateParts(shown?.flows)} t={lines.t} values={lines.flows}>
        <Against now={w?.flows ?? null} before={before?.flows ?? null} />
      </Card>
      <Card label="Failed" help={FAILURES} parts={ratioParts(shown?.failure_ratio)} t={lines.t} values={lines.failure_ratio} token="--fail" floor={0}>
        <Against now={w?.failure_ratio ?? null} before={before?.failure_ratio ?? null} rising="bad" />
      </Card>
      <Card label="Connect p95" help={CONNECT} parts={microsParts(shown?.connect_p95_us)} t={lines.t} values={lines.connect_p95_us} token="--series-3">
        {methodWords(shown?.connect_method ?? null, shown?.connect_p95_us ?? null)}
      </Card>
      <Card label="Availability" help={<>{AVAILABILITY}{BURN}</>} parts={availabilityParts(w?.availability)} t={lines.t} values={lines.failure_ratio.map((r) => (r === null ? null : 1 - r))} token="--ok" floor={0.95}>
        <Objective w={w} slo={slo} />
      </Card>
      <Card label="Throughput" help={BYTES} parts={bitRateParts(shown ? shown.bytes + shown.reply_bytes : null)} t={lines.t} values={both(lines)} token="--series-5">
        <Against now={w?.bytes ?? null} before={before?.bytes ?? null} />
      </Card>
      <Card label="Open flows" help={ACTIVE} parts={numberParts(open(live ? (now?.active ?? null) : newest(lines.active)))} t={lines.t} values={lines.active} token="--series-6">
        {udp ? "UDP: no connections" : live ? "now" : "at the end"}
      </Card>
    </div>
  );
}
