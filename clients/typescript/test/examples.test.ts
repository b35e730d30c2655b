// @vitest-environment jsdom
// The examples, run as their first lines say, against the real hub.

import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../src/index.js";
import { until } from "./hub.js";
import { Program } from "./program.js";

const run = promisify(execFile);
// In a page of jsdom, addresses of files are not what they are in Node.
const PACKAGE = process.cwd();

let hub: Program;

beforeAll(async () => {
  hub = await Program.build({ SYNCLINE_HTTP__ALLOWED_ORIGINS: window.origin });
  await hub.start();
  await hub.call("POST", "/spaces", { name: "home" });
});

afterAll(async () => {
  await hub.remove();
});

describe("examples", () => {
  test("the script counts its runs", async () => {
    const env = { ...process.env, SYNCLINE_URL: hub.url, SYNCLINE_TOKEN: hub.token };
    const script = () => run(process.execPath, ["examples/node.js"], { cwd: PACKAGE, env });
    expect((await script()).stdout).toContain("example: 1 runs");
    expect((await script()).stdout).toContain("example: 2 runs");
  });

  test("the page adds, checks, deletes, and shows what others do", async () => {
    const html = readFileSync(join(PACKAGE, "examples/todo.html"), "utf8");
    const [, script = ""] = /<script type="module">([\s\S]*?)<\/script>/.exec(html) ?? [];
    document.body.innerHTML = /<body>([\s\S]*?)<script/.exec(html)?.[1] ?? "";
    localStorage.setItem("url", hub.url);
    localStorage.setItem("token", hub.token);
    const module = join(PACKAGE, "examples/.todo.test.js");
    writeFileSync(module, script);
    try {
      await import(module);
    } finally {
      rmSync(module);
    }
    const { openWebSocket } = await import("../src/websocket-node.js");
    const other = await connect({
      url: hub.url,
      token: hub.token,
      store: false,
      environment: { openWebSocket, openChannel: undefined, indexedDB: undefined },
    });
    const todos = other.space("home").collection<{ text: string; done: boolean }>("todos");
    const state = () => document.querySelector("#state")?.textContent ?? "";
    await until(() => state().startsWith("live"), "the page to connect");

    const input = document.querySelector<HTMLInputElement>("#text");
    const form = document.querySelector<HTMLFormElement>("#add");
    if (input === null || form === null) {
      throw new Error("the page lacks its form");
    }
    input.value = "<b>buy milk</b>";
    form.dispatchEvent(new Event("submit", { cancelable: true }));
    await until(() => todos.list().length === 1, "the other device to see it");
    expect(todos.list()[0]?.value).toEqual({ text: "<b>buy milk</b>", done: false });
    expect(document.querySelector("#list b"), "texts are shown as texts").toBeNull();

    document.querySelector<HTMLInputElement>("#list input")?.click();
    await until(() => todos.list()[0]?.value.done === true, "the check");
    todos.put("a", { text: "from afar", done: false });
    const shown = () => document.querySelector("#list")?.textContent ?? "";
    await until(() => shown().includes("from afar"), "the page to show it");
    other.space("home").showPresence("there");
    await until(() => state().includes("1 other device"), "the other device to be shown");
    document.querySelector<HTMLButtonElement>("#list button")?.click();
    await until(() => todos.list().length === 1, "the delete");
    await other.close();
  });
});
