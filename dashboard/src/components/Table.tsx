// A real table: sortable, with a caption for who can't see it, scrollable sideways by keyboard, copyable.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { count } from "../format";
import { CopyButton } from "./CopyButton";
import { Help } from "./Help";
import type { IconName } from "./Icon";
import { Empty } from "./Told";

export interface Column<T> {
  key: string;
  title: string;
  help?: ComponentChildren;
  value: (row: T) => string | number | null; // what is sorted and copied
  cell?: (row: T) => ComponentChildren; // what is shown; else value
  number?: boolean; // at the right, sorts downwards first
}

interface Props<T> {
  caption: string;
  columns: readonly Column<T>[]; // the first one is the row's header
  rows: readonly T[];
  id: (row: T) => string;
  sort?: { key: string; down: boolean };
  empty: ComponentChildren;
  emptyIcon?: IconName; // "check" where nothing is good news
  most?: number; // rows shown before "show all"
  copy?: boolean;
  tall?: boolean; // scrolls within 420 px
  rowClass?: (row: T) => string | undefined;
  foot?: ComponentChildren;
}

function ordered<T>(rows: readonly T[], column: Column<T> | undefined, down: boolean): readonly T[] {
  if (!column) return rows;
  const sign = down ? -1 : 1;
  // What isn't known is last either way.
  return [...rows].sort((a, b) => {
    const x = column.value(a);
    const y = column.value(b);
    if (x === null || y === null) return (x === null ? 1 : 0) - (y === null ? 1 : 0);
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y), "en", { numeric: true });
  });
}

export function asText<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const line = (cells: readonly (string | number | null)[]): string => cells.map((c) => c ?? "").join("\t");
  return [line(columns.map((c) => c.title)), ...rows.map((r) => line(columns.map((c) => c.value(r))))].join("\n");
}

export function Table<T>({ caption, columns, rows, id, sort, empty, emptyIcon, most = 100, copy, tall, rowClass, foot }: Props<T>) {
  const [by, setBy] = useState(sort ?? null);
  const [all, showAll] = useState(false);
  if (rows.length === 0) return <Empty icon={emptyIcon}>{empty}</Empty>;
  const sorted = ordered(rows, columns.find((c) => c.key === by?.key), by?.down ?? false);
  const shown = all ? sorted : sorted.slice(0, most);
  const turn = (c: Column<T>): void => setBy({ key: c.key, down: by?.key === c.key ? !by.down : c.number === true });
  return (
    <>
      <div class={tall ? "table-wrap tall" : "table-wrap"} tabIndex={0} role="group" aria-label={caption}>
        <table>
          <caption class="hidden-text">{caption}</caption>
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c.key} scope="col" class={c.number ? "n" : undefined} aria-sort={by?.key === c.key ? (by.down ? "descending" : "ascending") : undefined}>
                  <button type="button" class="sort" onClick={() => turn(c)}>
                    {c.title}
                    <svg viewBox="0 0 10 10" fill="currentColor" aria-hidden="true">
                      <path d={by?.key === c.key && !by.down ? "M5 1.5L9 8.5H1z" : "M5 8.5L1 1.5h8z"} />
                    </svg>
                  </button>
                  {c.help && <Help about={c.title}>{c.help}</Help>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={id(row)} class={rowClass?.(row)}>
                {columns.map((c, i) => {
                  const content = c.cell ? c.cell(row) : c.value(row);
                  return i === 0 ? (
                    <th key={c.key} scope="row">{content}</th>
                  ) : (
                    <td key={c.key} class={c.number ? "n" : undefined}>{content}</td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {(copy || foot || sorted.length > most) && (
        <div class="table-foot">
          {sorted.length > most && (
            <button type="button" class="button tiny" onClick={() => showAll(!all)}>
              {all ? `Show the first ${count(most)}` : `Show all ${count(sorted.length)}`}
            </button>
          )}
          <span class="grow">{foot}</span>
          {copy && <CopyButton text={() => asText(columns, sorted)} />}
        </div>
      )}
    </>
  );
}
