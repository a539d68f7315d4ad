// Numbers behind a latency heat map: how dark a count is, and what a column says in one figure.

// 0 (nothing) to 1 (the fullest cell). Logarithmic: a count of 1 is still seen beside one of 10,000.
export function shade(count: number, most: number): number {
  if (count <= 0 || most <= 0) return 0;
  if (most <= 1) return 1;
  return 0.15 + 0.85 * (Math.log(count) / Math.log(most));
}

export const highestCount = (counts: readonly (readonly number[])[]): number =>
  counts.reduce((most, column) => column.reduce((highest, count) => Math.max(highest, count), most), 0);

export const columnTotal = (column: readonly number[]): number => column.reduce((sum, count) => sum + count, 0);

// The row that a column's quantile is in; null: an empty column.
export function quantileRow(column: readonly number[], quantile: number): number | null {
  const total = columnTotal(column);
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(total * quantile));
  for (let row = 0; row < column.length; row++) {
    left -= column[row];
    if (left <= 0) return row;
  }
  return column.length - 1;
}

// Rows that are worth drawing: from the lowest that holds anything to the highest, with one empty row on either side.
export function usedRows(counts: readonly (readonly number[])[], rows: number): { first: number; end: number } {
  let first = rows;
  let end = 0;
  for (const column of counts) {
    for (let row = 0; row < rows; row++) {
      if ((column[row] ?? 0) === 0) continue;
      first = Math.min(first, row);
      end = Math.max(end, row + 1);
    }
  }
  if (first >= end) return { first: 0, end: rows };
  return { first: Math.max(0, first - 1), end: Math.min(rows, end + 1) };
}
