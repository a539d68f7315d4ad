// Alerts: what wants a person now, since when and what to do; what fired before; the rules behind it. Judged by insight
// itself, with or without Prometheus.
import type { Alerts as AlertsData } from "../api";
import { Panel } from "../components/Panel";
import { Answered } from "../components/Told";
import { plural } from "../format";
import { now } from "../live";
import { useQuery } from "../query";
import { range, service, RANGES } from "../router";
import { AlertHistory } from "./alerts/history";
import { AlertList } from "./alerts/list";
import { RuleTable } from "./alerts/rules";
import "./alerts/alerts.css";

// The last five minutes are no history: "live" is the last hour here.
const historyRange = () => (range.value.key === "live" ? RANGES[2] : range.value);

export default function Alerts() {
  const shown = historyRange();
  const answer = useQuery<AlertsData>(
    "alerts",
    () => {
      const to = Math.floor(now.value);
      return { from: to - shown.seconds, to };
    },
    shown.key,
    3,
  );
  const of = <T extends { service: string }>(list: readonly T[]): T[] =>
    list.filter((one) => service.value === "" || one.service === "" || one.service === service.value);
  return (
    <>
      <h1>Alerts</h1>
      <Answered answer={answer} height={260}>
        {(data) => <AlertList alerts={of(data.alerts)} rules={data.rules.length} />}
      </Answered>
      <Panel title="History" flush note={shown.words}>
        <Answered answer={answer} height={200}>
          {(data) => <AlertHistory history={data.history} words={shown.words} />}
        </Answered>
      </Panel>
      <Panel
        title="Rules"
        flush
        note={answer.data ? plural(answer.data.rules.length, "rule") : ""}
        help="Pending: what it watches is true, but not for long enough yet. Firing: for as long as the rule asks. The files for Prometheus have more rules; these are the ones that insight judges by itself."
      >
        <Answered answer={answer} height={300}>
          {(data) => <RuleTable rules={data.rules} />}
        </Answered>
      </Panel>
    </>
  );
}
