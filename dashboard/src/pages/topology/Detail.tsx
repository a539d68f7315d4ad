// What is known of the node under the pointer, or of the one that was pressed.
import type { ComponentChildren } from "preact";
import type { BackendNow, Frame, ServiceNow } from "../../api";
import { Icon } from "../../components/Icon";
import { SubjectMark } from "../../components/IncidentMark";
import { OpenFlows } from "../../components/OpenFlows";
import { State, type AnyState } from "../../components/State";
import { bitRate, count, country, duration, listed, micros, rate, ratio } from "../../format";
import { calmed, incidentsOf, isOver } from "../../lib/incident_state";
import { isUdp } from "../../lib/open_flows";
import { now } from "../../live";
import { backendPath, href } from "../../router";
import type { Graph, Link, Node } from "./graph";
import { nameOf } from "./words";

const MOST = 8;

const Facts = ({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) => (
  <dl class="facts">
    {rows.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

function backendFacts(b: BackendNow, udp: boolean): (readonly [string, ComponentChildren])[] {
  return [
    ["Address", <code>{b.address}</code>],
    ["Since", duration(now.value - b.since)],
    ["Weight, share", `${count(b.weight)}, ${ratio(b.share)}`],
    ["Open flows", <OpenFlows active={b.active} udp={udp} />],
    ["Connect p95", micros(b.connect_p95_us)],
    ...(b.host ? [["Host CPU", b.host.stale ? "no answer" : ratio(b.host.cpu)] as const] : []),
  ];
}

function serviceFacts(s: ServiceNow): (readonly [string, ComponentChildren])[] {
  return [
    ["VIP", <code class="vips">{s.vips.join(" ")}</code>],
    ["Mode", `${s.mode}, ${s.scheduler}`],
    ["Backends up", `${count(s.healthy)} of ${count(s.backends)}`],
    ["Throughput", bitRate(s.bytes + s.reply_bytes)],
    ["Connect p95", micros(s.connect_p95_us)],
  ];
}

function Ends({ title, links, end, graph }: { title: string; links: readonly Link[]; end: "from" | "to"; graph: Graph }) {
  if (links.length === 0) return null;
  const sorted = [...links].sort((a, b) => b.flows - a.flows);
  const name = (id: string): string => {
    const n = graph.nodes.find((x) => x.id === id);
    return n ? nameOf(n) : id;
  };
  return (
    <div>
      <h3>{title}</h3>
      <ul class="ends">
        {sorted.slice(0, MOST).map((l) => (
          <li key={l[end]}>
            <span>{name(l[end])}</span>
            <span class="n">{rate(l.flows)}</span>
          </li>
        ))}
        {sorted.length > MOST && <li class="muted">and {count(sorted.length - MOST)} more</li>}
      </ul>
    </div>
  );
}

interface Props {
  node: Node | null;
  graph: Graph;
  frame: Frame | null;
  pinned: boolean;
  onClose: () => void;
}

export function Detail({ node, graph, frame, pinned, onClose }: Props) {
  if (!node) {
    return <p class="muted detail-hint">Point at a country, a service or a backend to see what belongs to it; press it to keep it.</p>;
  }
  const service = node.layer === 1 ? frame?.services.find((s) => s.name === node.name) : undefined;
  const backend = node.layer === 2 && node.members.length === 0 ? frame?.backends.find((b) => b.service === node.service && b.pool === node.group && b.name === node.name) : undefined;
  const severity = service?.severity ?? backend?.severity ?? null;
  const incidents = frame && (service || backend) ? incidentsOf(frame, { service: node.service, backend: backend?.name ?? "" }) : [];
  return (
    <div class="stack detail">
      <div class="row">
        <h3 class="grow detail-name">{node.layer === 0 ? country(node.name) : node.name}</h3>
        {pinned && (
          <button type="button" class="button quiet square tiny" aria-label="Let go" onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <div class="row">
        {node.layer !== 0 && <State of={node.state as AnyState} />}
        {severity !== null && <SubjectMark of={severity} subject={{ service: node.service, backend: backend?.name ?? "" }} />}
        {node.layer === 2 && <span class="muted">in {node.group}, for {node.service}</span>}
      </div>
      {backend && backend.reason !== "" && <p class="small">{backend.reason}</p>}
      {frame && incidents.map((i) => {
        const over = calmed(i, frame);
        return (
          <p key={i.id} class="small">
            <a href={href(`/incidents/${i.id}`)}>{over?.head ?? i.headline}</a>{over && isOver(over) && <span class="muted"> ({over.state})</span>}
          </p>
        );
      })}
      <Facts rows={[["Flows", rate(node.flows)], ["Failed", ratio(node.failure_ratio)], ...(service ? serviceFacts(service) : []), ...(backend ? backendFacts(backend, isUdp(frame?.services.find((s) => s.name === backend.service))) : [])]} />
      {node.members.length > 0 && <p class="small muted">{listed(node.layer === 0 ? node.members.map(country) : node.members, 8)}</p>}
      {node.layer === 1 && <Ends title="Clients" end="from" graph={graph} links={graph.links.filter((l) => l.to === node.id)} />}
      {node.layer !== 2 && <Ends title={node.layer === 0 ? "Services" : "Backends"} end="to" graph={graph} links={graph.links.filter((l) => l.from === node.id)} />}
      {backend && <a href={href(backendPath(node.service, node.group, node.name))}>All about {node.name}</a>}
      {node.layer === 2 && node.members.length > 0 && <a href={href("/backends", { service: node.service })}>All backends of {node.service}</a>}
      {service && <a href={href("/", { service: node.name })}>Overview of {node.name}</a>}
    </div>
  );
}
