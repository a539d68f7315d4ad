import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame } from "../src/api";
import { backendSamples, connect, connection, frame, samples } from "../src/live";
import { info, signIn, startSession } from "../src/session";

// What a browser has: an address, an API that answers or not, sockets, and time that moves when the test says so.
class Socket {
  static made: Socket[] = [];
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    Socket.made.push(this);
  }
  close(): void {}
}
let status = 200;
const waiting: { call: () => void; after: number }[] = [];
const world = globalThis as unknown as Record<string, unknown>;
world.location = { origin: "http://shunt.test" };
world.WebSocket = Socket;
world.setTimeout = (call: () => void, after: number) => waiting.push({ call, after });
world.clearTimeout = () => {};
world.setInterval = () => 0;
world.fetch = async () => {
  if (status === 0) throw new TypeError("refused");
  return status === 200 ? new Response(JSON.stringify(made(1000, ["web"]))) : new Response(JSON.stringify({ title: "Not let in", status, detail: "" }), { status });
};

const made = (t: number, services: string[]): Frame => ({ t, totals: { flows: t }, backends: [], services: services.map((name) => ({ name, flows: t })) }) as unknown as Frame;
const push = (f: Frame): void => Socket.made[Socket.made.length - 1].onmessage?.({ data: JSON.stringify(f) });

test("the first frame is asked for, the rest comes by the socket", async () => {
  await connect();
  assert.equal(frame.value?.t, 1000);
  assert.equal(Socket.made[0].url, "ws://shunt.test/api/v1/stream");
  push(made(1001, ["web"]));
  assert.equal(connection.value, "open");
  assert.equal(frame.value?.t, 1001);
});

test("samples are bounded, one a second, and those of a service that went are let go", () => {
  for (let t = 1002; t < 2000; t++) push(made(t, ["web", "dns"]));
  push(made(1999, ["web", "dns"])); // twice the same second
  assert.equal(samples("").length, 360);
  assert.equal(samples("web")[359].t, 1999);
  push(made(2000, ["web"]));
  assert.equal(samples("dns").length, 0);
});

test("of a backend there are seconds from when they were first asked for, of the eight asked for last", () => {
  const backends = Array.from({ length: 9 }, (_, i) => ({ service: "web", pool: "p", name: `b${i}`, flows: i }));
  const withBackends = (t: number): Frame => ({ ...made(t, ["web"]), backends }) as unknown as Frame;
  push(withBackends(2001));
  assert.deepEqual(backendSamples("web/p/b0").map((s) => s.t), [2001]);
  push(withBackends(2002));
  assert.deepEqual(backendSamples("web/p/b0").map((s) => s.t), [2001, 2002]);
  for (let i = 1; i < 9; i++) backendSamples(`web/p/b${i}`);
  push(withBackends(2003));
  assert.deepEqual(backendSamples("web/p/b8").map((s) => s.flows), [8, 8]);
  assert.deepEqual(backendSamples("web/p/b0").map((s) => s.t), [2003], "let go, and begun again");
});

test("a lost stream is tried again, each time later, up to a bound", async () => {
  status = 0;
  Socket.made[Socket.made.length - 1].onclose?.();
  assert.equal(connection.value, "lost");
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    const next = waiting.pop();
    waits.push(next?.after ?? 0);
    next?.call();
    await new Promise((done) => setImmediate(done));
  }
  assert.ok(waits.every((w) => w <= 12_000), String(waits));
  assert.ok(waits[5] > waits[0]);
  status = 200;
  waiting.pop()?.call();
  await new Promise((done) => setImmediate(done));
  push(made(2100, ["web"]));
  assert.equal(connection.value, "open");
});

test("where a token is needed the dialogue opens, and nothing is tried until it is there", async () => {
  status = 401;
  startSession();
  const before = waiting.length;
  await connect();
  assert.deepEqual(signIn.value, { open: true, needed: true });
  assert.equal(waiting.length, before);
  assert.equal(info.value, null);
});
