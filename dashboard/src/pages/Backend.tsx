// One backend: what it does now, how it did over the chosen time, how its times are spread, its machine, what was unusual,
// its newest flows.
import { backendKey } from "../lib/backend_rows";
import { Icon } from "../components/Icon";
import { Empty, Skeleton } from "../components/Told";
import { isUdp } from "../lib/open_flows";
import { frame } from "../live";
import { href, route } from "../router";
import { BackendAnomalies } from "./backend/anomalies";
import { BackendCharts } from "./backend/charts";
import { BackendFlows } from "./backend/flows";
import { BackendHead } from "./backend/head";
import { BackendHeat } from "./backend/heat";
import { BackendMachine } from "./backend/machine";
import "./backend/backend.css";

export interface Names {
  service: string;
  pool: string;
  backend: string;
}

export default function Backend() {
  const { service = "", pool = "", backend = "" } = route.value.params;
  const names: Names = { service, pool, backend };
  const now = frame.value;
  const key = backendKey({ service, pool, name: backend });
  const found = now?.backends.find((one) => backendKey(one) === key);
  return (
    <>
      <nav class="crumbs small" aria-label="Where this is">
        <a href={href("/backends", { service: "" })}>Backends</a>
        <Icon name="right" />
        <a href={href("/backends", { service })}>{service}</a>
        {pool !== service && (
          <>
            <Icon name="right" />
            <span class="muted">pool {pool}</span>
          </>
        )}
      </nav>
      {!now ? (
        <Skeleton height={150} />
      ) : found ? (
        <BackendHead backend={found} service={now.services.find((one) => one.name === service)} />
      ) : (
        <Gone names={names} />
      )}
      <BackendCharts names={names} udp={isUdp(now?.services.find((one) => one.name === service))} key={`charts ${key}`} />
      <BackendHeat names={names} key={`heat ${key}`} />
      <BackendMachine names={names} host={found?.host ?? null} address={found?.address ?? ""} key={`machine ${key}`} />
      <BackendAnomalies names={names} key={`anomalies ${key}`} />
      <BackendFlows names={names} key={`flows ${key}`} />
    </>
  );
}

function Gone({ names }: { names: Names }) {
  return (
    <>
      <h1>{names.backend}</h1>
      <section class="panel" aria-label="Not there now">
        <Empty icon="search">
          No node has a backend <b>{names.backend}</b> in pool <b>{names.pool}</b> behind <b>{names.service}</b> now. What was kept of it is
          below.
        </Empty>
      </section>
    </>
  );
}
