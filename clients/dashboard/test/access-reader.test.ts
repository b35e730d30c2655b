// Access rules in a reader's page: told kindly, asked about, and what is open loses and gains records
// with them.

import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { standing, until } from "./browser.js";
import { Home, row } from "./home.js";

let home: Home;
let ben: Page;

beforeAll(async () => {
  home = await Home.open();
  ben = await home.enter("ben");
});

afterAll(async () => {
  await home?.close();
});

async function isReadOnly(place: Locator): Promise<boolean> {
  return await place.evaluate((it) => (it as HTMLTextAreaElement).readOnly);
}

/** What leads to the notes among the collections. */
function chip(): Locator {
  return ben.getByRole("navigation", { name: "Collections" }).getByRole("link", { name: "notes" });
}

describe("a reader", () => {
  test("is told kindly that rules are the owners', and asks what holds for them", async () => {
    await ben.getByText("are for its owners to see and to change (here: ann)").waitFor();
    expect(await ben.getByRole("button", { name: "New rule" }).count()).toBe(0);
    expect(await ben.getByLabel("May this member").inputValue()).toBe("ben");
    await home.set("deny", "ben", "notes/secret*", "read");
    await ben.getByLabel("to this item").fill("notes/secret-1");
    await ben.getByRole("button", { name: "Ask" }).click();
    const answer = ben.locator(".access-answer");
    await answer.getByText("ben may not read").waitFor();
    await answer.getByText("decides").waitFor();
    // Who may change the rules may see them, from that moment on.
    await home.set("allow", "ben", ".acl", "admin");
    await row(ben, ".acl").waitFor();
    await home.unset({ principal: "ben", item: ".acl", action: "admin" });
    await ben.getByText("are for its owners to see and to change").waitFor();
    await home.unset({ principal: "ben", item: "notes/secret*", action: "read" });
  });

  test("loses records while looking at them, and gets them back", async () => {
    await ben.goto("/#/spaces/home/records/notes/secret-1");
    await row(ben, "secret-1").waitFor();
    await row(ben, "secret-2").waitFor();
    await ben.getByText("Copy as JSON").waitFor();
    await home.set("deny", "ben", "notes/secret*", "*");
    await row(ben, "secret-1").waitFor({ state: "detached" });
    await row(ben, "secret-2").waitFor({ state: "detached" });
    await row(ben, "open").waitFor();
    await ben.getByText("is not for you to read").waitFor();
    await chip().getByText("1", { exact: true }).waitFor();
    expect(await ben.getByRole("complementary").getByText("The note secret-1").count()).toBe(0);
    // What is written meanwhile is not for ben; what is open is.
    await home.hub.command("put", "home", "notes", "secret-2", "title=Rewritten");
    await home.hub.command("put", "home", "notes", "open", "title=Open to all");
    await row(ben, "open").getByText("Open to all").waitFor();
    expect(await row(ben, "secret-2").count()).toBe(0);
    // Nor does a reload bring back what the device has kept.
    await ben.reload();
    await standing(ben, "Live");
    await row(ben, "open").getByText("Open to all").waitFor();
    expect(await row(ben, "secret-1").count()).toBe(0);
    await home.unset({ principal: "ben", item: "notes/secret*", action: "*" });
    await row(ben, "secret-1").waitFor();
    await row(ben, "secret-2").getByText("Rewritten").waitFor();
    await ben.getByText("Copy as JSON").waitFor();
  });

  test("may write the one record that a rule lets them, from that moment on", async () => {
    await ben.goto("/#/spaces/home/records/notes/open");
    const place = ben.getByRole("complementary").getByRole("textbox", { name: "title" });
    const canWrite = async (): Promise<boolean> => !(await isReadOnly(place));
    await until(async () => !(await canWrite()), "a reader's view");
    await home.set("allow", "ben", "notes/open", "write");
    await until(canWrite, "a writer's view");
    expect(await ben.getByRole("button", { name: "Delete" }).isDisabled()).toBe(true);
    await place.fill("Written by ben");
    await place.press("Enter");
    const path = "/spaces/home/collections/notes/records/open";
    await until(async () => {
      const { fields } = (await home.hub.call("GET", path)) as { fields: Record<string, unknown> };
      return fields["title"] === "Written by ben";
    }, "the write");
    await home.unset({ principal: "ben", item: "notes/open", action: "write" });
    await until(async () => !(await canWrite()), "a reader's view again");
  });

  test("loses all of the space, and gets it back", async () => {
    await ben.goto("/#/spaces/home/records/notes");
    await home.set("deny", "ben", "*", "read");
    await row(ben, "secret-1").waitFor({ state: "detached" });
    await row(ben, "open").waitFor({ state: "detached" });
    await chip().waitFor({ state: "detached" });
    await home.unset({ principal: "ben", item: "*", action: "read" });
    await row(ben, "secret-1").waitFor();
    await row(ben, "open").waitFor();
    await standing(ben, "Live");
  });
});

test("no page has thrown, nor asked anybody but the hub", () => {
  expect(home.faults()).toEqual([]);
});
