// Where clients are, and where their flows fail.
import { useMemo } from "preact/hooks";
import type { Geo } from "../../api";
import { Share } from "../../components/Share";
import { Panel } from "../../components/Panel";
import { Table, type Column } from "../../components/Table";
import { Answered } from "../../components/Told";
import { count, country, number, ratio } from "../../format";
import type { Answer } from "../../query";
import { range } from "../../router";
import { info } from "../../session";

interface Row {
  code: string;
  flows: number;
  failures: number;
  share: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: "country", title: "Country", value: (r) => country(r.code), cell: (r) => <>{country(r.code)} <span class="small muted">{/^[A-Z]{2}$/.test(r.code) ? r.code : ""}</span></> },
  { key: "share", title: "Share of flows", value: (r) => r.share, cell: (r) => <Share share={r.share} /> },
  { key: "flows", title: "Flows", number: true, value: (r) => r.flows, cell: (r) => number(r.flows) },
  { key: "failed", title: "Failed", number: true, value: (r) => (r.flows > 0 ? r.failures / r.flows : null), cell: (r) => <Failing row={r} /> },
];

function Failing({ row }: { row: Row }) {
  const share = row.flows > 0 ? row.failures / row.flows : null;
  const bad = share !== null && share >= 0.01;
  return <span class={bad ? "c-warn" : undefined} title={`${count(row.failures)} flows`}>{ratio(share)}</span>;
}

const HELP = (
  <>
    <p>A client’s country is looked up by its address, from a database on this host; no address leaves it. Where it says “not known”, the address is private or in no range.</p>
    <p>Counts are estimated: rare countries of a busy minute may be folded together.</p>
  </>
);

export function Countries({ answer }: { answer: Answer<Geo> }) {
  const data = answer.data;
  const rows = useMemo(() => {
    const total = data?.countries.reduce((sum, c) => sum + c.flows, 0) ?? 0;
    return data?.countries.map((c) => ({ code: c.country, flows: c.flows, failures: c.failures, share: total > 0 ? c.flows / total : 0 })) ?? [];
  }, [data]);
  const source = info.value?.countries;
  return (
    <Panel title="Countries" note={range.value.words} help={HELP} flush>
      <Answered answer={answer} height={420}>
        {() => (
          <Table
            caption="Clients’ countries" columns={COLUMNS} rows={rows} id={(r) => r.code} sort={{ key: "flows", down: true }} most={15} copy
            empty={`No flows in ${range.value.words}`}
            foot={source && source.ranges > 0 ? <>Country data: {source.source}</> : "No country database is loaded: all are “not known”"}
          />
        )}
      </Answered>
    </Panel>
  );
}
