// What nodes answered to an action, in words.
import type { Acted } from "../api";

export interface NodeResult {
  node: string;
  ok: boolean;
  text: string;
}

export function nodeResults(acted: Acted): NodeResult[] {
  return acted.nodes.map((one) => {
    const ok = one.status >= 200 && one.status < 300;
    return { node: one.node, ok, text: ok ? doneWords(one.generation) : refusedWords(one.status, one.error) };
  });
}

const doneWords = (generation: number | null): string => (generation === null ? "done" : `done, generation ${generation} runs`);

function refusedWords(status: number, error: string): string {
  const why = error === "" ? "" : `: ${error}`;
  if (status === 0) return `didn't answer${why}`;
  if (status === 401 || status === 403) return `doesn't let insight do that${why}`;
  if (status === 404) return `doesn't know this backend${why}`;
  if (status === 409) return `is busy with another change${why}`;
  return `refused (${status})${why}`;
}

// A weight as typed: 0 to 65535, a whole number.
export function weightOf(text: string): number | null {
  if (!/^\d{1,5}$/.test(text.trim())) return null;
  const weight = Number(text);
  return weight <= 65_535 ? weight : null;
}
