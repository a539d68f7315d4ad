// useQuery asks the API now, again every so often, and at once when the question changes.
// The earlier answer stays while the next one is under way, so that nothing jumps; an error stands beside it.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, url, type Params } from "./api";

// Rises when everything has to be asked again: another role.
export const everything = signal(0);

export interface Answer<T> {
  data: T | null;
  error: ApiError | null;
  loading: boolean; // the first answer, or that to a changed question, isn't here yet
  at: number; // when data came, seconds since 1970; 0: never
  reload: () => void;
}

// path null: nothing is asked. `params` is called for each question, so that from/to move on; `key` names what it
// depends on besides time. `every`: seconds; 0: once. Nothing is asked while the tab is hidden.
export function useQuery<T>(path: string | null, params: () => Params, key: string, every: number): Answer<T> {
  const [state, set] = useState<Omit<Answer<T>, "reload">>({ data: null, error: null, loading: path !== null, at: 0 });
  const [turn, again] = useState(0);
  const round = everything.value;
  const latest = useRef(params);
  latest.current = params;

  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let due = false;
    const run = async (): Promise<void> => {
      due = false;
      try {
        const data = await get<T>(path, latest.current(), abort.signal);
        set({ data, error: null, loading: false, at: Date.now() / 1000 });
      } catch (error) {
        if (abort.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(0, "Not understood", String(error));
        set((old) => ({ ...old, error: told, loading: false }));
      }
      if (every > 0 && !abort.signal.aborted) timer = setTimeout(next, every * 1000);
    };
    const next = (): void => {
      if (document.visibilityState === "visible") void run();
      else due = true;
    };
    const shown = (): void => {
      if (due && document.visibilityState === "visible") void run();
    };
    set((old) => ({ ...old, loading: true }));
    void run();
    document.addEventListener("visibilitychange", shown);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [path, key, every, turn, round]);

  return { ...state, reload: () => again((n) => n + 1) };
}

// The address a query asks, for "CSV" and "JSON" links.
export const addressOf = (path: string, params: Params): string => url(path, params);
