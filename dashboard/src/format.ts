// How figures are written: few digits, a unit, a dash for what isn't known. Pure functions.
//
// A number and its unit are parted by a no-break space. Decimal prefixes everywhere (1 kB = 1,000 B), as network people count.

export const NONE = "–";
const GAP = "\u00a0";
type Maybe = number | null | undefined;

export interface Figure {
  value: string;
  unit: string;
}

const known = (v: Maybe): v is number => v !== null && v !== undefined && Number.isFinite(v);
const join = (f: Figure): string => (f.unit === "" ? f.value : f.value + GAP + f.unit);

// Three significant digits, no trailing zeros: 0.042, 1.5, 12.3, 123.
export function digits(v: number): string {
  const size = Math.abs(v);
  if (size === 0) return "0";
  if (size >= 100) return String(Math.round(v));
  const places = size >= 10 ? 1 : size >= 1 ? 2 : Math.min(4, 2 - Math.floor(Math.log10(size)));
  const text = v.toFixed(places);
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

function scaled(v: number, step: number, prefixes: readonly string[], base: string): Figure {
  let size = v;
  let at = 0;
  // 999.6 would be written "1000"; it moves on to the next prefix.
  while (Math.abs(size) >= step - 0.5 && at < prefixes.length - 1) {
    size /= step;
    at += 1;
  }
  return { value: digits(size), unit: prefixes[at] + base };
}

const SHORT = ["", "k", "M", "G", "T"] as const;
const METRIC = ["", "k", "M", "G", "T", "P"] as const;

// A number in short: 0, 7, 1.24 k, 3.1 M.
export const numberParts = (v: Maybe): Figure => (known(v) ? scaled(v, 1000, SHORT, "") : { value: NONE, unit: "" });
export const number = (v: Maybe): string => join(numberParts(v));

// A whole count in full: 12,345.
export const count = (v: Maybe): string => (known(v) ? Math.round(v).toLocaleString("en-GB") : NONE);

// Something a second: "1.2 k/s".
export function rateParts(v: Maybe): Figure {
  const f = numberParts(v);
  return known(v) ? { value: f.value, unit: f.unit + "/s" } : f;
}
export const rate = (v: Maybe): string => (known(v) ? number(v) + "/s" : NONE);

export const bytesParts = (v: Maybe): Figure => (known(v) ? scaled(v, 1000, METRIC, "B") : { value: NONE, unit: "" });
export const bytes = (v: Maybe): string => join(bytesParts(v));
export const byteRate = (v: Maybe): string => (known(v) ? bytes(v) + "/s" : NONE);

// Bytes a second as bits a second, as links are sold.
export const bitRateParts = (v: Maybe): Figure =>
  known(v) ? scaled(v * 8, 1000, METRIC, "bit/s") : { value: NONE, unit: "" };
export const bitRate = (v: Maybe): string => join(bitRateParts(v));

// Microseconds, in the unit that suits: 412 µs, 1.24 ms, 2.1 s.
export function microsParts(us: Maybe): Figure {
  if (!known(us)) return { value: NONE, unit: "" };
  if (us < 999.5) return { value: digits(us), unit: "µs" };
  if (us < 999_500) return { value: digits(us / 1000), unit: "ms" };
  return { value: digits(us / 1_000_000), unit: "s" };
}
export const micros = (us: Maybe): string => join(microsParts(us));
export const millis = (ms: Maybe): string => micros(known(ms) ? ms * 1000 : null);

// A share of one as a percentage. What isn't nothing is never written as 0, what isn't all never as 100.
export function ratioParts(r: Maybe): Figure {
  if (!known(r)) return { value: NONE, unit: "" };
  const percent = r * 100;
  if (percent > 0 && percent < 0.01) return { value: "<0.01", unit: "%" };
  if (percent < 100 && percent >= 99.95) return { value: ">99.9", unit: "%" };
  return { value: percent >= 10 ? percent.toFixed(1).replace(/\.0$/, "") : digits(Number(percent.toFixed(2))), unit: "%" };
}
export const ratio = (r: Maybe): string => join(ratioParts(r));

// Availability: cut, not rounded, with as many nines as it has (99.9 %, 99.987 %, 100 %).
export function availabilityParts(r: Maybe): Figure {
  if (!known(r)) return { value: NONE, unit: "" };
  if (r >= 1) return { value: "100", unit: "%" };
  const percent = r * 100;
  const places = percent < 99 ? 1 : percent < 99.9 ? 2 : percent < 99.99 ? 3 : 4;
  const cut = Math.floor(percent * 10 ** places + 1e-9) / 10 ** places;
  return { value: cut.toFixed(places).replace(/0+$/, "").replace(/\.$/, ""), unit: "%" };
}
export const availability = (r: Maybe): string => join(availabilityParts(r));

// A factor: 0.62×, 4.5×, 120×.
export const times = (v: Maybe): string => (known(v) ? `${digits(v >= 10 ? Math.round(v) : Number(v.toFixed(v >= 1 ? 1 : 2)))}×` : NONE);

// How long: 4 s, 3 min, 2 h 5 min, 3 d 4 h.
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}${GAP}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${GAP}min`;
  const two = (big: number, unit: string, small: number, smaller: string): string =>
    small > 0 ? `${big}${GAP}${unit} ${small}${GAP}${smaller}` : `${big}${GAP}${unit}`;
  if (s < 86_400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3600), "h");
}

// How long ago `t` (seconds since 1970) is at `now`: "now", "4 min ago".
export function age(t: Maybe, now: number): string {
  if (!known(t) || t <= 0) return NONE;
  const s = now - t;
  return s < 1.5 ? "now" : `${duration(s)} ago`;
}

const pad = (n: number): string => String(n).padStart(2, "0");

// The time of day where the viewer is; with seconds, or with the date where the span needs one.
export function clock(t: Maybe, span = 0): string {
  if (!known(t)) return NONE;
  const d = new Date(t * 1000);
  const time = `${pad(d.getHours())}:${pad(d.getMinutes())}`;
  if (span > 86_400) return `${day(t)} ${time}`;
  return span > 3600 ? time : `${time}:${pad(d.getSeconds())}`;
}
export const day = (t: number): string => `${new Date(t * 1000).getDate()} ${new Date(t * 1000).toLocaleString("en-GB", { month: "short" })}`;
export const dateTime = (t: Maybe): string =>
  known(t) ? `${new Date(t * 1000).toLocaleDateString("en-CA")} ${clock(t)}` : NONE;

// A change against an earlier figure: +12 %, −3 %, ×4.2; null where there is nothing to compare with.
export function change(now: Maybe, before: Maybe): { text: string; by: number } | null {
  if (!known(now) || !known(before)) return null;
  if (before === 0) return now === 0 ? { text: `±0${GAP}%`, by: 0 } : null;
  const by = now / before - 1;
  const percent = Math.round(Math.abs(by) * 100);
  if (percent === 0) return { text: `±0${GAP}%`, by: 0 };
  if (by >= 2) return { text: `×${digits(now / before)}`, by };
  return { text: `${by > 0 ? "+" : "−"}${percent}${GAP}%`, by };
}

export const plural = (n: number, one: string, many = one + "s"): string => `${count(n)} ${n === 1 ? one : many}`;

// "a", "a and b", "a, b and 4 more"
export function listed(names: readonly string[], most = 3): string {
  if (names.length <= 1) return names[0] ?? "";
  if (names.length <= most) return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
  return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
}

const OUTCOMES: Record<string, string> = {
  closed: "closed",
  reset_by_server: "reset by the server",
  reset_by_client: "reset by the client",
  syn_timeout: "no answer to SYN",
  idle_timeout: "idle too long",
  icmp_unreachable: "ICMP unreachable",
  no_backend: "no backend",
  shed: "shed",
};
export const outcome = (name: string): string => OUTCOMES[name] ?? name.replace(/_/g, " ");

const regions = typeof Intl.DisplayNames === "function" ? new Intl.DisplayNames(["en"], { type: "region" }) : null;
export function country(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code === "other" ? "Other countries" : "Not known";
  try {
    return regions?.of(code) ?? code;
  } catch {
    return code;
  }
}
