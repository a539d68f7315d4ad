// Which rows of a long list are worth drawing: those in sight and a few around them. Rows are of equal height.
export interface RowWindow {
  first: number;
  end: number; // one behind the last
  above: number; // px that rows before `first` would take
  below: number;
}

export function rowWindow(count: number, rowHeight: number, scrolled: number, height: number, around = 8): RowWindow {
  const first = Math.max(0, Math.min(count, Math.floor(scrolled / rowHeight) - around));
  const end = Math.max(first, Math.min(count, Math.ceil((scrolled + height) / rowHeight) + around));
  return { first, end, above: first * rowHeight, below: (count - end) * rowHeight };
}

// Where to scroll so that a row is in sight, moving as little as possible.
export function scrollToShow(row: number, rowHeight: number, scrolled: number, height: number, header = 0): number {
  const top = row * rowHeight;
  if (top < scrolled) return top;
  if (top + rowHeight > scrolled + height - header) return top + rowHeight - height + header;
  return scrolled;
}
