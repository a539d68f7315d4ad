// Every rule: whether it is quiet, what it watches, how long before it fires, its runbook to unfold.
import type { Alerts } from "../../api";
import { SEVERITY_RANK, SeverityMark } from "../../components/State";
import { Table, type Column } from "../../components/Table";
import { duration, plural } from "../../format";
import { nameWords } from "../../lib/alert_name";

type Rule = Alerts["rules"][number];
const RANK = { quiet: 0, pending: 1, firing: 2 };

const columns: Column<Rule>[] = [
  { key: "name", title: "Rule", value: (rule) => rule.name, cell: (rule) => <RuleName rule={rule} /> },
  {
    key: "state",
    title: "State",
    value: (rule) => RANK[rule.state],
    cell: (rule) => (
      <span class={rule.state === "quiet" ? "muted nowrap" : rule.state === "firing" ? "c-fail strong nowrap" : "c-warn strong nowrap"}>
        {rule.state}
        {rule.subjects > 0 && ` · ${rule.subjects}`}
      </span>
    ),
  },
  {
    key: "severity",
    title: "Severity",
    value: (rule) => SEVERITY_RANK[rule.severity],
    cell: (rule) => <SeverityMark of={rule.severity} />,
  },
  {
    key: "for",
    title: "After",
    number: true,
    value: (rule) => rule.for_s,
    cell: (rule) => (rule.for_s === 0 ? "at once" : duration(rule.for_s)),
  },
];

function RuleName({ rule }: { rule: Rule }) {
  return (
    <div class="al-rule">
      <span title={rule.name}>{nameWords(rule.name)}</span>
      <p class="small muted">{rule.text}</p>
      {rule.runbook !== "" && (
        <details>
          <summary class="small">Runbook</summary>
          <div class="al-runbook">{rule.runbook}</div>
        </details>
      )}
    </div>
  );
}

export function RuleTable({ rules }: { rules: readonly Rule[] }) {
  const awake = rules.filter((rule) => rule.state !== "quiet").length;
  return (
    <Table
      caption="Alert rules"
      columns={columns}
      rows={rules}
      id={(rule) => rule.name}
      sort={{ key: "state", down: true }}
      most={60}
      empty="No rule is judged."
      foot={awake === 0 ? "All are quiet." : `${plural(awake, "rule")} not quiet.`}
    />
  );
}
