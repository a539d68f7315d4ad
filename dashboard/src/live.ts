// The stream: a frame each second, what it was for the last minutes, and whether it is still alive.
//
// The newest frame is asked for first (that also says whether a sign-in is needed), then a WebSocket brings the rest.
// Lost: the same again after 1, 2, 4 … 10 s. `age` says how old the figures are; the page never shows old ones as new.
// Bound: MINUTES of samples, one a second, of totals, of services, and of the few backends that were asked for last (of all others
// there is the newest frame only).
import { computed, signal } from "@preact/signals";
import { ApiError, get, url, type Frame, type Latency, type Rates } from "./api";

export type Connection = "connecting" | "open" | "lost";
export interface Sample extends Rates, Latency {
  t: number;
  active: number;
  weight?: number; // of a backend
}

const MINUTES = 6;
const MOST_BACKENDS = 8;
const STALE_S = 3.5;
const PAUSE_S = 3;
const SLOWEST_RETRY_MS = 10_000;

export const frame = signal<Frame | null>(null);
export const connection = signal<Connection>("connecting");
// The server's time, ticking once a second even when no frame comes.
export const now = signal(Date.now() / 1000);
// Rises when seconds may be missing from the samples: at the first frame, after a pause, and when the page is looked at again.
export const holes = signal(0);
const frameAt = signal(0); // performance.now() of the newest frame, in seconds
const tick = signal(0);

// Seconds since the newest frame came; 0 before the first.
export const frameAge = computed(() => (tick.value, frameAt.value === 0 ? 0 : performance.now() / 1000 - frameAt.value));
export const stale = computed(() => frameAt.value !== 0 && frameAge.value > STALE_S);

const totals: Sample[] = [];
const byService = new Map<string, Sample[]>();
const byBackend = new Map<string, Sample[]>(); // the one first asked for longest ago comes first

// Seconds' samples, oldest first: of a service, or of everything (""). Read `frame` beforehand to be called again.
export const samples = (name: string): readonly Sample[] => (name === "" ? totals : (byService.get(name) ?? []));

// The same of a backend ("service/pool/name"), from the first time on that they are asked for.
export function backendSamples(key: string): readonly Sample[] {
  let list = byBackend.get(key);
  if (!list) {
    byBackend.set(key, (list = []));
    const known = frame.peek();
    if (known) keepBackends(known);
    for (const oldest of byBackend.keys()) if (byBackend.size > MOST_BACKENDS) byBackend.delete(oldest);
  }
  return list;
}

function keepBackends(f: Frame): void {
  if (byBackend.size === 0) return;
  for (const one of f.backends) {
    const list = byBackend.get(`${one.service}/${one.pool}/${one.name}`);
    if (list) keep(list, f.t, one);
  }
}

function keep(list: Sample[], t: number, one: Omit<Sample, "t">): void {
  if (list.length > 0 && list[list.length - 1].t >= t) return;
  list.push({ ...one, t });
  if (list.length > MINUTES * 60) list.shift();
}

function receive(next: Frame): void {
  if (next.t - (frame.peek()?.t ?? 0) > PAUSE_S) holes.value += 1;
  keep(totals, next.t, next.totals);
  for (const one of next.services) {
    let list = byService.get(one.name);
    if (!list) byService.set(one.name, (list = []));
    keep(list, next.t, one);
  }
  for (const name of byService.keys()) {
    if (!next.services.some((s) => s.name === name)) byService.delete(name);
  }
  keepBackends(next);
  frameAt.value = performance.now() / 1000;
  now.value = next.t;
  frame.value = next;
}

let socket: WebSocket | null = null;
let retry = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function later(): void {
  connection.value = "lost";
  socket = null;
  const wait = Math.min(SLOWEST_RETRY_MS, 1000 * 2 ** retry) * (0.8 + 0.4 * Math.random());
  retry += 1;
  clearTimeout(timer);
  timer = setTimeout(() => void connect(), wait);
}

function listen(): void {
  const ws = new WebSocket(location.origin.replace(/^http/, "ws") + url("stream"));
  socket = ws;
  ws.onmessage = (event) => {
    if (typeof event.data !== "string" || ws !== socket) return;
    retry = 0;
    connection.value = "open";
    receive(JSON.parse(event.data) as Frame);
  };
  ws.onclose = () => {
    if (ws === socket) later();
  };
}

// Also called by hand ("try again") and after signing in.
export async function connect(): Promise<void> {
  clearTimeout(timer);
  if (socket) {
    const old = socket;
    socket = null;
    old.close();
  }
  try {
    receive(await get<Frame>("stream"));
    listen();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) connection.value = "lost"; // signing in connects again
    else later();
  }
}

export function startLive(): void {
  void connect();
  setInterval(() => {
    tick.value += 1;
    // A second without a frame: the clock goes on by itself.
    if (frameAge.value > 1.2) now.value += 1;
  }, 1000);
  // After sleep or a change of network a dead socket may look alive for minutes.
  const wake = (): void => {
    if (document.visibilityState !== "visible") return;
    holes.value += 1;
    if (stale.value) void connect();
  };
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
}
