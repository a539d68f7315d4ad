// Light or dark: the system's unless the viewer chose; charts ask here what a colour token is right now.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "shunt.theme";

function remembered(): Theme {
  const set = document.documentElement.dataset.theme;
  return set === "light" || set === "dark" ? set : "system";
}

export const theme = signal<Theme>(typeof document === "undefined" ? "system" : remembered());
// Rises whenever colours change: a canvas has to be drawn again.
export const paint = signal(0);

export function setTheme(next: Theme): void {
  theme.value = next;
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage may be forbidden: then it lasts as long as the page.
  }
  known.clear();
  paint.value += 1;
}

export function isDark(): boolean {
  return theme.value === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme.value === "dark";
}

const known = new Map<string, string>();
let probe: HTMLElement | null = null;

// "--fail" as the browser computes it ("rgb(…)"), for canvases.
export function colour(token: string): string {
  const had = known.get(token);
  if (had !== undefined) return had;
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${token})`;
  const value = getComputedStyle(probe).color;
  known.set(token, value);
  return value;
}

// The same, let through: "rgb(1 2 3 / 12%)".
export const faded = (token: string, share: number): string =>
  colour(token).replace(/^rgb\((\d+), (\d+), (\d+)\)$/, `rgb($1 $2 $3 / ${Math.round(share * 100)}%)`);

export function startTheme(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    known.clear();
    paint.value += 1;
  });
}
