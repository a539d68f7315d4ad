// What each backend did in the last two minutes, a value a second, for sparklines: flows opened and failures.
// Kept while the page is open, whichever page is shown; read `frame` to be called again.
import { effect } from "@preact/signals";
import { backendKey } from "./lib/backend_rows";
import { RecentRing } from "./lib/recent_ring";
import { frame } from "./live";

const SECONDS = 120;
const flows = new RecentRing(SECONDS);
const failures = new RecentRing(SECONDS);
let last = 0;

effect(() => {
  const now = frame.value;
  if (!now || now.t <= last) return;
  // Seconds without a frame are gaps, so that the line's length is time.
  const missed = last === 0 ? 0 : Math.min(SECONDS, Math.round(now.t - last) - 1);
  last = now.t;
  for (let i = 0; i <= missed; i++) {
    flows.next();
    failures.next();
  }
  for (const backend of now.backends) {
    const key = backendKey(backend);
    flows.put(key, backend.flows);
    failures.put(key, backend.failures);
  }
});

// Oldest first; null: not known then.
const known = (values: number[]): (number | null)[] => values.map((value) => (Number.isNaN(value) ? null : value));
export const recentFlows = (key: string): (number | null)[] => known(flows.values(key));
export const recentFailures = (key: string): (number | null)[] => known(failures.values(key));
