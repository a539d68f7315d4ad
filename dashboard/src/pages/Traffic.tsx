// Traffic: what it is, how much, from where.
import type { Geo, Prefixes as PrefixesAnswer, Protocols } from "../api";
import { Chart } from "../components/Chart";
import { FLOWS } from "../components/Meanings";
import { Panel } from "../components/Panel";
import { Throughput } from "../components/Throughput";
import { rate } from "../format";
import { useQuery } from "../query";
import { range, service } from "../router";
import { nothingYet, useIncidentMarks, useSeries } from "../series";
import { Countries } from "./traffic/Countries";
import { Prefixes } from "./traffic/Prefixes";
import { ProtocolsTable } from "./traffic/ProtocolsTable";

const SLOW_S = 15; // these tables needn't move each second

export default function Traffic() {
  const chosen = service.value;
  const r = range.value;
  const window = (): { window: number; service: string } => ({ window: r.seconds, service: chosen });
  const key = `${chosen} ${r.key}`;
  const every = Math.max(SLOW_S, r.every);
  const protocols = useQuery<Protocols>("protocols", () => ({ window: r.seconds }), r.key, every);
  const geo = useQuery<Geo>("geo", window, key, every);
  const prefixes = useQuery<PrefixesAnswer>("prefixes", window, key, every);
  const { lines, words } = useSeries(chosen);
  const empty = nothingYet(r.seconds);
  const marks = useIncidentMarks(chosen);
  return (
    <>
      <h1>Traffic</h1>
      <div class="columns two">
        <Throughput lines={lines} marks={marks} height={200} note={words} empty={empty} />
        <Panel title="Flows opened" note={words} help={FLOWS}>
          <Chart label="Flows opened a second" empty={empty} t={lines.t} marks={marks} height={200} format={rate} series={[{ label: "opened", values: lines.flows, token: "--series-1", fill: true }]} />
        </Panel>
      </div>
      <ProtocolsTable answer={protocols} service={chosen} />
      <div class="columns of-tables">
        <Countries answer={geo} />
        <Prefixes answer={prefixes} />
      </div>
    </>
  );
}
