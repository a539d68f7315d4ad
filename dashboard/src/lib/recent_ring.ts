// RecentRing keeps the newest values of each key, one a frame, for sparklines.
//
// Bound: `length` values for each of `most` keys (what was seen longest ago makes room). NaN: no value in that frame.
interface Ring {
  values: Float32Array;
  newest: number; // number of the frame written last
}

export class RecentRing {
  private readonly rings = new Map<string, Ring>();
  private frame = -1;

  constructor(
    readonly length = 120,
    private readonly most = 4000,
  ) {}

  // A new frame begins: keys that aren't put in it have a gap there.
  next(): void {
    this.frame += 1;
  }

  put(key: string, value: number | null): void {
    let ring = this.rings.get(key);
    if (!ring) {
      if (this.rings.size >= this.most) this.forgetOldest();
      this.rings.set(key, (ring = { values: new Float32Array(this.length).fill(NaN), newest: this.frame }));
    }
    const missing = Math.min(this.frame - ring.newest - 1, this.length);
    for (let missed = 1; missed <= missing; missed++) ring.values[(ring.newest + missed) % this.length] = NaN;
    ring.values[this.frame % this.length] = value ?? NaN;
    ring.newest = this.frame;
  }

  // Oldest first, at most `length`, from the first frame on.
  values(key: string): number[] {
    const ring = this.rings.get(key);
    if (!ring) return [];
    const count = Math.min(this.length, this.frame + 1);
    const values: number[] = [];
    for (let frame = this.frame - count + 1; frame <= this.frame; frame++) {
      const known = frame <= ring.newest && frame > ring.newest - this.length;
      values.push(known ? ring.values[frame % this.length] : NaN);
    }
    return values;
  }

  private forgetOldest(): void {
    let oldest: string | null = null;
    let frame = Infinity;
    for (const [key, ring] of this.rings) if (ring.newest < frame) [oldest, frame] = [key, ring.newest];
    if (oldest !== null) this.rings.delete(oldest);
  }
}

// What came over the stream begins at `first`; what the warehouse had ends some seconds before, as it is behind. No line is broken
// for that: the seconds between are drawn straight. A longer silence is a gap.
const BEHIND_S = 10;
export function joined(values: (number | null)[], first: number): (number | null)[] {
  let last = first - 1;
  while (last >= 0 && values[last] === null) last -= 1;
  const from = values[last] ?? null;
  const to = values[first] ?? null;
  if (last < 0 || first - last > BEHIND_S || from === null || to === null) return values;
  return values.map((value, i) => (i > last && i < first ? from + ((to - from) * (i - last)) / (first - last) : value));
}
