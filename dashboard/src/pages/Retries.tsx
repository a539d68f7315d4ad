// Retries: how often clients had to try again, where, whether it helped, and what to do about it. Shown is what shunt
// counts in passing; nothing is predicted.
import type { Retries as RetriesData } from "../api";
import { Chart } from "../components/Chart";
import { Panel } from "../components/Panel";
import { Answered } from "../components/Told";
import { rate } from "../format";
import { useQuery } from "../query";
import { range, service } from "../router";
import { useSeries } from "../series";
import { Advice } from "./retries/advice";
import { Attempts } from "./retries/attempts";
import { Kinds } from "./retries/kinds";
import { RetryTable, RowChoice } from "./retries/table";
import "./retries/retries.css";

export default function Retries() {
  const shown = range.value;
  const key = `${shown.key} ${service.value}`;
  const answer = useQuery<RetriesData>("retries", () => ({ window: shown.seconds, service: service.value }), key, shown.every);
  const { lines, answer: series, words } = useSeries(service.value);
  return (
    <>
      <h1>Retries</h1>
      <Answered answer={answer} height={190}>
        {(data) => <Kinds totals={data.totals} words={shown.words} />}
      </Answered>
      <Panel
        title="What to look at"
        note={shown.words}
        help="Rules over these counts, nothing learnt: each says what was seen, what usually causes it and what to look at. Fewer than 50 connections prove nothing and get no advice."
      >
        <Answered answer={answer} height={80}>
          {(data) => <Advice data={data} words={shown.words} />}
        </Answered>
      </Panel>
      <div class="columns">
        <Panel title="Over time" note={words}>
          <Answered answer={series} height={250}>
            {() => (
              <Chart
                label="Retries a second"
                t={lines.t}
                format={rate}
                height={220}
                least={0.1}
                series={[
                  { label: "SYN sent again", values: lines.syn_retransmits, token: "--series-2" },
                  { label: "reconnects", values: lines.reconnects, token: "--series-4" },
                ]}
              />
            )}
          </Answered>
        </Panel>
        <Panel
          title="How often one client tried"
          note={shown.words}
          help="Attempts of one client at one service that follow each other within 10 s of a failure make a chain. This counts attempts by their place in it, and how many of each failed: whether trying again helps."
        >
          <Answered answer={answer} height={250}>
            {(data) => <Attempts attempts={data.attempts} />}
          </Answered>
        </Panel>
      </div>
      <Panel title="By backend and service" note={shown.words} flush actions={<RowChoice />}>
        <Answered answer={answer} height={300}>
          {(data) => <RetryTable data={data} />}
        </Answered>
      </Panel>
    </>
  );
}
