// What the traffic is: protocol and port, per service.
import { useMemo } from "preact/hooks";
import type { Protocols } from "../../api";
import { Panel } from "../../components/Panel";
import { Share } from "../../components/Share";
import { Table, type Column } from "../../components/Table";
import { Answered } from "../../components/Told";
import { NONE, bitRate, bytes, rate } from "../../format";
import type { Answer } from "../../query";
import { href, range } from "../../router";

type Row = Protocols["protocols"][number] & { share: number };

// Well-known ports by what usually runs there; nothing is inspected.
const USUAL: Record<string, string> = {
  "tcp/22": "SSH", "tcp/25": "SMTP", "tcp/53": "DNS", "udp/53": "DNS", "tcp/80": "HTTP", "tcp/443": "HTTPS", "udp/443": "QUIC", "udp/123": "NTP",
  "tcp/993": "IMAPS", "tcp/3306": "MySQL", "tcp/5432": "PostgreSQL", "tcp/6379": "Redis", "udp/514": "syslog", "tcp/853": "DNS over TLS", "tcp/8080": "HTTP",
};

const perFlow = (r: Row): number | null => (r.flows > 0 ? (r.bytes + r.reply_bytes) / r.flows : null);

const COLUMNS: readonly Column<Row>[] = [
  {
    key: "protocol", title: "Protocol", value: (r) => `${r.protocol}/${r.port}`,
    cell: (r) => <>{r.protocol}/{r.port} <span class="small muted">{USUAL[`${r.protocol}/${r.port}`] ?? ""}</span></>,
  },
  { key: "service", title: "Service", value: (r) => r.service, cell: (r) => <a class="plain" href={href("/", { service: r.service })}>{r.service}</a> },
  { key: "share", title: "Share of bytes", value: (r) => r.share, cell: (r) => <Share share={r.share} token="--series-5" /> },
  { key: "flows", title: "Flows", number: true, value: (r) => r.flows, cell: (r) => rate(r.flows) },
  { key: "in", title: "From clients", number: true, value: (r) => r.bytes, cell: (r) => bitRate(r.bytes) },
  {
    key: "out", title: "Replies", number: true, value: (r) => r.reply_bytes, help: <p>“–”: replies don’t pass shunt (DSR), or there were none.</p>,
    cell: (r) => (r.reply_bytes > 0 ? bitRate(r.reply_bytes) : NONE),
  },
  { key: "size", title: "Bytes a flow", number: true, value: perFlow, cell: (r) => bytes(perFlow(r)) },
];

// The API answers for all services; shares are of what is shown.
export function ProtocolsTable({ answer, service }: { answer: Answer<Protocols>; service: string }) {
  const data = answer.data;
  const rows = useMemo(() => {
    const mine = data?.protocols.filter((p) => service === "" || p.service === service) ?? [];
    const total = mine.reduce((sum, p) => sum + p.bytes + p.reply_bytes, 0);
    return mine.map((p) => ({ ...p, share: total > 0 ? (p.bytes + p.reply_bytes) / total : 0 }));
  }, [data, service]);
  return (
    <Panel title="Protocols" note={`mean of ${range.value.words}`} help={<p>By protocol and port of the VIP. The name is what usually runs on that port; packets aren’t inspected.</p>} flush>
      <Answered answer={answer} height={200}>
        {() => <Table caption="Protocols" columns={COLUMNS} rows={rows} id={(r) => `${r.service} ${r.protocol}/${r.port}`} sort={{ key: "share", down: true }} copy empty={`No traffic in ${range.value.words}`} />}
      </Answered>
    </Panel>
  );
}
