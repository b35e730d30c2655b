// The package as others get it: packed, installed in an empty project, type-checked, run, weighed.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

/** What the library may weigh in a page, minified and compressed, in bytes. */
const BUNDLE_BYTES_MAX = 36 * 1024;

const PROGRAM = `
import { type Client, connect, type StandardSchema } from "syncline";
import { useCollection, useRecord } from "syncline/react";

interface Todo { readonly text: string; readonly done?: boolean }

export async function main(): Promise<void> {
  const client: Client = await connect({ url: "ws://127.0.0.1:9", token: "t", store: false });
  const todos = client.space("home").collection<Todo>("todos");
  todos.put("a", { text: "one" });
  const text: string | undefined = todos.get("a")?.text;
  console.log(text);
  await client.close();
}

export function Todos({ todos }: { todos: ReturnType<ReturnType<Client["space"]>["collection"]> }) {
  const all = useCollection(todos);
  const one = useRecord(todos, "a");
  return all.length + Object.keys(one ?? {}).length;
}

export const wrong = (client: Client, schema: StandardSchema<{ text: string }>) =>
  // @ts-expect-error: a number is no text
  client.space("home").collection("todos", schema).put("a", { text: 1 });

await main();
`;

const TSCONFIG = {
  compilerOptions: {
    target: "ES2023",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: ["node"],
    outDir: "out",
    rootDir: ".",
  },
  include: ["main.ts"],
};

let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "syncline-package-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], {
    cwd: PACKAGE,
  });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf("["))) as { filename: string }[];
  const manifest = { name: "app", version: "1.0.0", private: true, type: "module" };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(project, "main.ts"), PROGRAM);
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(TSCONFIG));
  // The versions that this package is built with; whatever is cached is taken from there.
  const own = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  const also = ["@types/react", "@types/node", "react"].map((name) => {
    return `${name}@${own.devDependencies[name]}`;
  });
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", [...install, `./${packed?.filename}`, ...also], { cwd: project });
});

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

describe("the package", () => {
  test("installs, type-checks and runs in an empty project", async () => {
    const tsc = join(PACKAGE, "node_modules/typescript/bin/tsc");
    const checked = await run(process.execPath, [tsc], { cwd: project }).catch((failed) => failed);
    expect(checked.stdout).toBe("");
    const { stdout } = await run(process.execPath, ["out/main.js"], { cwd: project });
    expect(stdout).toBe("one\n");
  });

  test("holds what it exports, and nothing else", async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json"], { cwd: PACKAGE });
    const [packed] = JSON.parse(stdout.slice(stdout.indexOf("["))) as {
      files: { path: string }[];
    }[];
    const paths = packed?.files.map(({ path }) => path) ?? [];
    expect(paths).toContain("dist/index.d.ts");
    expect(paths).toContain("dist/react.js");
    expect(paths).toContain("dist/syncline.min.js");
    const others = paths.filter((path) => !path.startsWith("dist/"));
    expect(others.sort()).toEqual(["README.md", "package.json"]);
  });

  test(`weighs at most ${BUNDLE_BYTES_MAX} bytes in a page`, () => {
    const bundle = readFileSync(join(PACKAGE, "dist/syncline.min.js"));
    const bytes = gzipSync(bundle, { level: 9 }).length;
    expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES_MAX);
    expect(bundle.includes("node:"), "a page cannot import from Node").toBe(false);
  });

  test("names no address of a registry", () => {
    const lock = readFileSync(join(PACKAGE, "package-lock.json"), "utf8");
    expect(lock).not.toContain('"resolved"');
  });
});
