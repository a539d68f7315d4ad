// A small line without axes; null is a gap. Decorative: the figure and its words stand beside it.
interface Props {
  values: readonly (number | null)[];
  t?: readonly number[]; // when each was; else they are evenly apart
  token?: string;
  floor?: number; // where the scale begins; else so that a tenth of the value is a fair part of the height
}

const W = 200;
const H = 40;

export function path(values: readonly (number | null)[], floor?: number, t?: readonly number[]): { line: string; area: string } {
  const known = values.filter((v): v is number => v !== null);
  if (known.length < 2) return { line: "", area: "" };
  const high = Math.max(...known);
  const low = floor ?? Math.min(high * 0.7, ...known);
  const span = high - low || 1;
  const at = (i: number): number => t?.[i] ?? i;
  const wide = at(values.length - 1) - at(0) || 1;
  const x = (i: number): string => (((at(i) - at(0)) / wide) * W).toFixed(1);
  // What never moved is in the middle, except where it is nothing at all.
  const y = (v: number): string => (high === low ? (v === floor ? H - 1 : H / 2) : H - 2 - ((v - low) / span) * (H - 6)).toFixed(1);
  let line = "";
  let area = "";
  let from = -1;
  values.forEach((v, i) => {
    if (v !== null) {
      line += `${from < 0 ? "M" : "L"}${x(i)} ${y(v)}`;
      if (from < 0) {
        from = i;
        area += `M${x(i)} ${H}`;
      }
      area += `L${x(i)} ${y(v)}`;
    }
    if (from >= 0 && (v === null || i === values.length - 1)) {
      area += `L${x(v === null ? i - 1 : i)} ${H}Z`;
      from = -1;
    }
  });
  return { line, area };
}

export function Sparkline({ values, t, token = "--series-1", floor }: Props) {
  const { line, area } = path(values, floor, t);
  return (
    <div class="spark" aria-hidden="true">
      <svg viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" style={{ color: `var(${token})` }}>
        <path d={area} fill="currentColor" opacity="0.13" />
        <path d={line} fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" stroke-linejoin="round" />
      </svg>
    </div>
  );
}
