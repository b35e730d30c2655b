// One person's day with the dashboard: in a real browser, against a real hub that is killed and
// comes back.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import { type Faults, logIn, openBrowser, openContext, standing, until } from "./browser.js";

/** From the hub's acknowledgement until a page shows the record. */
const SEEN_WITHIN_MS = process.env["CI"] === "true" ? 10_000 : 500;

interface Sessions {
  readonly items: readonly { readonly name: string }[];
}

let hub: Program;
let browser: Browser;
let context: BrowserContext;
let faults: Faults;
let page: Page;
let token: { readonly id: string; readonly token: string };

beforeAll(async () => {
  hub = await Program.build();
  await hub.start();
  await hub.call("POST", "/spaces", { name: "notes" });
  await hub.command("put", "notes", "pages", "welcome", "title=Hello", "stars=3");
  token = await makeToken("a browser");
  browser = await openBrowser();
  ({ context, faults } = await openContext(browser, hub.url));
  page = await context.newPage();
});

afterAll(async () => {
  await browser?.close();
  await hub?.remove();
});

function makeToken(label: string): Promise<typeof token> {
  const order = { user: "admin", label };
  return hub.call("POST", "/tokens", order) as Promise<typeof token>;
}

function row(on: Page, key: string) {
  return on.getByRole("row").filter({ has: on.getByText(key, { exact: true }) });
}

async function fieldOf(key: string, field: string): Promise<unknown> {
  const path = `/spaces/notes/collections/pages/records/${key}`;
  // A record that was deleted and has not come back yet has no fields.
  const asked = hub.call("GET", path).catch(() => ({ fields: {} }));
  const { fields } = (await asked) as { fields: Record<string, unknown> };
  return fields[field];
}

/** Writes a field in the page, as a person does. */
async function write(on: Page, key: string, field: string, text: string): Promise<void> {
  await row(on, key).click();
  const place = on.getByRole("complementary").getByLabel(field, { exact: false }).first();
  await place.fill(text);
  await place.press("Enter");
}

describe("the dashboard", () => {
  test("lets a person in, and shows what the command line writes", async () => {
    await page.goto("/");
    await page.getByLabel("Token").fill("sl_wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").waitFor();
    await logIn(page, token.token);
    await page.getByRole("link", { name: "Spaces" }).click();
    await page.getByRole("link", { name: "notes" }).click();
    await row(page, "welcome").waitFor();

    const seen = page.evaluate(
      (text) =>
        new Promise<number>((resolve) => {
          const look = (): void => {
            if (document.body.textContent?.includes(text)) {
              resolve(Date.now());
            } else {
              requestAnimationFrame(look);
            }
          };
          look();
        }),
      "written by the command line",
    );
    await hub.command("put", "notes", "pages", "second", "title=written by the command line");
    const acknowledged = Date.now();
    const tookMs = (await seen) - acknowledged;
    expect(tookMs, "ms from the command's end until the page shows it").toBeLessThan(
      SEEN_WITHIN_MS,
    );
  });

  test("writes what a person edits, takes back, and deletes", async () => {
    const tail = hub.follow("tail", "notes", "--from", "now", "--json");
    // Something that only this tail can have seen: from here on it follows.
    await until(async () => {
      await hub.command("put", "notes", "marks", "tail", `at=${Date.now()}`);
      return tail.printed().includes("marks");
    }, "the tail to follow");
    await write(page, "welcome", "title", "Edited in the page");
    await until(() => tail.printed().includes("Edited in the page"), "the tail to print the edit");
    await page.getByRole("button", { name: "Undo" }).first().click();
    await until(async () => (await fieldOf("welcome", "title")) === "Hello", "the undo");
    await page.getByRole("complementary").getByRole("button", { name: "Delete" }).click();
    await row(page, "welcome").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Close the record" }).click();
    await page.keyboard.press("Control+z");
    await row(page, "welcome").waitFor();
    await until(async () => (await fieldOf("welcome", "stars")) === 3, "the delete taken back");
    tail.end();
  });

  test("keeps an edit that was made while the hub was dead, over a reload", async () => {
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await hub.kill();
    await standing(page, "Offline");
    await page.getByText("The hub is away.").waitFor();
    await write(page, "second", "title", "Edited offline");
    await page.getByText("1 change to send").waitFor();
    await page.reload();
    await standing(page, "Offline");
    await row(page, "second").getByText("Edited offline").waitFor();
    await page.getByText("1 change to send").waitFor();
    await hub.start();
    await standing(page, "Live");
    await until(async () => (await fieldOf("second", "title")) === "Edited offline", "the edit");
    await page.getByText("1 change to send").waitFor({ state: "detached" });
  });

  test("shares one connection among its tabs", async () => {
    const other = await context.newPage();
    await other.goto("/#/spaces/notes/records/pages");
    await standing(other, "Live");
    const sessions = (await hub.call("GET", "/sessions")) as Sessions;
    expect(sessions.items.filter(({ name }) => name.startsWith("dashboard"))).toHaveLength(1);
    const leads = [page, other].map((tab) => tab.locator('.standing[data-leads="true"]').count());
    expect(await Promise.all(leads)).toEqual([1, 0]);

    await hub.command("put", "notes", "pages", "second", "title=for both");
    await Promise.all(
      [page, other].map((tab) => row(tab, "second").getByText("for both").waitFor()),
    );
    // What the tab writes that has no connection goes through the one that has.
    await write(other, "second", "title", "from the other tab");
    await row(page, "second").getByText("from the other tab").waitFor();
    await until(
      async () => (await fieldOf("second", "title")) === "from the other tab",
      "the other tab's edit",
    );
  });

  test("says so when its token is revoked, and asks to log in again", async () => {
    const [first, second] = context.pages();
    await hub.call("DELETE", `/tokens/${token.id}`);
    for (const tab of [first, second]) {
      await tab?.getByText("You have been logged out.").waitFor();
      await tab?.getByLabel("Token").waitFor();
    }
    await logIn(page, (await makeToken("again")).token);
    await row(page, "second").waitFor();
    // The other tab hears of it without being asked.
    await second?.getByText("You have been logged out.").waitFor({ state: "detached" });
  });

  test("has thrown nothing, and asked nobody but the hub", () => {
    expect(faults.all).toEqual([]);
    expect([...faults.strangers]).toEqual([]);
  });
});
