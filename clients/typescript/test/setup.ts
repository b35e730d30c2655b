// Builds the package once, for the tests that look at what is built.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export function setup(): void {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  execFileSync(process.execPath, ["scripts/build.js"], { cwd, stdio: "inherit" });
}
