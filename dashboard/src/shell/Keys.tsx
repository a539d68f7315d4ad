// Keyboard shortcuts, and the dialogue that lists them.
import { useEffect } from "preact/hooks";
import { Dialog } from "../components/Dialog";
import { RANGES, href, navigate, range, setQuery } from "../router";
import { isDark, setTheme } from "../theme";
import { NAVIGATION } from "./pages";

const SECOND_KEY_MS = 1200;

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function shiftRange(by: number): void {
  const at = RANGES.findIndex((r) => r.key === range.value.key);
  const next = RANGES[Math.min(RANGES.length - 1, Math.max(0, at + by))];
  setQuery({ range: next.key === "live" ? "" : next.key });
}

export function useKeys(show: (open: boolean) => void): void {
  useEffect(() => {
    let wentAt = -Infinity;
    const press = (e: KeyboardEvent): void => {
      if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector("dialog[open]")) return;
      if (e.timeStamp - wentAt < SECOND_KEY_MS) {
        wentAt = -Infinity;
        const entry = NAVIGATION.find((n) => n.key === e.key);
        if (entry) navigate(href(entry.path));
        return;
      }
      if (e.key === "g") wentAt = e.timeStamp;
      else if (e.key === "?") show(true);
      else if (e.key === "[") shiftRange(-1);
      else if (e.key === "]") shiftRange(1);
      else if (e.key === "/") {
        e.preventDefault();
        (document.querySelector<HTMLElement>("[data-filter]") ?? document.getElementById("service"))?.focus();
      } else if (e.key === "d") setTheme(isDark() ? "light" : "dark");
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

export function KeysDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <div class="keys">
        {NAVIGATION.map((n) => (
          <>
            <span><kbd>g</kbd> <kbd>{n.key}</kbd></span>
            <span>{n.title}</span>
          </>
        ))}
        <span><kbd>[</kbd> <kbd>]</kbd></span>
        <span>Shorter, longer time</span>
        <span><kbd>/</kbd></span>
        <span>Choose a service; on Backends and Anomalies, filter</span>
        <span><kbd>d</kbd></span>
        <span>Dark or light</span>
        <span><kbd>?</kbd></span>
        <span>This list</span>
      </div>
      <div class="buttons">
        <button type="button" class="button primary" onClick={onClose} autofocus>
          Close
        </button>
      </div>
    </Dialog>
  );
}
