// One anomaly's KPI around its time: the line, the anomaly's span shaded, the band that was expected.
import { useMemo } from "preact/hooks";
import type { Anomaly, HostSeries, TimeSeries } from "../api";
import { duration, rate } from "../format";
import { bandPainter, type ChartBand } from "../lib/chart_bands";
import { bandWords, hostValues, kpiSeries, spanAround } from "../lib/kpi_series";
import { now } from "../live";
import { useQuery } from "../query";
import "./AnomalyChart.css";
import { Chart } from "./Chart";
import { Answered, Empty } from "./Told";

const HEIGHT = 210;

export function bandsOf(anomaly: Anomaly, from: number, to: number): ChartBand[] {
  const until = anomaly.closed ?? to;
  const bands: ChartBand[] = [{ from: anomaly.opened, to: until, low: null, high: null, token: "--fail", opacity: 0.1 }];
  const charted = kpiSeries(anomaly.kpi).instead === "";
  if (charted && (anomaly.expected_low !== null || anomaly.expected_high !== null)) {
    bands.push({ from, to, low: anomaly.expected_low, high: anomaly.expected_high, token: "--ok", opacity: 0.16 });
  }
  return bands;
}

export function AnomalyChart({ anomaly }: { anomaly: Anomaly }) {
  const kpi = kpiSeries(anomaly.kpi);
  const path = kpi.host ? "hosts" : "timeseries";
  const span = (): { from: number; to: number } => spanAround(anomaly, now.value);
  const answer = useQuery<TimeSeries | HostSeries>(
    path,
    () => ({
      ...span(),
      pool: anomaly.pool,
      backend: anomaly.backend,
      ...(kpi.host ? {} : { service: anomaly.service, points: 300 }),
    }),
    String(anomaly.id),
    anomaly.closed === null ? 10 : 0,
  );
  const { from, to } = span();
  const beneath = useMemo(() => bandPainter(bandsOf(anomaly, from, to)), [anomaly, from, to]);
  const expected = kpi.instead === "" ? bandWords(anomaly) : "";
  const words = kpi.instead !== "" ? kpi.instead : anomaly.kpi === "latency" ? `${kpi.words}, p95` : kpi.words;
  const format = kpi.instead !== "" ? rate : kpi.format;
  const subject = anomaly.backend || anomaly.service || "the node";
  return (
    <Answered answer={answer} height={HEIGHT + 30}>
      {(data) => {
        const values = kpi.host ? hostValues(kpi, data as HostSeries) : kpi.values(data as TimeSeries);
        if (values.length === 0)
          return (
            <Empty icon="chart">
              No figures over time are kept of this ({kpi.words}). It lasted {duration((anomaly.closed ?? now.value) - anomaly.opened)}.
            </Empty>
          );
        return (
          <>
            <Chart
              label={`${words} of ${subject}`}
              t={data.t}
              height={HEIGHT}
              format={format}
              beneath={beneath}
              least={kpi.instead === "" ? (anomaly.expected_high ?? 0) * 1.1 : 0}
              series={[{ label: words, values, token: "--series-1" }]}
            />
            <p class="small muted row">
              <span class="band-key band-fail" /> the anomaly
              {expected !== "" && (
                <>
                  <span class="band-key band-ok" /> expected: {expected}
                </>
              )}
            </p>
          </>
        );
      }}
    </Answered>
  );
}
