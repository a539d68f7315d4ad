// Who asks most: networks, never single addresses.
import { useMemo } from "preact/hooks";
import type { Prefixes as Answered_ } from "../../api";
import { Panel } from "../../components/Panel";
import { Share } from "../../components/Share";
import { Table, type Column } from "../../components/Table";
import { Answered } from "../../components/Told";
import { number } from "../../format";
import type { Answer } from "../../query";
import { href, range } from "../../router";

interface Row {
  prefix: string;
  service: string;
  flows: number;
  share: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: "prefix", title: "Network", value: (r) => r.prefix, cell: (r) => <code>{r.prefix}</code> },
  { key: "service", title: "Service", value: (r) => r.service, cell: (r) => <a class="plain" href={href("/traffic", { service: r.service })}>{r.service}</a> },
  { key: "share", title: "Of those listed", value: (r) => r.share, cell: (r) => <Share share={r.share} token="--series-3" /> },
  { key: "flows", title: "Flows", number: true, value: (r) => r.flows, cell: (r) => number(r.flows) },
];

const HELP = (
  <>
    <p>The networks (/24 of IPv4, /48 of IPv6) with the most flows. Counted in little memory: a network that is listed may be over-counted a little, a big one is never missed.</p>
    <p>Unique clients are estimated, within about 2 %.</p>
  </>
);

export function Prefixes({ answer }: { answer: Answer<Answered_> }) {
  const data = answer.data;
  const rows = useMemo(() => {
    const total = data?.prefixes.reduce((sum, p) => sum + p.flows, 0) ?? 0;
    return data?.prefixes.map((p) => ({ ...p, share: total > 0 ? p.flows / total : 0 })) ?? [];
  }, [data]);
  return (
    <Panel title="Busiest networks" note={data ? `about ${number(data.clients)} clients in ${range.value.words}` : range.value.words} help={HELP} flush>
      <Answered answer={answer} height={420}>
        {() => <Table caption="Busiest networks" columns={COLUMNS} rows={rows} id={(r) => `${r.service} ${r.prefix}`} sort={{ key: "flows", down: true }} most={15} copy empty={`No flow records of ${range.value.words}`} />}
      </Answered>
    </Panel>
  );
}
