// Bits a second, both ways; only one where replies don't pass shunt (DSR).
import { bitRate } from "../format";
import { range } from "../router";
import type { Lines } from "../series";
import { Chart, type Series, type Span } from "./Chart";
import { BYTES } from "./Meanings";
import { Panel } from "./Panel";

export function Throughput({ lines, marks, height }: { lines: Lines; marks: readonly Span[]; height: number }) {
  const replies = lines.reply_bytes.some((v) => v !== null && v > 0);
  const series: Series[] = [{ label: "from clients", values: lines.bytes, token: "--series-5", fill: !replies }];
  if (replies) series.unshift({ label: "replies", values: lines.reply_bytes, token: "--series-6", fill: true });
  const note = replies || lines.t.length < 2 ? range.value.words : `${range.value.words}; no replies pass shunt`;
  return (
    <Panel title="Throughput" note={note} help={BYTES}>
      <Chart label="Throughput" t={lines.t} marks={marks} height={height} format={bitRate} series={series} />
    </Panel>
  );
}
