// Builds a program of the workspace, and tells where it is.

import { spawn } from "node:child_process";
import { resolve } from "node:path";

// Tests run in the package's folder; addresses of modules are no paths in a page of jsdom.
const WORKSPACE = resolve(process.cwd(), "../..");

/** Builds what `args` name (one binary or example); gives the path of the program. */
export async function cargo(args: readonly string[]): Promise<string> {
  const build = spawn("cargo", ["build", "--quiet", "--message-format=json", ...args], {
    cwd: WORKSPACE,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  build.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((done, failed) => {
    build.on("error", failed).on("close", done);
  });
  if (code !== 0) {
    throw new Error(`cargo build ${args.join(" ")} failed`);
  }
  const messages = output.split("\n").filter((line) => line.startsWith("{"));
  const programs = messages
    .map((line) => (JSON.parse(line) as { executable?: string | null }).executable)
    .filter((path) => typeof path === "string");
  const program = programs.at(-1);
  if (program === undefined) {
    throw new Error(`cargo build ${args.join(" ")} made no program`);
  }
  return program;
}
