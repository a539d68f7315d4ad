// A number with its unit small, a change in words and colour, a filled bar.
import { NONE, change, type Figure as Parts } from "../format";

export function Figure({ parts }: { parts: Parts }) {
  return (
    <span class="live-figure">
      {parts.value}
      {parts.unit !== "" && <span class="unit">{parts.unit}</span>}
    </span>
  );
}

// `rising`: whether more is good, bad, or neither; only then is it coloured.
export function Delta({ now, before, rising = "neither" }: { now: number | null; before: number | null; rising?: "good" | "bad" | "neither" }) {
  const by = change(now, before);
  if (!by) return <span>{NONE}</span>;
  const good = rising === "neither" || Math.abs(by.by) < 0.1 ? "" : by.by > 0 === (rising === "good") ? "good" : "bad";
  return <span class={`delta ${good}`}>{by.text}</span>;
}

// share: 0 to 1.
export function Meter({ share, tone = "idle", label }: { share: number | null; tone?: string; label: string }) {
  const part = Math.min(1, Math.max(0, share ?? 0));
  return (
    <span class={`meter c-${tone}`} role="img" aria-label={label}>
      <span style={{ width: `${(part * 100).toFixed(1)}%` }} />
    </span>
  );
}
