// The bar above each page: service, time, whether the figures are live, nodes, who is signed in, theme.
import { Icon } from "../components/Icon";
import { Segmented } from "../components/Segmented";
import { Shape } from "../components/State";
import { duration, listed, plural } from "../format";
import { connection, frame, frameAge, stale } from "../live";
import { RANGES, href, range, service, setQuery } from "../router";
import { close, info, signIn } from "../session";
import { setTheme, theme, type Theme } from "../theme";

function ServiceChoice() {
  const names = frame.value?.services.map((s) => s.name) ?? [];
  const chosen = service.value;
  // A link may name a service that isn't there (any more): it stays visible as chosen.
  const all = chosen !== "" && !names.includes(chosen) ? [chosen, ...names] : names;
  return (
    <select id="service" aria-label="Service" value={chosen} onChange={(e) => setQuery({ service: e.currentTarget.value }, false)}>
      <option value="">All services</option>
      {all.map((name) => (
        <option key={name} value={name} selected={name === chosen}>
          {name}
        </option>
      ))}
    </select>
  );
}

function RangeChoice() {
  const choose = (key: string): void => setQuery({ range: key === "live" ? "" : key }, false);
  return (
    <>
      <Segmented class="range-buttons" label="Time shown" options={RANGES} value={range.value.key} onChoose={choose} />
      <select class="range-select" aria-label="Time shown" value={range.value.key} onChange={(e) => choose(e.currentTarget.value)}>
        {RANGES.map((r) => (
          <option key={r.key} value={r.key} selected={r.key === range.value.key}>
            {r.label}
          </option>
        ))}
      </select>
    </>
  );
}

function Pulse() {
  const f = frame.value;
  if (connection.value === "connecting" && !f) return <span class="pulse">Connecting…</span>;
  if (!f || stale.value) {
    return (
      <span class="pulse c-warn">
        <Shape tone="warn" shape="triangle" />
        {f ? `${duration(frameAge.value)} old` : "No figures"}
      </span>
    );
  }
  const down = f.nodes.filter((n) => n.state === "down").map((n) => n.name);
  const words = f.nodes.length === 0 ? "No node" : down.length > 0 ? `${listed(down)} doesn’t answer` : plural(f.nodes.length, "node");
  return (
    <a class="pulse plain" href={href("/system")} title={f.nodes.map((n) => `${n.name}: ${n.state}`).join("\n")}>
      <Shape tone={down.length > 0 ? "fail" : "ok"} shape={down.length > 0 ? "cross" : "disc"} />
      {words}
    </a>
  );
}

export function Person() {
  const who = info.value;
  if (!who && !signIn.value.needed) return null;
  if (who && who.signed_in !== null) {
    return (
      <button type="button" class="button quiet person" aria-label={`${who.signed_in} · ${who.role}, sign out`} title={`Signed in as ${who.signed_in} (${who.role}). Click to sign out.`} onClick={() => void close()}>
        <Icon name="person" />
        <span class="wide-only">{who.signed_in} · {who.role}</span>
      </button>
    );
  }
  const words = who ? `${who.role} · Sign in` : "Sign in";
  return (
    <button type="button" class="button quiet person" aria-label={words} onClick={() => (signIn.value = { open: true, needed: signIn.value.needed })}>
      <Icon name="person" />
      <span class="wide-only">{words}</span>
    </button>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const THEME_ICON = { system: "auto", light: "sun", dark: "moon" } as const;

export function Header() {
  return (
    <header class="bar">
      <ServiceChoice />
      <RangeChoice />
      <span class="grow" />
      <Pulse />
      <Person />
      <button type="button" class="button quiet square" aria-label={`Colours: ${theme.value}. Change to ${NEXT[theme.value]}`} title={`Colours: ${theme.value}`} onClick={() => setTheme(NEXT[theme.value])}>
        <Icon name={THEME_ICON[theme.value]} />
      </button>
    </header>
  );
}
