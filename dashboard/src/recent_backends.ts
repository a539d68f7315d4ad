// What each backend did in the last two minutes, a value a second, for sparklines. Kept while the page is open, whichever
// page is shown; read `frame` to be called again.
import { effect } from "@preact/signals";
import type { BackendNow } from "./api";
import { backendKey } from "./lib/backend_rows";
import { RecentRing } from "./lib/recent_ring";
import { frame } from "./live";

export const SECONDS = 120;
const figures = ["flows", "failures", "active", "connect_p95_us", "response_p95_us", "syn_retransmits"] as const;
export type RecentFigure = (typeof figures)[number];
const rings = new Map<RecentFigure, RecentRing>(figures.map((figure) => [figure, new RecentRing(SECONDS)]));
let last = 0;

effect(() => {
  const now = frame.value;
  if (!now || now.t <= last) return;
  // Seconds without a frame are gaps, so that the line's length is time.
  const missed = last === 0 ? 0 : Math.min(SECONDS, Math.round(now.t - last) - 1);
  last = now.t;
  for (let i = 0; i <= missed; i++) {
    for (const ring of rings.values()) ring.next();
  }
  for (const backend of now.backends) {
    const key = backendKey(backend);
    for (const [figure, ring] of rings) ring.put(key, backend[figure]);
  }
});

// Oldest first, at most SECONDS; null: not known then.
export function recent(backend: Pick<BackendNow, "service" | "pool" | "name">, figure: RecentFigure): (number | null)[] {
  return rings.get(figure)!.values(backendKey(backend)).map((value) => (Number.isNaN(value) ? null : value));
}
