// Tests run a real browser on a real hub: one file after the other, so that none slows another's.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const client = (path: string): string =>
  fileURLToPath(new URL(`../typescript/src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      syncline: client("index.ts"),
      "#websocket": client("websocket-node.ts"),
    },
  },
  test: {
    include: ["test/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    // A cold build of the hub takes its time.
    hookTimeout: 1_800_000,
  },
});
