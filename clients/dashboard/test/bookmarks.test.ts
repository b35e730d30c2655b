// Bookmarks, as a person and an app share them: a page in a real browser, and a second party that
// speaks the app's own protocol.

import type { Browser, Page } from "playwright-core";
import decodeQR from "qr/decode.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import { App } from "./app.js";
import { type Faults, logIn, openBrowser, openContext } from "./browser.js";

let hub: Program;
let browser: Browser;
let page: Page;
let faults: Faults;
/** Connected by what the page shows. */
let app: App;

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
  app?.close();
  await browser?.close();
  await hub?.remove();
});

const place = (name: string) => page.getByRole("navigation", { name: "Places" }).getByText(name);
const row = (text: string) => page.getByRole("row").filter({ hasText: text });
const panel = () => page.getByRole("complementary");
const dialog = () => page.getByRole("dialog");

/** Looks at a link: at the end of its row, away from its title, which opens the page itself. */
async function look(title: string): Promise<void> {
  const width = (await row(title).boundingBox())?.width ?? 0;
  await row(title).click({ position: { x: width - 12, y: 16 } });
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
    const address = await scanned("A QR code of the address");
    expect(address).toBe(`${hub.url}/linkora/`);
    const certificate = await scanned("A QR code of the certificate’s address");
    expect((await fetch(certificate)).status).toBe(200);
    await page.getByRole("button", { name: "Make a token" }).click();
    const token = await page.locator(".secret").innerText();
    expect(await scanned("A QR code of the token")).toBe(token);
    app = await App.open(address, token);
    expect((await app.makeFolder("Reading"))["id"]).toBe(1);
    await page.getByRole("treeitem", { name: "Reading" }).waitFor();
  });

  test("show what the app does at once, and open only what is safe", async () => {
    await place("All links").click();
    await app.makeLink("The Book", "https://doc.rust-lang.org/book/", 1);
    await app.makeLink("A trap", "javascript:document.title='caught'", null);
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
    await app.hears("CREATE_TAG", { id: 1, name: "woods" });
    const made = await app.hears("CREATE_A_NEW_LINK", { title: "Walden", idOfLinkedFolder: 1 });
    expect([made["url"], made["baseURL"], made["linkTags"]]).toEqual([
      "https://www.walden.example/pond",
      "www.walden.example",
      [{ linkId: 3, tagId: 1 }],
    ]);

    await look("Walden");
    await panel().getByLabel("Note").fill("Simplify, simplify.");
    await panel().getByLabel("Title").fill("Walden; or, Life in the Woods");
    await panel().getByRole("button", { name: "Save" }).click();
    await app.hears("UPDATE_LINK_TITLE", { newTitleOfTheLink: "Walden; or, Life in the Woods" });
    await app.hears("UPDATE_LINK_NOTE", { linkId: 3, newNote: "Simplify, simplify." });

    await page.getByRole("button", { name: "New folder" }).click();
    await dialog().getByLabel("Name").fill("Classics");
    await dialog().getByRole("button", { name: "Make it" }).click();
    await app.hears("CREATE_FOLDER", { id: 2, name: "Classics", parentFolderId: 1 });
    await page.getByRole("treeitem", { name: "Reading" }).click();
    await look("Walden");
    await panel().getByLabel("Where").selectOption({ label: "\u2003Classics" });
    await panel().getByRole("button", { name: "Save" }).click();
    await app.hears("MOVE_EXISTING_ITEMS", { newParentFolderId: 2 });
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
    await panel().waitFor({ state: "detached" });
  });

  test("come back after a delete that is taken back", async () => {
    await look("Walden");
    await panel().getByRole("button", { name: "Delete" }).click();
    await app.hears("DELETE_A_LINK", { id: 3 });
    await page.getByRole("button", { name: "Undo" }).last().click();
    await row("Walden").waitFor();
    // Under an id that no device has known, and with its tag.
    const back = await app.hears("CREATE_A_NEW_LINK", { id: 4, idOfLinkedFolder: 2 });
    expect(back["linkTags"]).toEqual([{ linkId: 4, tagId: 1 }]);
    await place("Deleted").click();
    await page.getByText("Nothing was deleted").waitFor();
  });

  test("come back after an app has deleted them", async () => {
    await app.ask("DELETE_TAG", { id: 1 });
    await row("woods").getByRole("button", { name: "Bring back" }).click();
    await app.hears("CREATE_TAG", { id: 2, name: "woods" });
    await app.hears("UPDATE_LINK", { id: 4 });
    await page.getByText("Nothing was deleted").waitFor();

    await app.ask("DELETE_FOLDER", { id: 1 });
    await row("Reading").getByText("and 3 rows with it").waitFor();
    await page.getByRole("treeitem", { name: "Reading" }).waitFor({ state: "detached" });
    await row("Reading").getByRole("button", { name: "Bring back" }).click();
    await app.hears("CREATE_FOLDER", { id: 3, name: "Reading", parentFolderId: null });
    await app.hears("CREATE_FOLDER", { id: 4, name: "Classics", parentFolderId: 3 });
    await app.hears("CREATE_A_NEW_LINK", { id: 5, title: "The Book", idOfLinkedFolder: 3 });
    const walden = await app.hears("CREATE_A_NEW_LINK", { id: 6, idOfLinkedFolder: 4 });
    expect(walden["linkTags"]).toEqual([{ linkId: 6, tagId: 2 }]);
    await page.getByRole("treeitem", { name: "Classics" }).click();
    await row("Walden").waitFor();
    expect((await app.rows("links")).map(({ id }) => id)).toEqual([2, 5, 6]);
  });

  test("are moved and deleted several at a time", async () => {
    await place("All links").click();
    await page.getByLabel("Choose The Book").check();
    await page.getByLabel("Choose Walden").check();
    await page.getByText("2 chosen").waitFor();
    await page.getByLabel("Move the chosen links").selectOption({ label: "Archive" });
    await app.hears("ARCHIVE_LINK");
    await app.hears("ARCHIVE_LINK");
    await page.getByRole("button", { name: "Undo" }).last().click();
    const moves = [await app.hears("MOVE_EXISTING_ITEMS"), await app.hears("MOVE_EXISTING_ITEMS")];
    expect(moves.map((move) => move["newParentFolderId"]).sort()).toEqual([3, 4]);
    await page.getByLabel("Choose A trap").check();
    await page.getByRole("button", { name: "Choose all 3" }).click();
    await page.getByLabel("Choose Walden").uncheck();
    await page.getByText("2 chosen").waitFor();
    const bar = page.getByRole("toolbar", { name: "Chosen links" });
    await bar.getByRole("button", { name: "Delete" }).click();
    const gone = await app.hears("DELETE_MULTIPLE_ITEMS");
    expect([gone["linkIds"], gone["folderIds"]]).toEqual([[5, 2], []]);
    await row("The Book").waitFor({ state: "detached" });
  });

  test("stand on panels as the app shows them", async () => {
    await page.getByRole("button", { name: "New panel" }).click();
    await dialog().getByLabel("Name").fill("Evening");
    await dialog().getByRole("button", { name: "Make it" }).click();
    await app.hears("ADD_A_NEW_PANEL", { panelId: 1, panelName: "Evening" });
    for (const [label, folderId] of [
      ["Reading", 3],
      ["\u2003Classics", 4],
    ] as const) {
      await page.getByLabel("Folder for the panel").selectOption({ label });
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await app.hears("ADD_A_NEW_FOLDER_IN_A_PANEL", { folderId, connectedPanelId: 1 });
      // The app may hear of it before the page has drawn it, behind which the next one goes.
      await page.getByRole("button", { name: `Take ${label.trim()} off the panel` }).waitFor();
    }
    await page.getByRole("button", { name: "Move Classics up" }).click();
    await app.hears("ADD_A_NEW_FOLDER_IN_A_PANEL", { folderName: "Reading", panelPosition: 1 });
    await app.ask("UPDATE_A_PANEL_NAME", { panelId: 1, newName: "Night" });
    await page.getByRole("heading", { name: "Night" }).waitFor();
    await page.getByRole("button", { name: "Take Reading off the panel" }).click();
    await app.hears("DELETE_A_FOLDER_FROM_A_PANEL", { panelId: 1, folderID: 3 });
    const left = await app.rows("panelFolders");
    expect(left.map((row) => [row["folderId"], row["panelPosition"]])).toEqual([[4, 0]]);
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
