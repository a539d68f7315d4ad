// The navigation: a column at the left, on a phone a bar with a menu.
import { useEffect, useState } from "preact/hooks";
import { Icon, Mark } from "../components/Icon";
import { incidentState } from "../lib/incident_state";
import { frame } from "../live";
import { href, place, route, type PageName } from "../router";
import { info } from "../session";
import { Person } from "./Header";
import { NAVIGATION, type Entry } from "./pages";

function Count({ page }: { page: string }) {
  const f = frame.value;
  if (!f) return null;
  if (page === "alerts" && f.alerts.firing > 0) {
    return <span class={f.alerts.worst === "critical" ? "mark" : "mark warning"} aria-label={`${f.alerts.firing} firing`}>{f.alerts.firing}</span>;
  }
  if (page === "anomalies" && f.incidents.length > 0) {
    const lasting = f.incidents.filter((i) => incidentState(i, f) === "open");
    const tone = lasting.some((i) => i.severity === "critical") ? "mark" : lasting.length > 0 ? "mark warning" : "mark calm";
    return <span class={tone} aria-label={`${f.incidents.length} open${lasting.length === 0 ? ", easing" : ""}`}>{f.incidents.length}</span>;
  }
  return null;
}

// Pages without an entry of their own.
const PART_OF: Partial<Record<PageName, PageName>> = { backend: "backends", incident: "anomalies" };

function Item({ entry }: { entry: Entry }) {
  const at = route.value.page === entry.page || PART_OF[route.value.page] === entry.page;
  return (
    <li>
      <a href={href(entry.path)} aria-current={at ? "page" : undefined}>
        <Icon name={entry.icon} />
        {entry.title}
        <Count page={entry.page} />
      </a>
    </li>
  );
}

export function Nav({ onKeys }: { onKeys: () => void }) {
  const [open, setOpen] = useState(false);
  const path = place.value.path;
  useEffect(() => setOpen(false), [path]);
  return (
    <nav class={open ? "nav open" : "nav"} aria-label="Pages">
      <a class="brand" href={href("/")}>
        <Mark />
        shunt
      </a>
      <button type="button" class="button menu-button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? "close" : "menu"} />
        Menu
      </button>
      <div class="pages">
        <ul class="list">
          {NAVIGATION.map((entry) => (
            <Item key={entry.page} entry={entry} />
          ))}
        </ul>
      </div>
      <div class="foot">
        <button type="button" class="button quiet tiny wide-only" onClick={onKeys}>
          <Icon name="keyboard" />
          Keys <kbd>?</kbd>
        </button>
        <Person />
        {info.value && <span>insight {info.value.version}</span>}
      </div>
    </nav>
  );
}
