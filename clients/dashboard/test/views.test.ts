// Every view, light and dark, on a desk and on a phone: nothing sticks out, nothing is thrown, and a
// picture of each is left in target/dashboard for whoever wants to look.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { type Client, connect } from "syncline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import { type Faults, logIn, openBrowser, openContext, standing, until } from "./browser.js";
import { Device } from "./device.js";

const PICTURES = resolve(process.cwd(), "../../target/dashboard");

const SIZES = {
  desktop: { viewport: { width: 1280, height: 820 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;
const SCHEMES = ["light", "dark"] as const;

const MIDDLEMARCH = "0b229176d4e8db7f6d2b5a4952368d7a";

/** A view by its address, and what shows that it is there. */
const VIEWS: readonly (readonly [name: string, hash: string, sign: string])[] = [
  ["overview", "#/overview", "Since the start"],
  ["spaces", "#/spaces", "home/lists"],
  ["records", "#/spaces/home%2Flists/records/books", "Middlemarch"],
  ["record", "#/spaces/home%2Flists/records/books/middlemarch", "Copy as JSON"],
  ["members", "#/spaces/home%2Flists/members", "reads and writes"],
  ["access", "#/spaces/home%2Flists/access", "the uppermost decides"],
  ["access-why", "#/spaces/home%2Flists/access/todo%2Fmilk/bob/read", "less specific item"],
  ["access-empty", "#/spaces/notes/access", "Rules refine that"],
  ["connect", "#/spaces/home%2Flists/connect", "Make a token"],
  ["bookmarks", "#/bookmarks", "2 links"],
  ["bookmarks-folder", "#/bookmarks/admin/folder/essays", "1 link"],
  ["bookmark", "#/bookmarks/admin/all/walden", "Copy the address"],
  ["bookmarks-panel", "#/bookmarks/admin/panel/evening", "Reading / Essays"],
  ["bookmarks-deleted", "#/bookmarks/admin/deleted", "Kept for 90 days"],
  ["bookmarks-connect", "#/bookmarks/admin/connect", "Make a token"],
  ["bookmarks-empty", "#/bookmarks/ann", "No bookmarks yet"],
  ["reading", "#/reading/ann", "Middlemarch"],
  ["reading-book", `#/reading/ann/books/${MIDDLEMARCH}`, "positions"],
  ["reading-devices", "#/reading/ann/devices", "Kobo Clara"],
  ["reading-connect", "#/reading/ann/connect", "Custom sync server"],
  ["reading-settings", "#/reading/ann/settings", "the furthest"],
  ["reading-accounts", "#/reading/ann/accounts", "Name on devices"],
  ["reading-welcome", "#/reading", "You have no book here yet"],
  ["devices", "#/devices", "tablet"],
  ["conflicts", "#/conflicts", "Bring back"],
  ["people", "#/people", "New account"],
  ["system", "#/system", "sync.heartbeat"],
  ["empty-space", "#/spaces/empty", "Nothing here yet"],
  ["no-such-page", "#/nowhere", "There is no such page"],
];

let hub: Program;
let browser: Browser;
const clients: Client[] = [];

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  hub = await Program.build();
  await hub.start();
  browser = await openBrowser();
  await furnish();
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await browser?.close();
  await hub?.remove();
});

const BOOKS = [
  ["middlemarch", "Middlemarch", "George Eliot", 1871, true],
  ["moby-dick", "Moby-Dick; or, The Whale", "Herman Melville", 1851, false],
  ["walden", "Walden", "Henry David Thoreau", 1854, true],
  ["germinal", "Germinal", "Émile Zola", 1885, false],
  ["kokoro", "Kokoro", "Natsume Sōseki", 1914, false],
  ["emma", "Emma", "Jane Austen", 1815, true],
] as const;

async function open(deviceName: string): Promise<Client> {
  const order = { user: "admin", label: deviceName };
  const { token } = (await hub.call("POST", "/tokens", order)) as { token: string };
  const client = await connect({ url: hub.url, token, store: false, deviceName });
  clients.push(client);
  return client;
}

/** Some life: people, devices, records, a conflict, refusals. */
async function furnish(): Promise<void> {
  for (const name of ["home/lists", "linkora/ann", "notes", "empty"]) {
    await hub.call("POST", "/spaces", { name });
  }
  await hub.call("POST", "/users", { name: "ann", password: "correct horse" });
  await hub.call("POST", "/users", { name: "bob" });
  await hub.call("PUT", "/spaces/home%2Flists/members/ann", { role: "writer" });
  await hub.call("PUT", "/spaces/home%2Flists/members/bob", { role: "reader" });
  await rule();
  const in90Days = Date.now() + 90 * 86_400_000;
  const phone = { user: "ann", label: "phone", role: "writer", spaces: ["home/*", "linkora/ann"] };
  await hub.call("POST", "/tokens", { ...phone, expires_ms: in90Days });
  await hub.call("POST", "/tokens", { user: "bob", label: "kitchen display", role: "reader" });
  const [laptop, tablet] = [await open("laptop"), await open("tablet")];
  const space = laptop.space("home/lists");
  for (const [key, title, author, year, read] of BOOKS) {
    space.put("books", key, { title, author, year, read, tags: ["novel", "classic"] });
  }
  space.put("todo", "milk", { text: "Milk", done: false });
  await laptop.settled();
  await bookmark(laptop);
  await disagree(laptop, tablet);
  await read();
  for (let number = 0; number < 3; number += 1) {
    await fetch(`${hub.url}/hub/v1/whoami`, { headers: { authorization: "Bearer sl_no" } });
  }
}

/** Rules on the lists; none that takes from Ann what she does here. */
async function rule(): Promise<void> {
  for (const [verdict, principal, item, action] of [
    ["deny", "*", "*", "delete"],
    ["deny", "*", "todo/*", "*"],
    ["allow", "bob", "todo/milk", "read"],
    ["deny", "b*", "books/a-key-so-long-that-only-an-app-would-think-of-it-*", "read"],
    ["allow", "ann", "books/*", "delete"],
  ]) {
    const patterns = { principal, item, action };
    await hub.call("PUT", "/spaces/home%2Flists/acl", { verdict, ...patterns });
  }
}

/** Bookmarks as the apps of Linkora have them, and some that were deleted. */
async function bookmark(laptop: Client): Promise<void> {
  await hub.call("POST", "/gateways/linkora");
  const space = laptop.space("linkora/admin");
  space.transaction((write) => {
    write.put("folders", "reading", { name: "Reading", note: "For long evenings" });
    write.put("folders", "essays", { name: "Essays, letters and diaries", parent: "reading" });
    write.put("folders", "old", { name: "Last year", archived: true });
    write.put("tags", "woods", { name: "woods" });
    write.put("panels", "evening", { name: "Evening" });
  });
  const walden = { title: "Walden", url: "https://www.gutenberg.org/ebooks/205", tags: ["woods"] };
  space.put("links", "walden", { ...walden, folder: "essays", note: "Simplify.", important: true });
  space.put("links", "odd", { title: "No page at all", url: "about:blank" });
  space.put("links", "gone", { title: "Gone", url: "https://gone.example", folder: "old" });
  for (const [position, folder] of ["reading", "essays"].entries()) {
    space.put("panel_folders", folder, { panel: "evening", folder, name: "Essays", position });
  }
  await laptop.settled();
  space.delete("folders", "old");
  await laptop.settled();
}

/** Ann reads on two devices, the one of which was away for a while. */
async function read(): Promise<void> {
  const [kobo, kindle] = ["Kobo Clara", "Kindle"].map(
    (name) => new Device(hub.url, name, "ann", "correct horse"),
  );
  for (let page = 1; page <= 12; page += 1) {
    await kobo?.push(MIDDLEMARCH, page / 25, { title: "Middlemarch", authors: "George Eliot" });
  }
  await kindle?.push(MIDDLEMARCH, 0.12);
  await kindle?.push("ffeeddccbbaa99887766554433221100", 1, { title: "Emma" });
  await kobo?.push(MIDDLEMARCH, 0.52);
  await kobo?.push("00112233445566778899aabbccddeeff", 0.03);
}

/** Both write one field without knowing of the other. */
async function disagree(one: Client, other: Client): Promise<void> {
  const [space, theirs] = [one.space("home/lists"), other.space("home/lists")];
  await theirs.synced();
  other.stop();
  theirs.put("books", "walden", { title: "Walden; or, Life in the Woods" });
  theirs.put("books", "emma", { year: 1816 });
  space.put("books", "walden", { title: "Walden (1854)" });
  space.put("books", "emma", { year: 1815.5 });
  await one.settled();
  other.start();
  await other.settled();
  await until(async () => {
    const path = "/spaces/home%2Flists/conflicts";
    return ((await hub.call("GET", path)) as { items: unknown[] }).items.length > 0;
  }, "a conflict");
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${PICTURES}/${name}.png`, animations: "disabled" });
}

/** Whether the page has to be moved sideways to be read: it never has. */
async function sticksOut(page: Page): Promise<number> {
  return await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
}

describe.each(
  SCHEMES.flatMap((scheme) =>
    (Object.keys(SIZES) as (keyof typeof SIZES)[]).map((size) => ({ scheme, size })),
  ),
)("$scheme, $size", ({ scheme, size }) => {
  let page: Page;
  let faults: Faults;

  beforeAll(async () => {
    const opened = await openContext(browser, hub.url, { ...SIZES[size], colorScheme: scheme });
    faults = opened.faults;
    page = await opened.context.newPage();
    await page.goto("/");
    await page.getByLabel("Token").waitFor();
    await picture(page, `login-${scheme}-${size}`);
    await logIn(page, hub.token);
  });

  afterAll(async () => {
    await page?.context().close();
  });

  test.each(VIEWS)("%s", async (name, hash, sign) => {
    await page.goto(`/${hash}`);
    await page.getByText(sign).first().waitFor();
    if (name === "overview") {
      // Two samples make a line.
      await page.locator('[data-figure="sessions"] .stroke[d*="L"]').waitFor({ state: "attached" });
    }
    await picture(page, `${name}-${scheme}-${size}`);
    expect(await sticksOut(page)).toBe(0);
  });

  test("a rule that is no rule", async () => {
    await page.goto("/#/spaces/home%2Flists/access");
    await page.getByRole("button", { name: "New rule" }).click();
    await page.getByLabel("Item", { exact: true }).fill("*o*");
    await page.getByRole("button", { name: "Make it" }).click();
    await page.getByRole("alert").waitFor();
    await picture(page, `access-new-${scheme}-${size}`);
    expect(await sticksOut(page)).toBe(0);
    await page.keyboard.press("Escape");
  });

  test("a new token is shown once", async () => {
    await page.goto("/#/people");
    await page.getByRole("button", { name: "New token" }).click();
    await picture(page, `new-token-${scheme}-${size}`);
    await page.getByLabel("What it is for").fill(`a test, ${scheme} on a ${size}`);
    await page.getByRole("button", { name: "Make it" }).click();
    const secret = await page.locator(".secret").innerText();
    expect(secret).toMatch(/^sl_/);
    await picture(page, `secret-${scheme}-${size}`);
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByText(`a test, ${scheme} on a ${size}`).waitFor();
    expect(await page.content()).not.toContain(secret);
  });

  test("has thrown nothing, and asked nobody but the hub", () => {
    expect(faults.all).toEqual([]);
    expect([...faults.strangers]).toEqual([]);
  });
});

describe("what people do", () => {
  let page: Page;

  beforeAll(async () => {
    const { context } = await openContext(browser, hub.url, SIZES.desktop);
    page = await context.newPage();
    await page.goto("/");
    await page.getByRole("tab", { name: "Name and password" }).click();
    await page.getByLabel("Name").fill("ann");
    await page.getByLabel("Password").fill("correct horse");
    await page.getByRole("button", { name: "Log in" }).click();
    await standing(page, "Live");
  });

  test("whoever is no admin sees their own, and nothing of the hub's", async () => {
    const pages = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").count();
    expect(pages).toBe(6);
    await page.getByText("home/lists").waitFor();
    await page.goto("/#/people");
    await page.getByText("phone").waitFor();
    expect(await page.getByText("kitchen display").count()).toBe(0);
    await picture(page, "people-of-ann");
  });

  test("whoever may not see rules is told so, and asks for themselves", async () => {
    await page.goto("/#/spaces/home%2Flists/access/todo%2Fmilk");
    await page.getByText("are for its owners to see").waitFor();
    await page.getByText("ann may not read").waitFor();
    await picture(page, "access-of-ann");
  });

  test("what was lost is brought back with a click", async () => {
    await page.goto("/#/conflicts");
    const card = page.getByRole("listitem").filter({ hasText: "walden" });
    await card.getByRole("button", { name: "Bring back" }).click();
    await card.getByText("shows again").waitFor();
  });

  test("a device is signed out", async () => {
    const { context } = await openContext(browser, hub.url, SIZES.desktop);
    const admin = await context.newPage();
    await admin.goto("/");
    await logIn(admin, hub.token);
    await admin.goto("/#/devices");
    await admin.getByRole("button", { name: "Sign out laptop" }).click();
    await picture(admin, "sign-out");
    await admin.getByRole("button", { name: "Sign out", exact: true }).click();
    await admin.getByRole("button", { name: "Sign out laptop" }).waitFor({ state: "detached" });
    const [laptop] = clients;
    await until(() => laptop?.connection().type === "needs-auth", "the laptop to be told");
    await context.close();
  });

  test("a space is made, exported, and deleted", async () => {
    await page.goto("/#/spaces");
    await page.getByRole("button", { name: "New space" }).click();
    await page.getByLabel("Name").fill("ann/short");
    await page.getByRole("button", { name: "Make it" }).click();
    await page.getByText("Nothing here yet").waitFor();
    await page.getByRole("button", { name: "Record" }).click();
    await page.getByRole("textbox", { name: "Collection" }).fill("pages");
    await page.getByRole("textbox", { name: "Key" }).fill("one");
    await page.getByRole("button", { name: "Make it" }).click();
    await page.getByText("Copy as JSON").waitFor();
    await until(async () => {
      const path = "/spaces/ann%2Fshort/collections/pages/records";
      const answer = await hub.call("GET", path).catch(() => ({ items: [] }));
      return (answer as { items: unknown[] }).items.length === 1;
    }, "the record to reach the hub");
    const downloads = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export the space" }).click();
    expect((await downloads).suggestedFilename()).toBe("ann-short.ndjson");
    await page.getByRole("button", { name: "Delete the space" }).click();
    await page.getByLabel("Type its name").fill("ann/short");
    await page.getByRole("button", { name: "Delete it" }).click();
    await page.getByText("home/lists").waitFor();
    await page.getByText("ann/short").first().waitFor({ state: "detached" });
  });
});

describe("while the hub is away", () => {
  const pages: (readonly [name: string, page: Page])[] = [];

  beforeAll(async () => {
    for (const [name, scheme, size] of [
      ["light-desktop", "light", "desktop"],
      ["dark-phone", "dark", "phone"],
    ] as const) {
      const options = { ...SIZES[size], colorScheme: scheme };
      const { context } = await openContext(browser, hub.url, options);
      const page = await context.newPage();
      await page.goto("/");
      await logIn(page, hub.token);
      for (const hash of ["#/reading/ann", "#/spaces/home%2Flists/records/books"]) {
        await page.goto(`/${hash}`);
        await page.getByText("Middlemarch").first().waitFor();
      }
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      pages.push([name, page]);
    }
    await hub.kill();
  });

  test.each([
    "overview",
    "spaces",
    "records",
    "access",
    "bookmarks",
    "reading",
    "devices",
    "system",
  ])("%s", async (view) => {
    for (const [name, page] of pages) {
      const hash = VIEWS.find(([id]) => id === view)?.[1] ?? "";
      await page.goto(`/${hash}`);
      await page.reload();
      await standing(page, "Offline");
      await page.getByText("The hub is away.").waitFor();
      if (view === "records" || view === "reading") {
        await page.getByText("Middlemarch").first().waitFor();
      } else if (view === "spaces") {
        await page.getByRole("heading", { name: "Kept on this device" }).waitFor();
      } else {
        await page.getByText("The hub does not answer").first().waitFor();
      }
      await picture(page, `away-${view}-${name}`);
      expect(await sticksOut(page)).toBe(0);
    }
  });
});
