// The backends as cards, where a table has no room. Only those in sight are drawn.
import { useMemo, useRef } from "preact/hooks";
import type { BackendNow } from "../../api";
import { OpenFlows } from "../../components/OpenFlows";
import { bytes, micros, number, ratio } from "../../format";
import { standOf, type TableRow } from "../../lib/backend_rows";
import { failureLevel, levelClass } from "../../lib/levels";
import { rowOffsets } from "../../lib/row_window";
import { BackendName, BackendSpark, BackendStateCell, ServiceName, StateCell } from "./cells";
import { Usage, type Bounds } from "./columns";
import { useScrollWindow } from "./scroll_window";

const CARD = 196; // px, its gap included
const SERVICE = 60;

interface Props {
  rows: readonly TableRow[];
  bounds: Bounds;
  onFold: (service: string) => void;
  onAct: (backend: BackendNow) => void;
}

export function BackendCards({ rows, bounds, onFold, onAct }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const kinds = rows.map((row) => (row.kind === "service" ? "s" : "b")).join("");
  const offsets = useMemo(() => rowOffsets([...kinds].map((kind) => (kind === "s" ? SERVICE : CARD))), [kinds]);
  const sight = useScrollWindow(box, offsets, false);
  return (
    <div ref={box} role="list" aria-label="Backends by service">
      <div style={{ height: `${sight.above}px` }} />
      {rows.slice(sight.first, sight.end).map((row) =>
        row.kind === "service" ? (
          <div key={row.key} role="listitem" class="bc-service" style={{ height: `${SERVICE}px` }}>
            <div class="bt-name">
              <ServiceName row={row} onFold={() => onFold(row.name)} />
            </div>
            {row.service && <StateCell state={row.service.state} since={null} severity={row.service.severity} subject={{ service: row.name, backend: "" }} />}
          </div>
        ) : (
          <div key={row.key} role="listitem" style={{ height: `${CARD}px` }}>
            <Card backend={row.backend} bounds={bounds} onAct={() => onAct(row.backend)} />
          </div>
        ),
      )}
      <div style={{ height: `${sight.below}px` }} />
    </div>
  );
}

function Card({ backend, bounds, onAct }: { backend: BackendNow; bounds: Bounds; onAct: () => void }) {
  return (
    <article class={`bc st-${standOf(backend)}`}>
      <header>
        <div class="bt-name">
          <BackendName backend={backend} />
        </div>
        <BackendStateCell of={backend} />
        <button type="button" class="button quiet square" aria-label={`Drain or weigh ${backend.name}`} onClick={onAct}>
          ⋯
        </button>
      </header>
      <div class="bc-spark">
        <BackendSpark of={backend} />
      </div>
      <dl>
        <div>
          <dt>Flows/s</dt>
          <dd>{number(backend.flows)}</dd>
        </div>
        <div>
          <dt>Active</dt>
          <dd>
            <OpenFlows active={backend.active} udp={bounds.udp.has(backend.service)} />
          </dd>
        </div>
        <div>
          <dt>Failed</dt>
          <dd class={levelClass(failureLevel(backend.failure_ratio, bounds.availability))}>{ratio(backend.failure_ratio)}</dd>
        </div>
        <div>
          <dt>Conn. p95</dt>
          <dd>{micros(backend.connect_p95_us)}</dd>
        </div>
        <div>
          <dt>Weight</dt>
          <dd>
            {number(backend.weight)} <span class="muted small">{ratio(backend.share)}</span>
          </dd>
        </div>
        <div>
          <dt>CPU</dt>
          <dd>
            <Usage host={backend.host} kind="cpu" bounds={bounds} />
          </dd>
        </div>
        <div>
          <dt>In/s</dt>
          <dd>{bytes(backend.bytes)}</dd>
        </div>
        <div>
          <dt>Out/s</dt>
          <dd>{bytes(backend.reply_bytes)}</dd>
        </div>
      </dl>
    </article>
  );
}
