// Bits a second, both ways; only one where replies don't pass shunt (DSR).
import { bitRate } from "../format";
import type { Lines } from "../series";
import { Chart, type Series, type Span } from "./Chart";
import { BYTES } from "./Meanings";
import { Panel } from "./Panel";

interface Props {
  lines: Lines;
  marks: readonly Span[];
  height: number;
  note: string;
  empty?: string;
}

export function Throughput({ lines, marks, height, note, empty }: Props) {
  const replies = lines.reply_bytes.some((v) => v !== null && v > 0);
  const clients = replies || lines.t.length < 2 ? "from clients" : "from clients (DSR)";
  const series: Series[] = [{ label: clients, values: lines.bytes, token: "--series-5", fill: !replies }];
  if (replies) series.unshift({ label: "replies", values: lines.reply_bytes, token: "--series-6", fill: true });
  return (
    <Panel title="Throughput" note={note} help={BYTES}>
      <Chart label="Throughput" empty={empty} t={lines.t} marks={marks} height={height} format={bitRate} series={series} />
    </Panel>
  );
}
