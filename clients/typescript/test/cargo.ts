// Builds a program of the workspace, and tells where it is.

import { spawn } from "node:child_process";
import { join, resolve } from "node:path";

// Tests run in the package's folder; addresses of modules are no paths in a page of jsdom.
const WORKSPACE = resolve(process.cwd(), "../..");

/** One program of a package. */
export interface Named {
  readonly package: string;
  readonly kind: "bin" | "example";
  readonly name: string;
}

/**
 * Builds a program, and gives its path. PROGRAMS names a folder of cargo's where it is built
 * already: the same program beside other packages is another build of all it depends on.
 */
export async function cargo(named: Named): Promise<string> {
  const built = process.env["PROGRAMS"];
  if (built !== undefined) {
    return join(built, named.kind === "bin" ? "." : "examples", named.name);
  }
  const args = ["-p", named.package, `--${named.kind}`, named.name];
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
