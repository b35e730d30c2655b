// Access rules in the page: an owner makes, changes and removes them, asks why, and a reader's open
// page loses and gains records with them.

import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import type { AccessRule, Explanation } from "../src/hub/shapes.js";
import { matching } from "../src/spaces/access/rule.js";
import { type Faults, openBrowser, openContext, standing, until } from "./browser.js";

const PASSWORD = "correct horse";
const ACL = "/spaces/home/acl";

let hub: Program;
let browser: Browser;
let ann: Page;
let ben: Page;
const faults: Faults[] = [];

beforeAll(async () => {
  hub = await Program.build();
  await hub.start();
  for (const name of ["ann", "ben", "cleo"]) {
    await hub.call("POST", "/users", { name, password: PASSWORD });
  }
  await hub.call("POST", "/spaces", { name: "home", owner: "ann" });
  await hub.call("PUT", "/spaces/home/members/ben", { role: "reader" });
  await hub.call("PUT", "/spaces/home/members/cleo", { role: "writer" });
  for (const key of ["open", "secret-1", "secret-2"]) {
    await hub.command("put", "home", "notes", key, `title=The note ${key}`);
  }
  browser = await openBrowser();
  [ann, ben] = [await enter("ann"), await enter("ben")];
});

afterAll(async () => {
  await browser?.close();
  await hub?.remove();
});

