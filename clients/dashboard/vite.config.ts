// Builds dist/: the page, one script, one stylesheet, and the worker that serves them offline.
//
// The client comes from its sources beside this folder, so that no step of its own has to come
// first. The same sources give the same bytes, wherever and whenever they are built.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const client = (path: string): string =>
  fileURLToPath(new URL(`../typescript/src/${path}`, import.meta.url));

/** Where a hub runs while one works on the page: `npm run dev`. */
const HUB = process.env["SYNCLINE_URL"] ?? "http://127.0.0.1:7962";

export default defineConfig({
  resolve: {
    alias: {
      "syncline/react": client("react.ts"),
      syncline: client("index.ts"),
      "#websocket": client("websocket.ts"),
    },
    dedupe: ["react", "react-dom"],
  },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", worker: "src/worker.ts" },
      output: {
        entryFileNames: ({ name }) =>
          name === "worker" ? "assets/worker.js" : "assets/[name]-[hash].js",
      },
    },
  },
  server: {
    proxy: {
      "/hub": { target: HUB },
      "/ws": { target: HUB, ws: true },
    },
  },
});
