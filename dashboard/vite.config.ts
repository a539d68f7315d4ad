// How the page is built: one entry, a chunk for each page, nothing inlined (the server's policy is default-src 'self').
import { defineConfig } from "vite";

const api = process.env.SHUNT_API ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: api, ws: true } } },
});
