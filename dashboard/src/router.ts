// Where the viewer is: the path says which page, the query says which service, which time and what a page adds.
// All of it is in the address, so that a link shows another person the same.
import { computed, signal } from "@preact/signals";

export interface Place {
  path: string;
  query: Record<string, string>;
}

export type PageName =
  | "overview" | "topology" | "traffic" | "backends" | "backend" | "anomalies" | "incident" | "retries" | "alerts" | "system" | "missing";

export interface Match {
  page: PageName;
  params: Record<string, string>;
}

// A pattern's ":x" takes one segment.
const ROUTES: readonly [string, PageName][] = [
  ["/", "overview"],
  ["/topology", "topology"],
  ["/traffic", "traffic"],
  ["/backends", "backends"],
  ["/backends/:service/:pool/:backend", "backend"],
  ["/anomalies", "anomalies"],
  ["/incidents/:id", "incident"],
  ["/retries", "retries"],
  ["/alerts", "alerts"],
  ["/system", "system"],
];

function segment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function match(path: string): Match {
  const parts = path.split("/").filter((p) => p !== "");
  for (const [pattern, page] of ROUTES) {
    const wanted = pattern.split("/").filter((p) => p !== "");
    if (wanted.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((w, i) => {
      if (!w.startsWith(":")) return w === parts[i];
      params[w.slice(1)] = segment(parts[i]);
      return true;
    });
    if (fits) return { page, params };
  }
  return { page: "missing", params: {} };
}

export function parse(path: string, search: string): Place {
  return { path, query: Object.fromEntries(new URLSearchParams(search)) };
}

// Empty values are left out; keys are sorted, so that the same place always has the same address.
export function address(path: string, query: Record<string, string | undefined>): string {
  const kept = Object.entries(query).filter((e): e is [string, string] => e[1] !== undefined && e[1] !== "");
  const text = new URLSearchParams(kept.sort(([a], [b]) => (a < b ? -1 : 1))).toString();
  return text === "" ? path : `${path}?${text}`;
}

// The server takes a path with a dot in its last part for a file; a name with one gets a slash behind it.
export function backendPath(service: string, pool: string, backend: string): string {
  const path = `/backends/${encodeURIComponent(service)}/${encodeURIComponent(pool)}/${encodeURIComponent(backend)}`;
  return backend.includes(".") ? `${path}/` : path;
}

export const RANGES = [
  { key: "live", label: "Live", words: "the last 5 minutes", seconds: 300, every: 5 },
  { key: "15m", label: "15 min", words: "the last 15 minutes", seconds: 900, every: 10 },
  { key: "1h", label: "1 h", words: "the last hour", seconds: 3600, every: 15 },
  { key: "6h", label: "6 h", words: "the last 6 hours", seconds: 21_600, every: 60 },
  { key: "24h", label: "24 h", words: "the last 24 hours", seconds: 86_400, every: 120 },
  { key: "7d", label: "7 d", words: "the last 7 days", seconds: 604_800, every: 300 },
] as const;
export type Range = (typeof RANGES)[number];
export const rangeOf = (key: string | undefined): Range => RANGES.find((r) => r.key === key) ?? RANGES[0];

const here = (): Place =>
  typeof location === "undefined" ? { path: "/", query: {} } : parse(location.pathname, location.search);

export const place = signal<Place>(here());
export const route = computed<Match>(() => match(place.value.path));
// Of the header's choices. service "": all of them.
export const service = computed<string>(() => place.value.query.service ?? "");
export const range = computed<Range>(() => rangeOf(place.value.query.range));

// A link to a page that keeps the chosen service and range. `extra` overrules ("" takes a key away).
export function href(path: string, extra: Record<string, string | undefined> = {}): string {
  const { service: s, range: r } = place.value.query;
  return address(path, { service: s, range: r, ...extra });
}

export function navigate(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  const before = place.value.path;
  place.value = here();
  if (before !== place.value.path) window.scrollTo(0, 0);
}

// Changes keys of this page's query; "" or undefined takes one away.
export function setQuery(change: Record<string, string | undefined>, replace = true): void {
  navigate(address(place.value.path, { ...place.value.query, ...change }), replace);
}

// Links inside of the page are followed without loading it again.
export function startRouter(): void {
  window.addEventListener("popstate", () => (place.value = here()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target !== "" || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname.startsWith("/api/") || link.pathname === "/metrics") return;
    if (link.pathname === location.pathname && link.search === location.search && link.hash !== "") return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
