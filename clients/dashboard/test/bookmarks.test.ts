// Bookmarks, as a person and an app share them: a page in a real browser, and a second party that
// speaks the app's own protocol over plain HTTP.

import type { Browser, Page } from "playwright-core";
import decodeQR from "qr/decode.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import { type Faults, logIn, openBrowser, openContext, until } from "./browser.js";

let hub: Program;
let browser: Browser;
let page: Page;
let faults: Faults;
/** The token that the page makes for the app. */
let appToken: string;

beforeAll(async () => {
  hub = await Program.build();
  await hub.start();
  await hub.call("POST", "/users", { name: "alice" });
  const order = { user: "alice", label: "a browser" };
  const { token } = (await hub.call("POST", "/tokens", order)) as { token: string };
  browser = await openBrowser();
  const opened = await openContext(browser, hub.url);
  faults = opened.faults;
  page = await opened.context.newPage();
  await page.goto("/");
  await logIn(page, token);
});

afterAll(async () => {
  await browser?.close();
  await hub?.remove();
});

type Row = Readonly<Record<string, unknown>>;

/** Asks as the app does. */
async function app(route: string, body?: Row): Promise<Row> {
  const now_s = Math.floor(Date.now() / 1000);
  const own = { correlation: { id: "phone", clientName: "Swift Fox" }, eventTimestamp: now_s };
  const answer = await fetch(`${hub.url}/linkora/${route}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${appToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify({ ...own, ...body }) }),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as Row;
}

const appMakesFolder = (name: string): Promise<Row> =>
  app("CREATE_FOLDER", { name, note: "", parentFolderId: null, isArchived: false });

const appMakesLink = (title: string, url: string, folder: number | null): Promise<Row> =>
  app("CREATE_A_NEW_LINK", {
    linkType: folder === null ? "SAVED_LINK" : "FOLDER_LINK",
    title,
    url,
    baseURL: "",
    imgURL: "",
    note: "",
    idOfLinkedFolder: folder,
    userAgent: null,
    markedAsImportant: false,
    mediaType: "IMAGE",
    tags: [],
  });

/** What the app reads of a table. */
async function rows(table: string): Promise<readonly Row[]> {
  return (await app("GET_UPDATES?eventTimestamp=0"))[table] as readonly Row[];
}

/** Waits until the app reads a row that looks so. */
async function appSees(table: string, wanted: Row): Promise<Row> {
  let seen: Row | undefined;
  await until(
    async () => {
      const all = await rows(table);
      seen = all.find((row) =>
        Object.entries(wanted).every(([name, value]) => row[name] === value),
      );
      return seen !== undefined;
    },
    `the app to see ${JSON.stringify(wanted)} in ${table}`,
  );
  return seen ?? {};
}

const place = (name: string) => page.getByRole("navigation", { name: "Places" }).getByText(name);
const row = (text: string) => page.getByRole("row").filter({ hasText: text });
const panel = () => page.getByRole("complementary");
const dialog = () => page.getByRole("dialog");

/** Looks at a link: in the middle of its row, away from its title, which opens the page itself. */
async function look(title: string): Promise<void> {
  await row(title).click();
  await panel().getByLabel("Title").waitFor();
}

/** What a camera reads of a code on the page. */
async function scanned(label: string): Promise<string> {
  const code = page.getByRole("img", { name: label });
  const size = Number((await code.getAttribute("viewBox"))?.split(" ")[3]);
  const path = (await code.locator(".qr-code").getAttribute("d")) ?? "";
  const [scale, side] = [4, size * 4];
  const data = new Uint8Array(side * side * 4).fill(255);
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)/g)) {
    for (let line = Number(y) * scale; line < (Number(y) + 1) * scale; line += 1) {
      const from = line * side + Number(x) * scale;
      data.fill(0, from * 4, (from + Number(length) * scale) * 4);
    }
  }
  return decodeQR({ width: side, height: side, data });
}

describe("bookmarks", () => {
  test("begin with an app that connects as the page says", async () => {
    await page.getByRole("link", { name: "Bookmarks" }).click();
    await page.getByText("No bookmarks yet").waitFor();
    await page.getByRole("link", { name: "Connect an app" }).click();
    await page.getByText("Only this machine can reach that.").waitFor();
    expect(await scanned("A QR code of the address")).toBe(`${hub.url}/linkora/`);
    const certificate = await scanned("A QR code of the certificate’s address");
    expect((await fetch(certificate)).status).toBe(200);
    await page.getByRole("button", { name: "Make a token" }).click();
    appToken = await page.locator(".secret").innerText();
    expect(await scanned("A QR code of the token")).toBe(appToken);
    // The page has heard nothing but what the app does from here on.
    expect((await appMakesFolder("Reading"))["id"]).toBe(1);
    await page.getByRole("treeitem", { name: "Reading" }).waitFor();
  });

  test("show what the app does at once, and open only what is safe", async () => {
    await place("All links").click();
    await appMakesLink("The Book", "https://doc.rust-lang.org/book/", 1);
    await appMakesLink("A trap", "javascript:document.title='caught'", null);
    const book = row("The Book").getByRole("link", { name: "The Book" });
    expect(await book.getAttribute("href")).toBe("https://doc.rust-lang.org/book/");
    expect(await book.getAttribute("target")).toBe("_blank");
    expect(await book.getAttribute("rel")).toBe("noopener noreferrer");
    await row("A trap").waitFor();
    expect(await row("A trap").getByRole("link").count()).toBe(0);
    await look("A trap");
    await panel().getByText("not one that a browser should open").waitFor();
    expect(await panel().getByRole("link").count()).toBe(0);
    await page.keyboard.press("Escape");
    await panel().waitFor({ state: "detached" });
  });

  test("are added, edited, moved and found", async () => {
    await page.getByRole("treeitem", { name: "Reading" }).click();
    await page.getByRole("button", { name: "Link", exact: true }).click();
    await dialog().getByLabel("Address").fill("javascript:alert(1)");
    await dialog().getByRole("button", { name: "Add it" }).click();
    await dialog().getByText("An address begins with").waitFor();
    await dialog().getByLabel("Address").fill("www.walden.example/pond");
    await dialog().getByLabel("Title").fill("Walden");
    await dialog().getByLabel("Add a tag").fill("woods");
    await dialog().getByLabel("Add a tag").press("Enter");
    await dialog().getByRole("button", { name: "Add it" }).click();
    const made = await appSees("links", { title: "Walden", idOfLinkedFolder: 1 });
    expect([made["url"], made["baseURL"]]).toEqual([
      "https://www.walden.example/pond",
      "www.walden.example",
    ]);
    expect((await rows("tags")).map(({ name }) => name)).toEqual(["woods"]);
    expect(made["linkTags"]).toEqual([{ linkId: made["id"], tagId: 1 }]);

    await look("Walden");
    await panel().getByLabel("Note").fill("Simplify, simplify.");
    await panel().getByLabel("Title").fill("Walden; or, Life in the Woods");
    await panel().getByRole("button", { name: "Save" }).click();
    await appSees("links", { title: "Walden; or, Life in the Woods", note: "Simplify, simplify." });

    await page.getByRole("button", { name: "New folder" }).click();
    await dialog().getByLabel("Name").fill("Classics");
    await dialog().getByRole("button", { name: "Make it" }).click();
    const folder = await appSees("folders", { name: "Classics", parentFolderId: 1 });
    await page.getByRole("treeitem", { name: "Reading" }).click();
    await look("Walden");
    await panel().getByLabel("Where").selectOption({ label: " Classics" });
    await panel().getByRole("button", { name: "Save" }).click();
    await appSees("links", { id: made["id"], idOfLinkedFolder: folder["id"] });
    await row("Walden").waitFor({ state: "detached" });

    for (const [search, found] of [
      ["simplify", "Walden"],
      ["WOODS life", "Walden"],
      ["rust-lang", "The Book"],
    ] as const) {
      await page.getByLabel("Find").fill(search);
      await row(found).waitFor();
      await page.getByText("1 found").waitFor();
    }
    await page.getByLabel("Find").fill("");
  });

  test("are reached by the keyboard", async () => {
    await page.getByRole("treeitem", { name: "Reading" }).focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("treeitem", { name: "Classics" }).waitFor({ state: "detached" });
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await row("Walden").waitFor();
    await page.getByRole("table", { name: "Links" }).focus();
    await page.keyboard.press("ArrowDown");
    await panel().getByLabel("Title").waitFor();
    await page.keyboard.press("Escape");
  });

  test("come back after a delete that is taken back", async () => {
    await look("Walden");
    await panel().getByRole("button", { name: "Delete" }).click();
    await row("Walden").waitFor({ state: "detached" });
    await until(async () => (await rows("links")).length === 2, "the app to lose it");
    await page.getByRole("button", { name: "Undo" }).last().click();
    await row("Walden").waitFor();
    // Under an id that no device has known, and with its tag.
    const back = await appSees("links", { title: "Walden; or, Life in the Woods" });
    expect([back["id"], back["linkTags"]]).toEqual([4, [{ linkId: 4, tagId: 1 }]]);
    await place("Deleted").click();
    await page.getByText("Nothing was deleted").waitFor();
  });

  test("come back after an app has deleted them", async () => {
    await app("DELETE_TAG", { id: 1 });
    await app("DELETE_FOLDER", { id: 1 });
    await row("Reading").getByText("and 3 rows with it").waitFor();
    await page.getByRole("treeitem", { name: "Reading" }).waitFor({ state: "detached" });
    await row("Reading").getByRole("button", { name: "Bring back" }).click();
    await page.getByRole("treeitem", { name: "Classics" }).click();
    await row("Walden").waitFor();
    const reading = await appSees("folders", { name: "Reading", parentFolderId: null });
    const classics = await appSees("folders", { name: "Classics" });
    expect([reading["id"], classics["id"], classics["parentFolderId"]]).toEqual([3, 4, 3]);
    const walden = await appSees("links", { idOfLinkedFolder: 4 });
    expect([walden["title"], walden["id"]]).toEqual(["Walden; or, Life in the Woods", 6]);
    await appSees("links", { title: "The Book", idOfLinkedFolder: 3 });
    await place("Deleted").click();
    await row("Reading").waitFor({ state: "detached" });
    // The links that had the tag were made anew: there is nothing for it to come back to.
    await row("woods").getByRole("button", { name: "Bring back" }).click();
    await appSees("tags", { name: "woods", id: 2 });
    await page.getByText("Nothing was deleted").waitFor();
  });

  test("stand on panels as the app shows them", async () => {
    await page.getByRole("button", { name: "New panel" }).click();
    await dialog().getByLabel("Name").fill("Evening");
    await dialog().getByRole("button", { name: "Make it" }).click();
    for (const folder of ["Reading", " Classics"]) {
      await page.getByLabel("Folder for the panel").selectOption({ label: folder });
      await page.getByRole("button", { name: "Add", exact: true }).click();
    }
    await page.getByRole("button", { name: "Move Classics up" }).click();
    await appSees("panels", { panelName: "Evening" });
    await appSees("panelFolders", { folderName: "Classics", panelPosition: 0, folderId: 4 });
    await appSees("panelFolders", { folderName: "Reading", panelPosition: 1, folderId: 3 });
    await app("UPDATE_A_PANEL_NAME", { panelId: 1, newName: "Night" });
    await page.getByRole("heading", { name: "Night" }).waitFor();
    await page.getByRole("button", { name: "Take Reading off the panel" }).click();
    await until(async () => (await rows("panelFolders")).length === 1, "the app to lose the entry");
  });

  test("have no page where the hub serves no such app", async () => {
    const other = await Program.build({ SYNCLINE_GATEWAYS__LINKORA__ENABLED: "false" });
    try {
      await other.start();
      const { context } = await openContext(browser, other.url);
      const tab = await context.newPage();
      await tab.goto("/");
      await logIn(tab, other.token);
      await tab.getByRole("link", { name: "Bookmarks" }).waitFor({ state: "detached" });
      await context.close();
    } finally {
      await other.remove();
    }
  });

  test("have thrown nothing, and asked nobody but the hub", () => {
    expect(faults.all).toEqual([]);
    expect([...faults.strangers]).toEqual([]);
  });
});
