// The backend over the chosen time. Times at which something was unusual are shaded; the band that was expected is drawn
// in the chart of its KPI.
import { useMemo } from "preact/hooks";
import type { Anomaly } from "../../api";
import { Chart } from "../../components/Chart";
import { Panel } from "../../components/Panel";
import { Answered } from "../../components/Told";
import { byteRate, micros, number, rate, ratio } from "../../format";
import { bandPainter, type ChartBand } from "../../lib/chart_bands";
import { now } from "../../live";
import { useQuery } from "../../query";
import { range } from "../../router";
import { useBackendSeries, type Lines } from "../../series";
import type { Names } from "../Backend";

const HEIGHT = 170;

export const span = (): { from: number; to: number } => {
  const to = Math.floor(now.value);
  return { from: to - range.value.seconds, to };
};
export const useBackendAnomalies = (names: Names) =>
  useQuery<{ anomalies: Anomaly[] }>(
    "anomalies",
    () => ({ ...span(), service: names.service, backend: names.backend, limit: 200 }),
    `${names.service}/${names.backend} ${range.value.key}`,
    10,
  );

// The spans of anomalies of one of `kpis`; and what was expected during those of the first, which the chart shows.
export function kpiBands(anomalies: readonly Anomaly[], kpis: readonly string[], to: number): ChartBand[] {
  const bands: ChartBand[] = [];
  for (const anomaly of anomalies) {
    if (!kpis.includes(anomaly.kpi)) continue;
    const end = anomaly.closed ?? to;
    bands.push({ from: anomaly.opened, to: end, low: null, high: null, token: "--fail", opacity: 0.1 });
    if (anomaly.kpi === kpis[0] && (anomaly.expected_low !== null || anomaly.expected_high !== null)) {
      bands.push({ from: anomaly.opened, to: end, low: anomaly.expected_low, high: anomaly.expected_high, token: "--ok", opacity: 0.25 });
    }
  }
  return bands;
}

export function BackendCharts({ names, udp }: { names: Names; udp: boolean }) {
  const { lines, answer, words } = useBackendSeries(names);
  const anomalies = useBackendAnomalies(names).data?.anomalies ?? [];
  const of = anomalies.filter((one) => one.pool === "" || one.pool === names.pool);
  return (
    <Panel
      title="Over time"
      note={words}
      help={
        <>
          <p>Averages (times: quantiles) of each step of the chosen time. A gap: nobody was asked.</p>
          <p>Red: an anomaly was open. Green within: what was expected.</p>
        </>
      }
    >
      <Answered answer={answer} height={3 * (HEIGHT + 50)}>
        {() => <Grid data={lines} anomalies={of} udp={udp} />}
      </Answered>
    </Panel>
  );
}

function Grid({ data, anomalies, udp }: { data: Lines; anomalies: readonly Anomaly[]; udp: boolean }) {
  const to = data.t[data.t.length - 1] ?? now.peek();
  const beneath = useMemo(() => {
    const painter = (...kpis: string[]) => bandPainter(kpiBands(anomalies, kpis, to));
    return {
      flows: painter("flows", "share"),
      failures: painter("failures", "up"),
      latency: painter("latency"),
      active: painter("active_flows"),
      retries: painter("", "syn_retransmits", "reconnects"),
    };
  }, [anomalies, to]);
  const line = (label: string, values: readonly (number | null)[], token: string, extra = {}) => ({ label, values, token, ...extra });
  return (
    <div class="bd-charts">
      <figure>
        <figcaption>Flows</figcaption>
        <Chart
          label="Flows opened a second"
          t={data.t}
          height={HEIGHT}
          format={rate}
          beneath={beneath.flows}
          series={[line("opened a second", data.flows, "--series-1", { fill: true })]}
        />
      </figure>
      <figure>
        <figcaption>Failures</figcaption>
        <Chart
          label="Share of flows that failed"
          empty="No flow ended in this time"
          t={data.t}
          height={HEIGHT}
          format={ratio}
          beneath={beneath.failures}
          least={0.01}
          series={[line("of those that ended", data.failure_ratio, "--fail", { fill: true })]}
        />
      </figure>
      <figure>
        <figcaption>Time to connect</figcaption>
        <Chart
          label="Time to connect"
          empty={udp ? "UDP has no connections: there is no time to connect" : "No watched flow connected in this time"}
          t={data.t}
          height={HEIGHT}
          format={micros}
          beneath={beneath.latency}
          series={[
            line("p50", data.connect_p50_us, "--series-1"),
            line("p95", data.connect_p95_us, "--series-2"),
            line("p99", data.connect_p99_us, "--series-3"),
          ]}
        />
      </figure>
      <figure>
        <figcaption>Time to respond</figcaption>
        <Chart
          label="Time to respond"
          empty="No watched flow was answered in this time"
          t={data.t}
          height={HEIGHT}
          format={micros}
          series={[
            line("p50", data.response_p50_us, "--series-1"),
            line("p95", data.response_p95_us, "--series-2"),
            line("p99", data.response_p99_us, "--series-3"),
          ]}
        />
      </figure>
      <figure>
        <figcaption>Open flows</figcaption>
        <Chart
          label="Flows open at once"
          t={data.t}
          height={HEIGHT}
          format={number}
          beneath={beneath.active}
          series={[line("open", data.active, "--series-1", { fill: true })]}
        />
      </figure>
      <figure>
        <figcaption>Retries</figcaption>
        <Chart
          label="SYNs sent again and reconnects a second"
          t={data.t}
          height={HEIGHT}
          format={rate}
          beneath={beneath.retries}
          series={[line("SYN again", data.syn_retransmits, "--series-2"), line("reconnects", data.reconnects, "--series-4")]}
        />
      </figure>
      <figure>
        <figcaption>Bytes</figcaption>
        <Chart
          label="Bytes a second"
          t={data.t}
          height={HEIGHT}
          format={byteRate}
          series={[line("in", data.bytes, "--series-5"), line("out", data.reply_bytes, "--series-6")]}
        />
      </figure>
      <figure>
        <figcaption>Weight</figcaption>
        <Chart label="Weight" t={data.t} height={HEIGHT} format={number} least={1} series={[line("weight", data.weight, "--series-3")]} />
      </figure>
    </div>
  );
}
