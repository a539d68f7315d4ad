// What became pending, fired and went away, newest first.
import type { Alerts } from "../../api";
import { SeverityMark } from "../../components/State";
import { Table, type Column } from "../../components/Table";
import { When } from "../../components/When";
import { dateTime } from "../../format";
import { nameWords } from "../../lib/alert_name";

type Event = Alerts["history"][number];
const LOOK: Record<Event["state"], string> = { firing: "c-fail strong", pending: "c-warn", resolved: "c-ok" };

const columns: Column<Event>[] = [
  {
    key: "at",
    title: "When",
    value: (event) => dateTime(event.at),
    cell: (event) => (
      <span class="nowrap">
        <When t={event.at} still />
        <span class="al-exact">{dateTime(event.at)}</span>
      </span>
    ),
  },
  { key: "state", title: "State", value: (event) => event.state, cell: (event) => <span class={LOOK[event.state]}>{event.state}</span> },
  { key: "severity", title: "Severity", value: (event) => event.severity, cell: (event) => <SeverityMark of={event.severity} /> },
  { key: "name", title: "Rule", value: (event) => event.name, cell: (event) => nameWords(event.name) },
  { key: "subject", title: "Of", value: (event) => event.subject },
  { key: "text", title: "What", value: (event) => event.text, cell: (event) => <div class="al-what">{event.text}</div> },
];

export function AlertHistory({ history, words }: { history: readonly Event[]; words: string }) {
  return (
    <Table
      caption="Alerts of the past"
      columns={columns}
      rows={history}
      id={(event) => `${event.at} ${event.name} ${event.subject} ${event.state}`}
      sort={{ key: "at", down: true }}
      most={50}
      copy
      empty={`Nothing fired in ${words}.`}
    />
  );
}
