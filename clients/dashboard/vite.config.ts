// Builds dist/: the page, its script and stylesheet, what some pages bring along when they are
// opened, and the worker that serves all of it offline.
//
// The client comes from its sources beside this folder, so that no step of its own has to come
// first. The same sources give the same bytes, wherever and whenever they are built.

import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const client = (path: string): string =>
  fileURLToPath(new URL(`../typescript/src/${path}`, import.meta.url));

/** Where a hub runs while one works on the page: `npm run dev`. */
const HUB = process.env["SYNCLINE_URL"] ?? "http://127.0.0.1:7962";

/** Names in the page what comes later: for the worker, which keeps it for when the hub is away. */
const namesWhatComesLater: Plugin = {
  name: "names-what-comes-later",
  transformIndexHtml: {
    order: "post",
    handler(html, { bundle = {} }) {
      const assets = Object.values(bundle).filter(({ fileName }) => /\.(?:js|css)$/.test(fileName));
      const paths = assets.map(({ fileName }) => `/${fileName}`).sort();
      const later = paths.filter((path) => !html.includes(path) && path !== "/assets/worker.js");
      return later.map((content) => ({
        tag: "meta",
        attrs: { name: "later", content },
        injectTo: "head",
      }));
    },
  },
};

export default defineConfig({
  plugins: [namesWhatComesLater],
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
      "/hub": { target: HUB, changeOrigin: true },
      "/ws": { target: HUB, ws: true, changeOrigin: true },
    },
  },
});
