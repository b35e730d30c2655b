// What is committed in dist/ is what the sources build, weighs little, and keeps to itself.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** All that a first visit loads, compressed as the hub compresses it. */
const LOADED_BYTES_MAX = 150 * 1000;
/** What a page brings along when it is opened. */
const LATER_BYTES_MAX = 30 * 1000;
const LATER = /<meta name="later" content="\/([^"]*)">/g;
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

describe("the built dashboard", () => {
  test("is what the sources build: run `npm run build` and commit dist/", () => {
    const [committed, built] = [filesOf(DIST), filesOf(fresh)];
    expect([...committed.keys()]).toEqual([...built.keys()]);
    for (const [path, bytes] of built) {
      expect(committed.get(path)?.equals(bytes), path).toBe(true);
    }
  });

  test(`loads in at most ${LOADED_BYTES_MAX} bytes`, () => {
    const files = filesOf(DIST);
    const page = files.get("index.html")?.toString() ?? "";
    // What else is named there comes when its page is opened.
    const later = new Set([...page.matchAll(LATER)].map(([, path = ""]) => path));
    const weights = [...files].map(([path, bytes]) => [path, gzipSync(bytes).length] as const);
    const first = weights.filter(([path]) => !later.has(path));
    const total = first.reduce((sum, [, weight]) => sum + weight, 0);
    process.stdout.write(`a first visit loads ${total} bytes\n`);
    expect(first.length).toBeGreaterThan(3);
    expect(total, weights.join("; ")).toBeLessThanOrEqual(LOADED_BYTES_MAX);
    for (const [path, weight] of weights.filter(([path]) => later.has(path))) {
      process.stdout.write(`${path} comes later, with ${weight} bytes\n`);
      expect(weight, path).toBeLessThanOrEqual(LATER_BYTES_MAX);
    }
  });

  test("loads nothing first that is to come later", () => {
    const files = filesOf(DIST);
    const page = files.get("index.html")?.toString() ?? "";
    const entry = /<script[^>]*src="\/([^"]*)"/.exec(page)?.[1] ?? "";
    const imported = files
      .get(entry)
      ?.toString()
      .match(/\bfrom"\.\/[^"]*"|\bimport"\.\/[^"]*"/g);
    expect([...page.matchAll(LATER)]).not.toEqual([]);
    expect(imported, "the page's script imports no other").toBe(null);
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
