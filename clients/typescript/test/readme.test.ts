// Every snippet of the README: type-checked as it stands, and run against the real hub.

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../src/index.js";
import { Program } from "./program.js";

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
/** Within the package, so that its own name leads to what was built. */
const FOLDER = fileURLToPath(new URL(".readme", import.meta.url));

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const CODE = snippets();

interface Snippet {
  readonly title: string;
  readonly kind: string;
  readonly code: string;
}

function snippets(): Snippet[] {
  const found: Snippet[] = [];
  let heading = "";
  const parts = README.matchAll(/^## (.*)$|^```(tsx?)\n([\s\S]*?)^```$/gm);
  for (const [, title, kind = "", code = ""] of parts) {
    heading = title ?? heading;
    if (title === undefined) {
      found.push({ title: heading, kind, code });
    }
  }
  return found;
}

const TSCONFIG = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    rootDir: ".",
    noEmit: true,
    jsx: "react-jsx",
    skipLibCheck: true,
    paths: {},
  },
  include: ["*.ts", "*.tsx"],
  exclude: [],
};

let hub: Program;

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/tsconfig.json`, JSON.stringify(TSCONFIG));
  hub = await Program.build();
  await hub.start();
  await hub.call("POST", "/spaces", { name: "home" });
});

afterAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  await hub.remove();
});

describe("the README", () => {
  test("has snippets", () => {
    expect(CODE.length).toBeGreaterThanOrEqual(7);
  });

  test("its snippets type-check", async () => {
    for (const [at, { kind, code }] of CODE.entries()) {
      writeFileSync(`${FOLDER}/snippet${at}.${kind}`, code);
    }
    const tsc = `${PACKAGE}/node_modules/typescript/bin/tsc`;
    const checked = await run(process.execPath, [tsc], { cwd: FOLDER }).catch((failed) => failed);
    expect(checked.stdout).toBe("");
  });

  test.each(CODE.map(({ title, kind, code }) => [title, kind, code] as const))(
    "its snippet on %s runs (%s)",
    async (_, kind, code) => {
      const real = code
        .replaceAll("http://127.0.0.1:7962", hub.url)
        .replaceAll("sl_...", hub.token);
      const jsx = "automatic";
      const loader = kind === "tsx" ? "tsx" : "ts";
      const js = await transform(real, { loader, format: "esm", jsx });
      const file = `${FOLDER}/snippet.mjs`;
      writeFileSync(file, js.code);
      if (kind === "ts") {
        const { stderr } = await run(process.execPath, [file], { cwd: FOLDER, timeout: 20_000 });
        expect(stderr).toBe("");
        return;
      }
      const { renderToString } = await import("react-dom/server");
      const { createElement } = await import("react");
      const { createApp } = (await import(/* @vite-ignore */ file)) as {
        createApp: (client: unknown) => () => never;
      };
      const client = await connect({ url: hub.url, token: hub.token, store: false });
      client.space("home").put("todos", "z", { text: "drawn", done: true });
      expect(renderToString(createElement(createApp(client)))).toContain("drawn");
      await client.close();
    },
  );
});
