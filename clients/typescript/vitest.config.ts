// Tests run from the sources; those that need a page ask for one by a comment of their own.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      "#websocket": source("src/websocket-node.ts"),
    },
  },
  test: {
    globalSetup: ["test/setup.ts"],
    include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
    testTimeout: 30_000,
    // A cold build of the hub takes its time.
    hookTimeout: 1_800_000,
  },
});
