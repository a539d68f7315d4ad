// Four charts over the chosen time, under one cursor; incidents are marked on all of them.
import { Chart, type Span } from "../../components/Chart";
import { CONNECT, FAILURES, FLOWS } from "../../components/Meanings";
import { Panel } from "../../components/Panel";
import { Throughput } from "../../components/Throughput";
import { micros, rate } from "../../format";
import { range } from "../../router";
import { nothingYet, type Lines } from "../../series";

const HEIGHT = 190;
const half = <p>A SYN retransmission is a client’s SYN that had no answer; a reconnect is a new flow of the same client within 10 s of a failure.</p>;

export function Charts({ lines, marks, note }: { lines: Lines; marks: readonly Span[]; note: string }) {
  const empty = nothingYet(range.value.seconds);
  const failed = lines.failures.some((v) => v !== null && v > 0);
  return (
    <div class="columns two">
      <Panel title="Flows opened" note={note} help={FLOWS}>
        <Chart label="Flows opened a second" empty={empty} t={lines.t} marks={marks} height={HEIGHT} format={rate} series={[{ label: "opened", values: lines.flows, token: "--series-1", fill: true }]} />
      </Panel>
      <Panel title="Failures and retries" note={failed || lines.t.length < 2 ? note : note === range.value.words ? `none in ${note}` : "none so far"} help={<>{FAILURES}{half}</>}>
        <Chart
          label="Failures and retries a second"
          empty={empty}
          t={lines.t}
          marks={marks}
          height={HEIGHT}
          format={rate}
          least={1}
          series={[
            { label: "failed", values: lines.failures, token: "--fail", fill: true },
            { label: "SYN again", values: lines.syn_retransmits, token: "--series-2" },
            { label: "reconnects", values: lines.reconnects, token: "--series-3", dash: true },
          ]}
        />
      </Panel>
      <Panel title="Time to connect" note={note} help={CONNECT}>
        <Chart
          label="Time to connect"
          empty={empty}
          t={lines.t}
          marks={marks}
          height={HEIGHT}
          format={micros}
          series={[
            { label: "p50", values: lines.connect_p50_us, token: "--series-1" },
            { label: "p95", values: lines.connect_p95_us, token: "--series-3" },
            { label: "p99", values: lines.connect_p99_us, token: "--series-4", dash: true },
          ]}
        />
      </Panel>
      <Throughput lines={lines} marks={marks} height={HEIGHT} note={note} empty={empty} />
    </div>
  );
}
