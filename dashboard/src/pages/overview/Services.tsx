// One row per service: is it up, what does it carry, does it keep its objective.
import { useMemo } from "preact/hooks";
import { url, type KpiWindow, type Kpis, type Latency, type Rates, type ServiceNow } from "../../api";
import { Meter } from "../../components/Figure";
import { Icon } from "../../components/Icon";
import { OpenFlows } from "../../components/OpenFlows";
import { ACTIVE, AVAILABILITY, BURN, CONNECT, FAILURES } from "../../components/Meanings";
import { Panel } from "../../components/Panel";
import { STATE_RANK, State } from "../../components/State";
import { Table, type Column } from "../../components/Table";
import { NONE, availability, bitRate, count, micros, rate, ratio, times } from "../../format";
import { burnTone } from "../../lib/levels";
import { isUdp, openFlows } from "../../lib/open_flows";
import { now } from "../../live";
import { href, range, service } from "../../router";

interface Row {
  s: ServiceNow;
  w: KpiWindow | null; // over the chosen time
  shown: (Rates & Latency) | null; // of now on "live", else over the chosen time
}

function Burn({ burn }: { burn: number | null }) {
  if (burn === null) return <>{NONE}</>;
  const tone = burnTone(burn);
  return (
    <span class={`burn c-${tone}`}>
      <Meter share={burn / 10} tone={tone} label={`${times(burn)} of the budget’s rate`} /> {times(burn)}
    </span>
  );
}

const through = (x: Row["shown"]): number | null => (x === null ? null : x.bytes + x.reply_bytes);

const Connect = ({ of }: { of: Row["shown"] }) => <>{micros(of?.connect_p95_us)}{of?.connect_method && <div class="small muted">{of.connect_method}</div>}</>;

const COLUMNS: readonly Column<Row>[] = [
  {
    key: "name", title: "Service", value: (r) => r.s.name,
    cell: (r) => (
      <>
        <a href={href("/", { service: r.s.name })}>{r.s.name}</a>
        <div class="small muted vip" title={r.s.vips.join("\n")}>{r.s.vips[0] ?? "no VIP"}{r.s.vips.length > 1 && `, +${r.s.vips.length - 1}`}</div>
        <div class="small muted vip">{r.s.mode}, {r.s.scheduler}</div>
      </>
    ),
  },
  { key: "state", title: "State now", value: (r) => STATE_RANK[r.s.state], cell: (r) => <State of={r.s.state} /> },
  {
    key: "backends", title: "Backends now", number: true, value: (r) => r.s.healthy,
    cell: (r) => (
      <a class="plain" href={href("/backends", { service: r.s.name })}>
        {count(r.s.healthy)} of {count(r.s.backends)} up
      </a>
    ),
  },
  { key: "flows", title: "Flows", number: true, value: (r) => r.shown?.flows ?? null, cell: (r) => rate(r.shown?.flows) },
  { key: "failed", title: "Failed", number: true, help: FAILURES, value: (r) => r.shown?.failure_ratio ?? null, cell: (r) => ratio(r.shown?.failure_ratio) },
  { key: "availability", title: "Availability", number: true, help: AVAILABILITY, value: (r) => r.w?.availability ?? null, cell: (r) => availability(r.w?.availability) },
  { key: "burn", title: "Budget use", number: true, help: BURN, value: (r) => r.w?.budget_burn ?? null, cell: (r) => <Burn burn={r.w?.budget_burn ?? null} /> },
  { key: "connect", title: "Connect p95", number: true, help: CONNECT, value: (r) => r.shown?.connect_p95_us ?? null, cell: (r) => <Connect of={r.shown} /> },
  { key: "bytes", title: "Throughput", number: true, value: (r) => through(r.shown), cell: (r) => bitRate(through(r.shown)) },
  { key: "active", title: "Open now", number: true, help: ACTIVE, value: (r) => openFlows(r.s.active, isUdp(r.s)), cell: (r) => <OpenFlows active={r.s.active} udp={isUdp(r.s)} /> },
];

// On "live" everything is of now.
const LIVE_COLUMNS = COLUMNS.map((c) => ({ ...c, title: c.title.replace(/ now$/, "") }));

// Minutes of the time shown, for a spreadsheet. The address is made when it is pressed: "now" moves on.
function Download() {
  const aim = (e: MouseEvent): void => {
    const to = Math.floor(now.peek());
    (e.currentTarget as HTMLAnchorElement).href = url("export.csv", { view: "v_kpi_minute", from: to - range.value.seconds, to });
  };
  return (
    <a class="button tiny quiet" href={url("export.csv", { view: "v_kpi_minute" })} download="shunt_minutes.csv" onClick={aim}>
      <Icon name="download" />
      CSV
    </a>
  );
}

export function Services({ services, kpis, slo }: { services: readonly ServiceNow[]; kpis: Kpis | null; slo: number | null }) {
  const live = range.value.key === "live";
  const rows = useMemo(
    () =>
      services.map((s): Row => {
        const w = kpis?.services.find((k) => k.name === s.name) ?? null;
        return { s, w, shown: live ? s : w };
      }),
    [services, kpis, live],
  );
  const over = `over ${range.value.words}${slo === null ? "" : `, objective ${availability(slo)}`}`;
  return (
    <Panel title="Services" flush actions={<Download />} note={live ? `figures of now; availability and budget ${over}` : over}>
      <Table caption="Services" columns={live ? LIVE_COLUMNS : COLUMNS} rows={rows} id={(r) => r.s.name} sort={{ key: "state", down: true }} empty={service.value === "" ? "No service is configured at any node" : `No node has a service ${service.value} now`} />
    </Panel>
  );
}
