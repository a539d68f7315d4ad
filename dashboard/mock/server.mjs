// A stand-in for shunt-insight while the page is being made: serves dist/ under the same policy and answers its API with figures that move.
// Not for use: it believes everybody. node mock/server.mjs [--port 8080] [--backends N more]
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { makeAnswers } from "./answers.mjs";

const argument = (name, usual) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? usual : Number(process.argv[at + 1]);
};
const answers = makeAnswers({ scale: argument("--backends", 0) });
const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const json = (response, status, body, headers = {}) => {
  response.writeHead(status, { "content-type": status >= 400 ? "application/problem+json" : "application/json", ...headers });
  response.end(body === undefined ? "" : JSON.stringify(body));
};
const problem = (response, status, title, detail) => json(response, status, { type: "about:blank", title, status, detail });

const body = async (request) => {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
};

async function api(request, response, address) {
  const name = address.pathname.slice("/api/v1/".length);
  const { session } = answers;
  if (request.method === "GET") {
    const call = answers.get[name];
    return call ? json(response, 200, call(Object.fromEntries(address.searchParams))) : problem(response, 404, "No such thing", name);
  }
  if (name === "session") {
    const token = request.method === "POST" ? (await body(request)).token : "";
    if (request.method === "POST" && !["reader", "operator", "admin"].includes(token)) return problem(response, 401, "Not let in", "no such token (this stand-in takes: reader, operator, admin)");
    Object.assign(session, token ? { role: token, signed_in: "you" } : { role: "reader", signed_in: null });
    return json(response, 204);
  }
  if (session.role === "reader") return problem(response, 403, "Not allowed", "this needs the role operator");
  const call = answers.post[name];
  if (call) return json(response, 200, call(await body(request)));
  if (/^anomalies\/\d+\/accept$/.test(name)) return json(response, 204);
  return problem(response, 404, "No such thing", name);
}

async function file(response, path) {
  const wanted = normalize(path).replace(/^(\.\.[/\\])+/, "");
  for (const name of [wanted, "index.html"]) {
    try {
      const text = await readFile(join(dist, name));
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream", "content-security-policy": POLICY, "cache-control": "no-cache" });
      return response.end(text);
    } catch {
      if (wanted.slice(wanted.lastIndexOf("/")).includes(".")) break;
    }
  }
  response.writeHead(404);
  return response.end();
}

const server = createServer((request, response) => {
  const address = new URL(request.url, "http://localhost");
  const done = address.pathname.startsWith("/api/v1/") ? api(request, response, address) : file(response, address.pathname);
  done.catch((error) => {
    console.error(error);
    problem(response, 500, "Mistake in the stand-in", String(error));
  });
});

// RFC 6455, the sending half: text frames, unmasked.
server.on("upgrade", (request, socket) => {
  const key = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
  const send = () => {
    const payload = Buffer.from(JSON.stringify(answers.frame()));
    const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : payload.length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
    if (head.length === 4) head.set([0x81, 126, payload.length >> 8, payload.length & 255]);
    if (head.length === 10) {
      head.set([0x81, 127]);
      head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    socket.write(Buffer.concat([head, payload]));
  };
  const timer = setInterval(send, 1000);
  send();
  socket.on("data", (data) => (data[0] & 15) === 8 && socket.end());
  socket.on("close", () => clearInterval(timer));
  socket.on("error", () => socket.destroy());
});

const port = argument("--port", 8080);
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`));
