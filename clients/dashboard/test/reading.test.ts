// A reader's day: a device registers and turns pages, and the page Reading shows it, sets it right,
// and shuts devices out. A real browser, a real hub, a device that is plain HTTP.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import { type Faults, openBrowser, openContext, standing, until } from "./browser.js";
import { Device } from "./device.js";

const WALDEN = "0b229176d4e8db7f6d2b5a4952368d7a";
const OTHER = "ffeeddccbbaa99887766554433221100";
const ALONE = "00112233445566778899aabbccddeeff";
const ROUTES = "/gateways/koreader";

let hub: Program;
let browser: Browser;
let faults: Faults;
let page: Page;
let kobo: Device;
let kindle: Device;

beforeAll(async () => {
  hub = await Program.build();
  await hub.start();
  kobo = new Device(hub.url, "Kobo", "alice", "correct horse");
  kindle = new Device(hub.url, "Kindle", "alice", "correct horse");
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  await hub?.remove();
});

function bar(title: string, on: Page | Locator = page): Locator {
  return on.getByRole("progressbar", { name: `Progress in ${title}` });
}

/** Waits until a bar stands there, without the page being loaded anew. */
async function stands(title: string, value: string): Promise<void> {
  await until(
    async () => (await bar(title).first().getAttribute("aria-valuenow")) === value,
    value,
  );
}

async function press(name: string, on: Page | Locator = page): Promise<void> {
  await on.getByRole("button", { name, exact: true }).click();
}

async function bookOf(document: string): Promise<void> {
  await page.goto(`/#/reading/alice/books/${document}`);
  await page.getByRole("heading", { name: "History" }).waitFor();
}

