// How this backend's times are spread, over time: what quantiles hide (two humps, a slow tail, a pause).
import { useMemo } from "preact/hooks";
import type { LatencyHeatmap } from "../../api";
import { HeatMap, rowWords } from "../../components/HeatMap";
import { Panel } from "../../components/Panel";
import { Segmented } from "../../components/Segmented";
import { Table, type Column } from "../../components/Table";
import { Answered, Empty } from "../../components/Told";
import { clock, count } from "../../format";
import { columnTotal, highestCount, quantileRow } from "../../lib/heat_scale";
import { useQuery } from "../../query";
import { place, range, setQuery } from "../../router";
import type { Names } from "../Backend";
import { span } from "./charts";

type Timing = "connect" | "response";
const HEIGHT = 290;

export function BackendHeat({ names }: { names: Names }) {
  const timing: Timing = place.value.query.timing === "response" ? "response" : "connect";
  const answer = useQuery<LatencyHeatmap>(
    "heatmap",
    () => ({ ...names, timing, ...span() }),
    `${timing} ${range.value.key}`,
    Math.max(10, range.value.every),
  );
  const words = timing === "connect" ? "Time to connect" : "Time to respond";
  return (
    <Panel
      title="Spread of times"
      note={range.value.words}
      help={
        <>
          <p>
            Each column is a span of time, each row a range of times, on a logarithmic scale. The darker a cell, the more flows took that
            long.
          </p>
          <p>
            The line: 95 of 100 flows of a column are at or below it. Two bands one above the other are two kinds of flows, such as a
            cache's hits and misses.
          </p>
        </>
      }
      actions={
        <Segmented<Timing>
          label="Which time"
          value={timing}
          onChoose={(key) => setQuery({ timing: key === "connect" ? "" : key })}
          options={[
            { key: "connect", label: "Connect" },
            { key: "response", label: "Response" },
          ]}
        />
      }
    >
      <Answered answer={answer} height={HEIGHT}>
        {(heat) =>
          highestCount(heat.counts) === 0 ? (
            <div style={{ minHeight: `${HEIGHT}px`, display: "grid" }}>
              <Empty icon="clock">No watched flow of this time. shunt measures a sample of flows; UDP has no connect time.</Empty>
            </div>
          ) : (
            <>
              <HeatMap heat={heat} label={`${words} of ${names.backend}, ${range.value.words}`} />
              <details class="behind">
                <summary>As a table</summary>
                <HeatTable heat={heat} words={words} />
              </details>
            </>
          )
        }
      </Answered>
    </Panel>
  );
}

interface Row {
  t: number;
  flows: number;
  rows: (number | null)[]; // of p50, p95, p99
  highest: number | null;
}

function HeatTable({ heat, words }: { heat: LatencyHeatmap; words: string }) {
  const rows = useMemo<Row[]>(
    () =>
      heat.counts.map((column, i) => {
        const used = column.map((flows, row) => (flows > 0 ? row : -1)).filter((row) => row >= 0);
        return {
          t: heat.t[i],
          flows: columnTotal(column),
          rows: [0.5, 0.95, 0.99].map((part) => quantileRow(column, part)),
          highest: used.length > 0 ? used[used.length - 1] : null,
        };
      }),
    [heat],
  );
  const within = (row: number | null): string => (row === null ? "–" : rowWords(heat.bounds_us, row));
  const bound = (row: number | null): number | null => (row === null ? null : heat.bounds_us[row]);
  const columns: Column<Row>[] = [
    {
      key: "t",
      title: "From",
      value: (row) => new Date(row.t * 1000).toISOString(),
      cell: (row) => clock(row.t, heat.step >= 60 ? 3601 : 0),
    },
    { key: "flows", title: "Flows", number: true, value: (row) => row.flows, cell: (row) => count(row.flows) },
    ...[0.5, 0.95, 0.99].map((part, i): Column<Row> => ({
      key: `p${part * 100}`,
      title: `p${part * 100}`,
      number: true,
      value: (row) => bound(row.rows[i]),
      cell: (row) => within(row.rows[i]),
    })),
    { key: "highest", title: "Highest", number: true, value: (row) => bound(row.highest), cell: (row) => within(row.highest) },
  ];
  return (
    <Table
      caption={`${words}, as a table`}
      columns={columns}
      rows={rows}
      id={(row) => String(row.t)}
      sort={{ key: "t", down: true }}
      empty="No figures"
      copy
      tall
    />
  );
}
