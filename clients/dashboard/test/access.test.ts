// Access rules in an owner's page: made, changed, removed and taken back, and the question why.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Explanation } from "../src/hub/shapes.js";
import { matching } from "../src/spaces/access/rule.js";
import { until } from "./browser.js";
import { ACL, Home, row } from "./home.js";

let home: Home;
let ann: Page;

beforeAll(async () => {
  home = await Home.open();
  ann = await home.enter("ann");
});

afterAll(async () => {
  await home?.close();
});

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
    await home.holds("deny", "notes/*");
    await ann.getByRole("button", { name: "Undo" }).click();
    await home.isGone("notes/*");
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
    await home.holds("deny", "notes/secret*");
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

  /** Takes back what a toast says: the hub knows of it before the page shows the toast. */
  const undo = async (said: RegExp): Promise<void> => {
    const toast = ann.locator(".toast", { hasText: said }).last();
    await toast.getByRole("button", { name: "Undo" }).click();
  };

  test("changes what a rule says, removes it, and takes both back", async () => {
    const verdict = row(ann, "notes/secret*").getByRole("combobox");
    await verdict.selectOption("allow");
    await home.holds("allow", "notes/secret*");
    await undo(/^ben may read/);
    await home.holds("deny", "notes/secret*");
    await ann.getByRole("button", { name: /^Remove: ben may not read/ }).click();
    await row(ann, "notes/secret*").waitFor({ state: "detached" });
    await home.isGone("notes/secret*");
    // The way back is open once the page has heard that the rule is gone.
    await ann.getByText(/^Removed: ben may not read/).waitFor();
    await ann.keyboard.press("Control+z");
    await row(ann, "notes/secret*").waitFor();
    await home.holds("deny", "notes/secret*");
  });

  test("looks at a whole rule, gives it other patterns, and takes that back", async () => {
    await ann.getByRole("button", { name: "notes/secret*" }).click();
    await ann.getByRole("dialog").getByLabel("Item").fill("notes/open");
    await ann.getByRole("button", { name: "Change it" }).click();
    await row(ann, "notes/open").waitFor();
    await row(ann, "notes/secret*").waitFor({ state: "detached" });
    await home.holds("deny", "notes/open");
    await home.isGone("notes/secret*");
    await undo(/notes\/open/);
    await home.holds("deny", "notes/secret*");
    await home.isGone("notes/open");
    await row(ann, "notes/open").waitFor({ state: "detached" });
  });

  test("sees rules that change elsewhere, in the order in which they decide", async () => {
    await home.set("deny", "*", "*", "delete");
    await home.set("allow", "ben", "notes/*", "write");
    await home.set("allow", "ben", "notes/secret-2", "read");
    await row(ann, "notes/secret-2").waitFor();
    await until(async () => (await order(ann)).length === 4, "four rules");
    expect(await order(ann)).toEqual(["notes/secret-2", "notes/secret*", "notes/*", "*"]);
    await home.unset({ principal: "ben", item: "notes/secret-2", action: "read" });
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
    await home.set("allow", "cleo", "notes/secret-1", "delete");
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
      await home.set(verdict, principal, item, action);
    }
    const all = await home.rules();
    for (const principal of ["ben", "cleo"]) {
      for (const item of ["notes/secret-1", "notes/secret-9", "notes/open", "n", "other/x"]) {
        for (const action of ["read", "write", "delete", "admin"]) {
          const asked = { principal, item, action };
          const path = `${ACL}/explain?${new URLSearchParams(asked)}`;
          const { rule } = (await home.hub.call("GET", path)) as Explanation;
          expect(matching(all, asked)[0] ?? null, JSON.stringify(asked)).toEqual(rule);
        }
      }
    }
    for (const rule of all) {
      await home.unset(rule);
    }
  });
});

test("no page has thrown, nor asked anybody but the hub", () => {
  expect(home.faults()).toEqual([]);
});
