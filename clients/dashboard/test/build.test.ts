// What is committed in dist/ is what the sources build, weighs little, and keeps to itself.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** All that a first visit loads, compressed as the hub compresses it. */
const LOADED_BYTES_MAX = 150 * 1000;
/** The same of each page that is fetched when somebody first looks at it. */
const LATER_BYTES_MAX = 40 * 1000;
const DIST = resolve(process.cwd(), "dist");
const SOURCES = resolve(process.cwd(), "src");

let fresh: string;

beforeAll(async () => {
  fresh = mkdtempSync(join(tmpdir(), "syncline-dashboard-"));
  // As a person's `npm run build` does it: the tests' own mode would build something else.
  process.env["NODE_ENV"] = "production";
  await build({ mode: "production", logLevel: "error", build: { outDir: fresh } });
});

afterAll(() => {
  rmSync(fresh, { recursive: true, force: true });
});

function filesOf(folder: string): Map<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
  return new Map(paths.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
}

type Weight = readonly [path: string, bytes: number];

/** What the files weigh: those of a first visit, and those that are fetched later. */
function weights(): readonly [loaded: readonly Weight[], later: readonly Weight[]] {
  const files = filesOf(DIST);
  const page = files.get("index.html")?.toString() ?? "";
  const isFirst = (path: string): boolean =>
    path === "index.html" || path === "assets/worker.js" || page.includes(`"/${path}"`);
  const all = [...files].map(([path, bytes]) => [path, gzipSync(bytes).length] as const);
  return [all.filter(([path]) => isFirst(path)), all.filter(([path]) => !isFirst(path))];
}

describe("the built dashboard", () => {
  test("is what the sources build: run `npm run build` and commit dist/", () => {
    const [committed, built] = [filesOf(DIST), filesOf(fresh)];
    expect([...committed.keys()]).toEqual([...built.keys()]);
    for (const [path, bytes] of built) {
      expect(committed.get(path)?.equals(bytes), path).toBe(true);
    }
  });

  test(`loads in at most ${LOADED_BYTES_MAX} bytes`, () => {
    const [loaded, later] = weights();
    const total = loaded.reduce((sum, [, weight]) => sum + weight, 0);
    process.stdout.write(`a first visit loads ${total} bytes\n`);
    expect(loaded.length).toBeGreaterThan(4);
    expect(total, loaded.join("; ")).toBeLessThanOrEqual(LOADED_BYTES_MAX);
    for (const [path, weight] of later) {
      expect(weight, path).toBeLessThanOrEqual(LATER_BYTES_MAX);
    }
  });

  test("has nothing that its own policy forbids", () => {
    const page = filesOf(DIST).get("index.html")?.toString() ?? "";
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
    expect(page.match(/(?:src|href)="([^"]*)"/g)?.filter((it) => !/"\/assets\//.test(it))).toEqual(
      [],
    );
    for (const [path, bytes] of filesOf(SOURCES)) {
      expect(bytes.toString(), path).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|eval\(/);
    }
  });

  test("names no address of a registry", () => {
    expect(readFileSync("package-lock.json", "utf8")).not.toContain('"resolved"');
  });
});
