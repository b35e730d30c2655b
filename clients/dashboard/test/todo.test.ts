// The shared to-do list of the TypeScript client in two browsers, with the hub stopped in between:
// both go on, and in the end both show everything that either wrote.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import { openBrowser, openContext, pause, until } from "./browser.js";

const CLIENT = resolve(process.cwd(), "../typescript");
const STOPPED_MS = 10_000;

let hub: Program;
let server: ChildProcess;
let browser: Browser;
let pages: readonly Page[];

beforeAll(async () => {
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  hub = await Program.build({ SYNCLINE_HTTP__ALLOWED_ORIGINS: origin });
  await hub.start();
  await hub.call("POST", "/spaces", { name: "home" });
  const env = { ...process.env, PORT: String(port) };
  server = spawn(process.execPath, ["examples/serve.js"], { cwd: CLIENT, env });
  if (server.stdout !== null) {
    await once(server.stdout, "data");
  }
  browser = await openBrowser();
  pages = await Promise.all([openTodo(origin), openTodo(origin)]);
});

afterAll(async () => {
  await browser?.close();
  server?.kill();
  await hub?.remove();
});

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The page in a browser of its own, connected. */
async function openTodo(origin: string): Promise<Page> {
  const { context } = await openContext(browser, origin);
  const page = await context.newPage();
  await page.goto("/examples/todo.html");
  await page.locator("#url").fill(hub.url);
  await page.locator("#token").fill(hub.token);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.locator("#state", { hasText: /^live/ }).waitFor();
  return page;
}

async function add(page: Page, text: string): Promise<void> {
  await page.locator("#text").fill(text);
  await page.getByRole("button", { name: "Add" }).click();
  await item(page, text).waitFor();
}

function item(page: Page, text: string) {
  return page.locator("#list li").filter({ has: page.getByText(text, { exact: true }) });
}

/** What a page shows: the texts, and whether each is done. */
function shown(page: Page): Promise<readonly string[]> {
  return page.locator("#list li").evaluateAll((items) =>
    items.map((each) => {
      const isDone = each.querySelector("input")?.checked === true;
      return `${isDone ? "done" : "open"}: ${each.querySelector("span")?.textContent}`;
    }),
  );
}

describe("two shared to-do pages", () => {
  test("converge after the hub was stopped for ten seconds, and lose nothing", async () => {
    const [ann, bob] = pages;
    if (ann === undefined || bob === undefined) {
      throw new Error("there are two pages");
    }
    await add(ann, "ann's first");
    await add(bob, "bob's first");
    await add(ann, "to be deleted");
    await item(bob, "ann's first").waitFor();
    await item(bob, "to be deleted").waitFor();

    await hub.kill();
    const stoppedAt = performance.now();
    for (const [page, name] of [
      [ann, "ann"],
      [bob, "bob"],
    ] as const) {
      await page.locator("#state", { hasText: /^(offline|connecting)/ }).waitFor();
      for (let number = 1; number <= 5; number += 1) {
        await add(page, `${name}'s offline ${number}`);
      }
    }
    await item(ann, "bob's first").getByRole("checkbox").check();
    await item(bob, "to be deleted").getByRole("button", { name: "Delete" }).click();
    // What was written offline stays over a reload of the page, which is not the hub's own.
    await bob.reload();
    await item(bob, "bob's offline 5").waitFor();
    await pause(Math.max(STOPPED_MS - (performance.now() - stoppedAt), 0));
    await hub.start();

    const wanted = [
      "open: ann's first",
      "done: bob's first",
      ...["ann", "bob"].flatMap((name) =>
        [1, 2, 3, 4, 5].map((number) => `open: ${name}'s offline ${number}`),
      ),
    ].sort();
    const isEqual = async (page: Page): Promise<boolean> =>
      JSON.stringify([...(await shown(page))].sort()) === JSON.stringify(wanted);
    await until(async () => (await isEqual(ann)) && (await isEqual(bob)), "both to show all of it");
    expect(await shown(ann), "in the same order").toEqual(await shown(bob));
    expect(await fromHub(), "and so has the hub").toHaveLength(wanted.length);
  });
});

async function fromHub(): Promise<readonly unknown[]> {
  const path = "/spaces/home/collections/todos/records";
  return ((await hub.call("GET", path)) as { items: unknown[] }).items;
}
