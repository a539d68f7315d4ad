// How bad a figure is: fine, worth a look, or bad. One place for where the bounds are.
export type Level = "fine" | "look" | "bad";

// As the theme's colours are called.
export const levelTone = (level: Level): "idle" | "warn" | "fail" => (level === "fine" ? "idle" : level === "look" ? "warn" : "fail");
export const levelClass = (level: Level): string => (level === "fine" ? "" : `c-${levelTone(level)} strong`);

// A machine's figure against its threshold: worth a look from nine tenths of it on.
export function usageLevel(value: number | null, threshold: number): Level {
  if (value === null || value < threshold * 0.9) return "fine";
  return value >= threshold ? "bad" : "look";
}

// A failure ratio against the availability objective: more than the objective allows is worth a look, ten times as much
// (and at least 1 %) is bad.
export function failureLevel(ratio: number | null, objective: number): Level {
  const allowed = Math.max(1e-6, 1 - objective);
  if (ratio === null || ratio <= allowed) return "fine";
  return ratio >= Math.max(0.01, allowed * 10) ? "bad" : "look";
}

// A worker's busy share, a table's fill: worth a look from 80 %, bad from 95 %.
export const fillLevel = (share: number | null): Level => (share === null || share < 0.8 ? "fine" : share >= 0.95 ? "bad" : "look");

// How many times too fast an error budget goes: at 1 it lasts, above that it is worth a look, above 10 it is gone in days.
export const burnTone = (burn: number): "ok" | "warn" | "fail" => (burn > 10 ? "fail" : burn > 1 ? "warn" : "ok");
