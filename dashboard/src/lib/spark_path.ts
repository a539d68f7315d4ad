// Paths of small lines without axes, `width` × `height` units, from 0 at the bottom to `most` at the top; null is a gap.
// A list shorter than `length` begins further right: the width is time.

export interface SparkPath {
  line: string;
  area: string;
}

export function sparkPath(values: readonly (number | null)[], most: number, length: number, width: number, height: number): SparkPath {
  const first = length - values.length;
  const x = (i: number): string => (((first + i) / Math.max(1, length - 1)) * width).toFixed(1);
  const y = (value: number): string => (height - 1 - (Math.min(value, most) / (most || 1)) * (height - 3)).toFixed(1);
  let line = "";
  let area = "";
  let begun = -1;
  values.forEach((value, i) => {
    if (value !== null) {
      line += `${begun < 0 ? "M" : "L"}${x(i)} ${y(value)}`;
      area += begun < 0 ? `M${x(i)} ${height}L${x(i)} ${y(value)}` : `L${x(i)} ${y(value)}`;
      if (begun < 0) begun = i;
    }
    const last = value === null ? i - 1 : i;
    if (begun >= 0 && (value === null || i === values.length - 1)) {
      area += `L${x(last)} ${height}Z`;
      begun = -1;
    }
  });
  return { line, area };
}
