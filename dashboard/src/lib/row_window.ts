// Which rows of a long list are worth drawing: those in sight and some around them. Rows may differ in height.

// Where each row begins, in px, and at last where the list ends.
export function rowOffsets(heights: readonly number[]): Float64Array {
  const offsets = new Float64Array(heights.length + 1);
  for (let row = 0; row < heights.length; row++) offsets[row + 1] = offsets[row] + heights[row];
  return offsets;
}

// The row that a place is in; 0 above the list, the last one below it.
export function rowAt(offsets: Float64Array, place: number): number {
  let low = 0;
  let high = offsets.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= place) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

export interface RowWindow {
  first: number;
  end: number; // one behind the last
  above: number; // px that rows before `first` would take
  below: number;
}

export function rowWindow(offsets: Float64Array, scrolled: number, height: number, around = 300): RowWindow {
  const count = offsets.length - 1;
  if (count <= 0) return { first: 0, end: 0, above: 0, below: 0 };
  const first = rowAt(offsets, scrolled - around);
  const end = rowAt(offsets, scrolled + height + around) + 1;
  return { first, end, above: offsets[first], below: offsets[count] - offsets[end] };
}

// Where to scroll so that a row is in sight, moving as little as possible. `header`: px at the top that hide rows.
export function scrollToShow(offsets: Float64Array, row: number, scrolled: number, height: number, header = 0): number {
  if (offsets[row] < scrolled) return offsets[row];
  return Math.max(scrolled, offsets[row + 1] - (height - header));
}