describe("reading", () => {
  test("a device registers, and its owner is told how to connect", async () => {
    expect(await kobo.register()).toBe(201);
    // Whoever registers on a device has a key alone: an admin gives a password for these pages.
    await hub.call("PUT", "/users/alice/password", { password: "correct horse" });
    const opened = await openContext(browser, hub.url);
    faults = opened.faults;
    page = await opened.context.newPage();
    await page.goto("/#/reading");
    await page.getByRole("tab", { name: "Name and password" }).click();
    await page.getByLabel("Name").fill("alice");
    await page.getByLabel("Password").fill("correct horse");
    await press("Log in");
    await standing(page, "Live");
    await page.getByText("You have no book here yet").waitFor();
    expect(await page.locator(".address code").innerText()).toBe(hub.url);
    const { rejects } = (await hub.call("GET", "/overview")) as { rejects: Record<string, number> };
    expect(rejects["unknown_space"] ?? 0, "waiting for a book is no refusal").toBe(0);
  });

  test("the first page brings the book, and each page moves its bar", async () => {
    await kobo.push(WALDEN, 0.125, { title: "Walden", authors: "Henry David Thoreau" });
    await stands("Walden", "12.5");
    await page.evaluate(() => {
      document.body.dataset["mark"] = "loaded once";
    });
    await kobo.push(WALDEN, 0.25);
    await stands("Walden", "25");
    await kindle.push(WALDEN, 0.5);
    await stands("Walden", "50");
    await page.getByRole("row").filter({ hasText: "Kindle" }).getByText("now").waitFor();
    expect(await page.evaluate(() => document.body.dataset["mark"])).toBe("loaded once");
  });

  test("what was read last stands first, and a search finds the rest", async () => {
    await kobo.push(ALONE, 0.995);
    await page.getByText("2 books, 1 read to the end.").waitFor();
    const first = page.getByRole("table").getByRole("row").nth(1);
    await first.getByText("Document 00112233").waitFor();
    await page.getByLabel("Find books").fill("thoreau");
    await first.getByText("Walden").waitFor();
    await page.getByLabel("Find books").fill("");
  });

  test("a position that is restored is what the next pull returns", async () => {
    await bookOf(WALDEN);
    expect(await kobo.pull(WALDEN)).toMatchObject({ percentage: 0.5, device: "Kindle" });
    await page.getByRole("button", { name: "Restore 25% of" }).click();
    await stands("Walden", "25");
    const pulled = await kobo.pull(WALDEN);
    expect(pulled).toMatchObject({ percentage: 0.25, device: "Syncline" });
    expect(pulled.progress).toContain("DocFragment[25]");
    // The history tells of it, and the way back is there.
    await page.getByText("restored", { exact: true }).waitFor();
    await press("Undo");
    await stands("Walden", "50");
    expect(await kobo.pull(WALDEN)).toMatchObject({ percentage: 0.5 });
  });

  test("the history follows pages that are turned", async () => {
    const rows = page.getByRole("table", { name: "History" }).getByRole("row");
    const before = await rows.count();
    await kindle.push(WALDEN, 0.625);
    await until(async () => (await rows.count()) === before + 1, "the new position");
    await page.getByRole("progressbar", { name: "Progress on Kobo" }).waitFor();
  });

  test("a title is set, and stays when pages are turned", async () => {
    await bookOf(ALONE);
    await press("Set title");
    await page.getByRole("textbox", { name: "Title" }).fill("On Civil Disobedience");
    await press("Set it");
    await page.getByRole("heading", { name: "On Civil Disobedience" }).waitFor();
    await kobo.push(ALONE, 0.25, { title: "a device's name" });
    await stands("On Civil Disobedience", "25");
  });

  test("two documents are joined, and split again", async () => {
    await kobo.push(OTHER, 0.75, { title: "Walden" });
    await bookOf(WALDEN);
    await press("Join them");
    await page.getByRole("radio").first().check();
    await page.getByRole("dialog").getByRole("button", { name: "Join them" }).click();
    await page.getByText("Documents that are this book").waitFor();
    await stands("Walden", "75");
    expect(await kindle.pull(WALDEN)).toMatchObject({ percentage: 0.75 });
    await page.getByRole("button", { name: `Split off ${OTHER}` }).click();
    await stands("Walden", "62.5");
    expect(await kindle.pull(WALDEN)).toMatchObject({ percentage: 0.625 });
  });

  test("with the furthest position current, a book is begun anew", async () => {
    await page.goto("/#/reading/alice/settings");
    await page.getByRole("radio", { name: "the furthest" }).check();
    await page.getByRole("checkbox", { name: "Keep newer positions" }).check();
    await until(async () => {
      const choice = await hub.call("GET", `${ROUTES}/settings?account=alice`);
      return JSON.stringify(choice) === '{"policy":"furthest","protect":true}';
    }, "the choice");
    await page.getByRole("checkbox", { name: "Keep newer positions" }).uncheck();
    await kindle.push(WALDEN, 0.125);
    expect(await kobo.pull(WALDEN)).toMatchObject({ percentage: 0.625 });
    await bookOf(WALDEN);
    await press("Start again");
    await press("Start again", page.getByRole("dialog"));
    await page.getByText("begins anew").first().waitFor();
    await kindle.push(WALDEN, 0.125);
    await stands("Walden", "12.5");
  });

  test("a book is deleted with its history", async () => {
    await bookOf(OTHER);
    await press("Delete");
    await press("Delete it");
    await page.getByText("2 books").waitFor();
    expect(await kobo.pull(OTHER)).toEqual({});
  });

  test("a device has a password of its own, until that is revoked", async () => {
    await page.goto("/#/reading/alice/devices");
    await page
      .getByRole("table", { name: "Devices" })
      .getByText("Kindle", { exact: true })
      .waitFor();
    await press("New device password");
    await page.getByLabel("Which device").fill("Kobo Clara");
    await press("Make it");
    const password = await page.locator(".secret code").innerText();
    await press("Done");
    expect(await page.content()).not.toContain(password);
    const clara = new Device(hub.url, "Clara", "alice", password);
    expect(await clara.logIn()).toBe(200);
    await clara.push(ALONE, 0.5);
    await page
      .getByRole("table", { name: "Devices" })
      .getByText("Clara", { exact: true })
      .waitFor();
    await press("Revoke Kobo Clara");
    await press("Revoke", page.getByRole("dialog"));
    await page.getByText("None. A password of its own").waitFor();
    expect(await clara.logIn()).toBe(401);
    await press("Forget Clara");
    await press("Forget it");
    await page
      .getByRole("table", { name: "Devices" })
      .getByText("Clara")
      .waitFor({ state: "detached" });
  });

  test("readings that a device deletes are gone, and begin anew", async () => {
    await page.goto("/#/reading");
    await bar("Walden").waitFor();
    expect(await kobo.leave()).toBe(200);
    await page.getByText("You have no book here yet").waitFor();
    const order = { label: "a new beginning" };
    const made = await hub.call("POST", `${ROUTES}/passwords?account=alice`, order);
    const again = new Device(hub.url, "Kobo", "alice", (made as { password: string }).password);
    await again.push(WALDEN, 0.375, { title: "Walden" });
    await stands("Walden", "37.5");
    await again.push(WALDEN, 0.5);
    await stands("Walden", "50");
  });

  test("has thrown nothing, and asked nobody but the hub", () => {
    expect(faults.all).toEqual([]);
    expect([...faults.strangers]).toEqual([]);
  });
});