/** A browser of this person's own, at the rules of the space. */
async function enter(name: string): Promise<Page> {
  const opened = await openContext(browser, hub.url);
  faults.push(opened.faults);
  const page = await opened.context.newPage();
  await page.goto("/#/spaces/home/access");
  await page.getByRole("tab", { name: "Name and password" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await standing(page, "Live");
  return page;
}

async function rules(): Promise<readonly AccessRule[]> {
  return ((await hub.call("GET", ACL)) as { items: AccessRule[] }).items;
}

async function set(verdict: string, principal: string, item: string, action: string) {
  await hub.call("PUT", ACL, { verdict, principal, item, action });
}

async function unset(rule: Omit<AccessRule, "verdict">): Promise<void> {
  const { principal, item, action } = rule;
  await hub.call("DELETE", `${ACL}?${new URLSearchParams({ principal, item, action })}`);
}

async function holds(verdict: string, item: string): Promise<void> {
  const isSo = (rule: AccessRule): boolean => rule.verdict === verdict && rule.item === item;
  await until(async () => (await rules()).some(isSo), `the hub to ${verdict} ${item}`);
}

async function isGone(item: string): Promise<void> {
  await until(async () => !(await rules()).some((it) => it.item === item), `no rule on ${item}`);
}

function row(on: Page, text: string): Locator {
  return on.getByRole("row").filter({ has: on.getByText(text, { exact: true }) });
}

/** The items of the rules, from above. */
async function order(on: Page): Promise<readonly string[]> {
  const cells = on.getByRole("table", { name: "Access rules" }).locator(".rows .cell:first-child");
  return await cells.allInnerTexts();
}

describe("an owner", () => {
  test("begins with an example, and it works", async () => {
    await ann.getByText("Every member may what their role says").waitFor();
    await ann.getByRole("button", { name: "with what is in notes" }).click();
    const dialog = ann.getByRole("dialog");
    await dialog.getByText("Nobody but owners may do anything with what is in notes.").waitFor();
    await dialog.getByRole("button", { name: "Make it" }).click();
    await row(ann, "notes/*").waitFor();
    await holds("deny", "notes/*");
    await ann.getByRole("button", { name: "Undo" }).click();
    await isGone("notes/*");
    await ann.getByText("Every member may what their role says").waitFor();
  });

  test("makes a rule by keyboard alone, and hears at the field what is wrong", async () => {
    await ann.getByRole("button", { name: "New rule" }).focus();
    await ann.keyboard.press("Enter");
    const item = ann.getByRole("dialog").getByLabel("Item");
    await until(() => item.evaluate((it) => it === document.activeElement), "focus on the item");
    await ann.keyboard.type("notes/*secret");
    await ann.keyboard.press("Enter");
    const alert = ann.getByRole("dialog").getByRole("alert");
    expect(await alert.innerText()).toBe("Pattern can have at most one wildcard at the end");
    expect(await item.getAttribute("aria-invalid")).toBe("true");
    expect(await item.evaluate((it) => it === document.activeElement)).toBe(true);
    await item.fill("notes/secret*");
    await ann.keyboard.press("Tab");
    await ann.keyboard.press("ControlOrMeta+a");
    await ann.keyboard.type("ben");
    await ann.keyboard.press("Tab");
    await ann.keyboard.press("ControlOrMeta+a");
    await ann.keyboard.type("read");
    await ann.keyboard.press("Tab");
    await ann.getByText("ben may not read what begins with notes/secret.").waitFor();
    await ann.keyboard.press("Enter");
    await row(ann, "notes/secret*").waitFor();
    await holds("deny", "notes/secret*");
  });

  test("is offered members, collections, keys and actions", async () => {
    await ann.getByRole("button", { name: "New rule" }).click();
    const dialog = ann.getByRole("dialog");
    const words = async (label: string): Promise<readonly string[]> => {
      const list = await dialog.getByLabel(label).getAttribute("list");
      const options = ann.locator(`[id="${list}"] option`);
      return await options.evaluateAll((all) => all.map((it) => (it as HTMLOptionElement).value));
    };
    expect(await words("Member")).toEqual(["*", "ann", "ben", "cleo"]);
    expect(await words("Item")).toEqual(["*", "notes/*", ".acl"]);
    expect(await words("Action")).toEqual(["*", "read", "write", "delete", "admin"]);
    await dialog.getByLabel("Item").fill("notes/se");
    await until(async () => (await words("Item")).includes("notes/secret-1"), "keys");
    expect(await words("Item")).not.toContain("notes/open");
    await ann.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  });

  test("changes what a rule says, removes it, and takes both back", async () => {
    const verdict = row(ann, "notes/secret*").getByRole("combobox");
    await verdict.selectOption("allow");
    await holds("allow", "notes/secret*");
    await ann.getByRole("button", { name: "Undo" }).last().click();
    await holds("deny", "notes/secret*");
    await ann.getByRole("button", { name: /^Remove: ben may not read/ }).click();
    await row(ann, "notes/secret*").waitFor({ state: "detached" });
    await isGone("notes/secret*");
    await ann.keyboard.press("Control+z");
    await row(ann, "notes/secret*").waitFor();
    await holds("deny", "notes/secret*");
  });

  test("looks at a whole rule, gives it other patterns, and takes that back", async () => {
    await ann.getByRole("button", { name: "notes/secret*" }).click();
    await ann.getByRole("dialog").getByLabel("Item").fill("notes/open");
    await ann.getByRole("button", { name: "Change it" }).click();
    await row(ann, "notes/open").waitFor();
    await row(ann, "notes/secret*").waitFor({ state: "detached" });
    await holds("deny", "notes/open");
    await isGone("notes/secret*");
    await ann.getByRole("button", { name: "Undo" }).last().click();
    await holds("deny", "notes/secret*");
    await isGone("notes/open");
    await row(ann, "notes/open").waitFor({ state: "detached" });
  });

  test("sees rules that change elsewhere, in the order in which they decide", async () => {
    await set("deny", "*", "*", "delete");
    await set("allow", "ben", "notes/*", "write");
    await set("allow", "ben", "notes/secret-2", "read");
    await row(ann, "notes/secret-2").waitFor();
    await until(async () => (await order(ann)).length === 4, "four rules");
    expect(await order(ann)).toEqual(["notes/secret-2", "notes/secret*", "notes/*", "*"]);
    await unset({ principal: "ben", item: "notes/secret-2", action: "read" });
    await row(ann, "notes/secret-2").waitFor({ state: "detached" });
  });

  test("asks why, from a record, and sees what decides and what gave way", async () => {
    await ann.goto("/#/spaces/home/records/notes/secret-1");
    await ann.getByRole("link", { name: "Who may?" }).click();
    const answer = ann.locator(".access-answer");
    await answer.getByText("ben may not read").waitFor();
    const first = answer.getByRole("listitem").first();
    expect(await first.innerText()).toMatch(/deny notes\/secret\* · ben · read decides/);

    await ann.getByLabel("May this member").fill("cleo");
    await ann.getByLabel("do this").fill("delete");
    await ann.getByRole("button", { name: "Ask" }).click();
    await answer.getByText("cleo may not delete").waitFor();
    await set("allow", "cleo", "notes/secret-1", "delete");
    // The answer follows the rules.
    await answer.getByText("cleo may delete").waitFor();
    await answer.getByText("less specific item").waitFor();
    expect(await answer.getByRole("listitem").count()).toBe(2);

    await ann.getByLabel("do this").fill("read");
    await ann.getByRole("button", { name: "Ask" }).click();
    await answer.getByText("No rule matches, so the role decides: cleo is writer").waitFor();
    await ann.getByLabel("May this member").fill("dora");
    await ann.getByRole("button", { name: "Ask" }).click();
    await answer.getByText("dora is no member of this space.").waitFor();
    await ann.getByLabel("May this member").fill("ann");
    await ann.getByRole("button", { name: "Ask" }).click();
    await answer.getByText("no rule binds them").waitFor();
    await ann.getByLabel("do this").fill("juggle");
    await ann.getByRole("button", { name: "Ask" }).click();
    await ann.getByRole("alert").getByText("An action is read, write").waitFor();
  });

  test("sees the rule first that the hub decides by, whatever is asked", async () => {
    for (const rule of ["allow be* notes/s* read", "deny b* n* r*", "allow cleo * *"]) {
      const [verdict = "", principal = "", item = "", action = ""] = rule.split(" ");
      await set(verdict, principal, item, action);
    }
    const all = await rules();
    for (const principal of ["ben", "cleo"]) {
      for (const item of ["notes/secret-1", "notes/secret-9", "notes/open", "n", "other/x"]) {
        for (const action of ["read", "write", "delete", "admin"]) {
          const asked = { principal, item, action };
          const path = `${ACL}/explain?${new URLSearchParams(asked)}`;
          const { rule } = (await hub.call("GET", path)) as Explanation;
          expect(matching(all, asked)[0] ?? null, JSON.stringify(asked)).toEqual(rule);
        }
      }
    }
    for (const rule of all) {
      await unset(rule);
    }
  });
});

describe("a reader", () => {
  test("is told kindly that rules are the owners', and asks what holds for them", async () => {
    await ben.getByText("are for its owners to see and to change (here: ann)").waitFor();
    expect(await ben.getByRole("button", { name: "New rule" }).count()).toBe(0);
    expect(await ben.getByLabel("May this member").inputValue()).toBe("ben");
    await set("deny", "ben", "notes/secret*", "read");
    await ben.getByLabel("to this item").fill("notes/secret-1");
    await ben.getByRole("button", { name: "Ask" }).click();
    const answer = ben.locator(".access-answer");
    await answer.getByText("ben may not read").waitFor();
    await answer.getByText("decides").waitFor();
    // Who may change the rules may see them, from that moment on.
    await set("allow", "ben", ".acl", "admin");
    await row(ben, ".acl").waitFor();
    await unset({ principal: "ben", item: ".acl", action: "admin" });
    await ben.getByText("are for its owners to see and to change").waitFor();
    await unset({ principal: "ben", item: "notes/secret*", action: "read" });
  });

  test("loses records while looking at them, and gets them back", async () => {
    await ben.goto("/#/spaces/home/records/notes/secret-1");
    await row(ben, "secret-1").waitFor();
    await row(ben, "secret-2").waitFor();
    await ben.getByText("Copy as JSON").waitFor();
    await set("deny", "ben", "notes/secret*", "*");
    await row(ben, "secret-1").waitFor({ state: "detached" });
    await row(ben, "secret-2").waitFor({ state: "detached" });
    await row(ben, "open").waitFor();
    await ben.getByText("is not for you to read").waitFor();
    expect(await ben.getByRole("complementary").getByText("The note secret-1").count()).toBe(0);
    // What is written meanwhile is not for ben; what is open is.
    await hub.command("put", "home", "notes", "secret-2", "title=Rewritten");
    await hub.command("put", "home", "notes", "open", "title=Open to all");
    await row(ben, "open").getByText("Open to all").waitFor();
    expect(await row(ben, "secret-2").count()).toBe(0);
    // Nor does a reload bring back what the device has kept.
    await ben.reload();
    await standing(ben, "Live");
    await row(ben, "open").getByText("Open to all").waitFor();
    expect(await row(ben, "secret-1").count()).toBe(0);
    await unset({ principal: "ben", item: "notes/secret*", action: "*" });
    await row(ben, "secret-1").waitFor();
    await row(ben, "secret-2").getByText("Rewritten").waitFor();
    await ben.getByText("Copy as JSON").waitFor();
  });

  test("loses all of the space, and gets it back", async () => {
    await set("deny", "ben", "*", "read");
    await row(ben, "secret-1").waitFor({ state: "detached" });
    await row(ben, "open").waitFor({ state: "detached" });
    await unset({ principal: "ben", item: "*", action: "read" });
    await row(ben, "secret-1").waitFor();
    await row(ben, "open").waitFor();
    await standing(ben, "Live");
  });
});

test("no page has thrown, nor asked anybody but the hub", () => {
  expect(faults.flatMap(({ all }) => all)).toEqual([]);
  expect(faults.flatMap(({ strangers }) => [...strangers])).toEqual([]);
});
