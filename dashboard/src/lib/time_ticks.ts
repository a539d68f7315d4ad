// Round times for an axis: about `wanted` of them, at a step that people read easily.
export function timeTicks(from: number, to: number, wanted: number): number[] {
  const steps = [10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
  const step = steps.find((candidate) => (to - from) / candidate <= wanted) ?? 604800;
  const offset = new Date(from * 1000).getTimezoneOffset() * 60;
  const ticks: number[] = [];
  for (let t = Math.ceil((from - offset) / step) * step + offset; t <= to; t += step) ticks.push(t);
  return ticks;
}
