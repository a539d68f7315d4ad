// The API as the page uses it: the types of its answers (contract.ts) and one way to ask.
export * from "./contract";
import type { Problem } from "./contract";

// What went wrong, in the server's words where it had some. status 0: no answer at all.
export class ApiError extends Error {
  // errors: one for each part that failed, such as "lb1: no such backend".
  constructor(readonly status: number, readonly title: string, readonly detail: string, readonly errors: readonly string[] = []) {
    super(detail === "" ? title : detail);
  }
}

export type Params = Record<string, string | number | undefined>;

export function url(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") query.set(key, String(value));
  }
  const text = query.toString();
  return `/api/v1/${path}${text === "" ? "" : "?" + text}`;
}

// Called at each 401; session.ts opens the sign-in dialogue.
let onUnauthorized = (): void => {};
export const whenUnauthorized = (call: () => void): void => void (onUnauthorized = call);

async function problem(response: Response): Promise<ApiError> {
  try {
    const p = (await response.json()) as Partial<Problem> & { errors?: unknown };
    const errors = Array.isArray(p.errors) ? p.errors.filter((e) => typeof e === "string") : [];
    return new ApiError(response.status, p.title ?? response.statusText, p.detail ?? "", errors);
  } catch {
    return new ApiError(response.status, response.statusText || `status ${response.status}`, "");
  }
}

async function ask(method: string, address: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      signal,
      credentials: "same-origin",
      headers: body === undefined ? { accept: "application/json" } : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "No answer", "shunt-insight doesn't answer");
  }
  if (response.ok) return response;
  if (response.status === 401) onUnauthorized();
  throw await problem(response);
}

// get<Kpis>("kpis", {window: 300}). Throws ApiError.
export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return (await (await ask("GET", url(path, params), undefined, signal)).json()) as T;
}

// send<Acted>("POST", "drain", {…}); null where the answer has no body. Throws ApiError.
export async function send<T = null>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
  const response = await ask(method, url(path), body ?? {});
  const text = await response.text();
  return (text === "" ? null : JSON.parse(text)) as T;
}
