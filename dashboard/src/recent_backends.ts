// What each backend did in the last two minutes, a value a second, for sparklines. Kept while the page is open, whichever
// page is shown; read `frame` to be called again.
import { effect } from "@preact/signals";
import type { BackendNow } from "./api";
import { backendKey } from "./lib/backend_rows";
import { RecentRing, joined } from "./lib/recent_ring";
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

// What was before this page was opened, as the API has it.
interface Past {
  from: number;
  step: number;
  values: readonly (number | null)[];
}
const pasts = new Map<string, Past>(); // by "figure key"
const MOST_PASTS = 10_000;

export function seed(key: string, figure: RecentFigure, past: Past): void {
  if (pasts.size < MOST_PASTS) pasts.set(`${figure} ${key}`, past);
}

// Oldest first, SECONDS of them up to now; null: not known then.
export function recent(backend: Pick<BackendNow, "service" | "pool" | "name">, figure: RecentFigure): (number | null)[] {
  const key = backendKey(backend);
  const seen = rings.get(figure)!.values(key);
  const past = pasts.get(`${figure} ${key}`);
  const values: (number | null)[] = [];
  let first = -1;
  for (let i = 0; i < SECONDS; i++) {
    const here = seen[i - (SECONDS - seen.length)] ?? NaN;
    if (!Number.isNaN(here)) {
      if (first < 0) first = i;
      values.push(here);
    } else values.push(past?.values[Math.floor((last - (SECONDS - 1 - i) - past.from) / past.step)] ?? null);
  }
  return joined(values, first);
}
