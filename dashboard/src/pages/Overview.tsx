// Overview: is everything well, and if not, what isn't.
import type { Kpis } from "../api";
import { Failed, Skeleton } from "../components/Told";
import { isUdp } from "../lib/open_flows";
import { connection, frame } from "../live";
import { useQuery } from "../query";
import { range, service } from "../router";
import { useIncidentMarks, useSeries } from "../series";
import { info } from "../session";
import { Cards, nowOf } from "./overview/Cards";
import { Charts } from "./overview/Charts";
import { headline } from "./overview/headline";
import { Incidents } from "./overview/Incidents";
import { Services } from "./overview/Services";
import "./overview.css";

export default function Overview() {
  const f = frame.value;
  const chosen = service.value;
  const r = range.value;
  const { lines, answer, words: note } = useSeries(chosen);
  const marks = useIncidentMarks(chosen);
  const kpis = useQuery<Kpis>("kpis", () => ({ window: r.seconds, service: chosen }), `${chosen} ${r.key}`, r.every);
  const slo = info.value?.slo.availability ?? null;
  const error = kpis.error ?? answer.error;
  // All at once with the first frame, so that nothing is pushed down by what comes later.
  if (!f && connection.value === "connecting") return <Skeleton height={900} />;
  const words = f ? headline(f, chosen) : null;
  const mine = f?.services.filter((s) => chosen === "" || s.name === chosen) ?? [];
  const incidents = f?.incidents.filter((i) => chosen === "" || i.root === null || i.root.service === chosen) ?? [];
  return (
    <>
      <div class="headline">
        <h1>{words?.head ?? "Overview"}</h1>
        <p class="muted">{words?.more ?? "Waiting for the first figures…"}</p>
      </div>
      <Incidents incidents={incidents} frame={f} />
      {error && <Failed error={error} retry={kpis.reload} />}
      <Cards now={f ? nowOf(f, chosen) : null} kpis={kpis.data} lines={lines} slo={slo} udp={mine.length > 0 && mine.every(isUdp)} />
      {f ? <Services services={mine} kpis={kpis.data} slo={slo} /> : <Skeleton height={220} />}
      <Charts lines={lines} marks={marks} note={note} />
    </>
  );
}
