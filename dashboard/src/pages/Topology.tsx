// Topology: who talks to what, how much, and where it fails.
import { useMemo, useState } from "preact/hooks";
import type { Topology as Answer } from "../api";
import { Panel } from "../components/Panel";
import { STATE_RANK, State, type AnyState } from "../components/State";
import { Table, type Column } from "../components/Table";
import { Empty, Failed, Skeleton } from "../components/Told";
import { rate, ratio } from "../format";
import { frame } from "../live";
import { useQuery } from "../query";
import { place, range, service, setQuery } from "../router";
import { Detail } from "./topology/Detail";
import { graph, ofFrame, ofService, withStands, type Graph, type Link, type Node } from "./topology/graph";
import { Map_, MapKey } from "./topology/Map";
import { nameOf } from "./topology/words";
import "./topology.css";

interface Row {
  link: Link;
  from: Node;
  to: Node;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: "from", title: "From", value: (r) => nameOf(r.from) },
  { key: "to", title: "To", value: (r) => nameOf(r.to), cell: (r) => <>{nameOf(r.to)} {r.to.group !== "" && <span class="muted small">in {r.to.group}</span>}</> },
  { key: "flows", title: "Flows", number: true, value: (r) => r.link.flows, cell: (r) => rate(r.link.flows) },
  { key: "failed", title: "Failed", number: true, value: (r) => r.link.failure_ratio, cell: (r) => ratio(r.link.failure_ratio) },
  { key: "state", title: "State", value: (r) => STATE_RANK[r.to.state as AnyState] ?? 0, cell: (r) => <State of={r.to.state as AnyState} /> },
];

function rowsOf(g: Graph): Row[] {
  const by = new Map(g.nodes.map((n) => [n.id, n]));
  return g.links.flatMap((link) => {
    const from = by.get(link.from);
    const to = by.get(link.to);
    return from && to ? [{ link, from, to }] : [];
  });
}

const HELP = (
  <>
    <p>A link is as wide as its flows a second; its colour says how many of them failed.</p>
    <p>Countries are those of clients’ addresses. Their shares, and how many of their flows failed, are of the last minute (or of the time chosen above); what is shown is that share of the flows that the service has now.</p>
    <p>Pools of more than 12 backends: the healthy ones are one node, so that those that aren’t stand out.</p>
  </>
);

export default function Topology() {
  const f = frame.value;
  const chosen = service.value;
  const r = range.value;
  const live = r.key === "live";
  const asked = useQuery<Answer>(live ? null : "topology", () => ({ window: r.seconds }), r.key, r.every);
  const source = live ? f : asked.data;
  const g = useMemo(() => {
    if (live) return f ? graph(ofFrame(f, chosen)) : null;
    if (!asked.data) return null;
    const told = withStands(asked.data, frame.peek());
    return graph(chosen === "" ? told : ofService(told, chosen));
  }, [live, source, chosen]);
  const [hovered, hover] = useState("");
  const picked = place.value.query.node ?? "";
  // Beside the map there is room for what is pointed at; beneath it the page would jump.
  const beside = matchMedia("(min-width: 1181px)").matches;
  const shown = g?.nodes.find((n) => n.id === (beside && hovered !== "" ? hovered : picked)) ?? null;
  const rows = useMemo(() => (g ? rowsOf(g) : []), [g]);
  const pick = (id: string): void => setQuery({ node: id });
  return (
    <>
      <h1>Topology</h1>
      {asked.error && <Failed error={asked.error} retry={asked.reload} />}
      <Panel title="Where flows go" note={live ? "now" : `mean of ${r.words}`} help={HELP} flush>
        {!g ? (
          <Skeleton height={460} />
        ) : g.nodes.length === 0 ? (
          <Empty icon="topology">{chosen === "" ? "No node has answered with a service so far" : `There is no service ${chosen}`}</Empty>
        ) : (
          <>
            <div class="topology">
              <Map_ graph={g} picked={picked} hovered={hovered} onPick={pick} onHover={hover} />
              <div class="side">
                <Detail node={shown} graph={g} frame={f} pinned={shown !== null && shown.id === picked} onClose={() => pick("")} />
              </div>
            </div>
            <MapKey />
          </>
        )}
      </Panel>
      <Panel title="Links" note="the same as a table" flush>
        <Table caption="Links" columns={COLUMNS} rows={rows} id={(x) => `${x.link.from} ${x.link.to}`} sort={{ key: "flows", down: true }} empty="No flows yet" most={25} copy />
      </Panel>
    </>
  );
}
