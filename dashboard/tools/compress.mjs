// After the build: a .gz beside each file, and what a first visit transfers, held against its budget.
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 100_000; // of everything that the overview loads, compressed
const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");

const files = (dir) =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : path.endsWith(".gz") ? [] : [path];
  });

const sizes = new Map();
for (const path of files(dist)) {
  const packed = gzipSync(readFileSync(path), { level: 9 });
  writeFileSync(path + ".gz", packed);
  sizes.set(relative(dist, path), packed.length);
}

// What index.html names, what those files import, and the overview's own chunks, named in the entry beside its import().
const first = new Set(["index.html"]);
const visit = (name) => {
  const text = readFileSync(join(dist, name), "utf8");
  for (const [other] of sizes) {
    if (first.has(other) || other === "index.html") continue;
    const base = other.split("/").pop();
    const named = name === "index.html" ? text.includes(other) : new RegExp(`(from|import)\\s*"[^"]*${base.replace(/\./g, "\\.")}"`).test(text);
    if (named || (base.startsWith("Overview-") && name !== "index.html")) {
      first.add(other);
      if (other.endsWith(".js")) visit(other);
    }
  }
};
visit("index.html");
// A chunk's style sheet has its name.
const chunk = (name) => name.split("/").pop().replace(/-[\w-]{8}\.\w+$/, "");
const chunks = new Set([...first].filter((name) => name.endsWith(".js")).map(chunk));
for (const name of sizes.keys()) if (name.endsWith(".css") && chunks.has(chunk(name))) first.add(name);

let total = 0;
for (const [name, size] of [...sizes].sort((a, b) => b[1] - a[1])) {
  if (first.has(name)) total += size;
  console.log(`${String(size).padStart(8)} ${first.has(name) ? "first" : "     "} ${name}`);
}
console.log(`${String(total).padStart(8)} bytes of ${BUDGET_BYTES} on the first visit, compressed`);
if (total > BUDGET_BYTES) {
  console.error("compress: the first visit is over its budget");
  process.exit(1);
}