describe("for admins", () => {
  let admin: Page;

  beforeAll(async () => {
    const opened = await openContext(browser, hub.url);
    faults = opened.faults;
    admin = await opened.context.newPage();
    await admin.goto("/#/reading");
    await admin.getByLabel("Token").fill(hub.token);
    await press("Log in", admin);
    await standing(admin, "Live");
  });

  test("they see whose books are here, and look at them", async () => {
    await hub.call("PUT", "/users/alice/password", { password: "correct horse" });
    await admin.getByRole("link", { name: "alice" }).click();
    await bar("Walden", admin).waitFor();
    await kindle.push(WALDEN, 0.875);
    await until(
      async () => (await bar("Walden", admin).getAttribute("aria-valuenow")) === "87.5",
      "the bar of somebody else's book",
    );
  });

  test("they open registration, and make accounts", async () => {
    await admin.goto("/#/reading/admin/accounts");
    const bob = new Device(hub.url, "Boox", "bob", "a secret");
    expect(await bob.register()).toBe(402);
    await admin.getByLabel("Who may register").selectOption("open");
    await admin.getByText("open now").waitFor();
    expect(await bob.register()).toBe(201);
    await press("New account", admin);
    await admin.getByLabel("Name").fill("Zoë");
    await admin.getByLabel("Password").fill("another secret");
    await press("Make it", admin);
    await admin.getByRole("row").getByText("Zoë").waitFor();
  });

  test("they import what another server kept, having tried it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "syncline-import-"));
    const file = join(folder, "database.json");
    const state = { progress: "/p[1]", percentage: 0.4, device: "Kobo", device_id: "K" };
    const documents = { [OTHER]: { ...state, timestamp: 1_790_000_000, pretty_name: "Emma" } };
    const users = { dora: { password: "0".repeat(32), documents } };
    writeFileSync(file, JSON.stringify({ schema: 6, config: {}, users }));
    await press("Import", admin);
    await admin.locator('input[type="file"]').setInputFiles(file);
    await press("Try it", admin);
    await admin.getByText("Would take over: 1 account, 1 of them new").waitFor();
    expect(await hub.call("GET", `${ROUTES}/accounts`)).not.toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ account: "dora" })]),
    });
    await press("Import it", admin);
    await admin.getByText("Taken over: 1 account, 1 of them new").waitFor();
    await press("Done", admin);
    rmSync(folder, { recursive: true });
    await admin.goto("/#/reading/dora");
    await bar("Emma", admin).waitFor();
    expect(faults.all).toEqual([]);
  });
});
