// A home with its people: a space of Ann's that Ben reads and Cleo writes, on a real hub, and a
// browser for each of them.

import type { Browser, Locator, Page } from "playwright-core";
import { Program } from "../../typescript/test/program.js";
import type { AccessRule } from "../src/hub/shapes.js";
import { openBrowser, openContext, standing, until } from "./browser.js";

const PASSWORD = "correct horse";

/** Where its rules are. */
export const ACL = "/spaces/home/acl";

export class Home {
  readonly hub: Program;
  readonly #browser: Browser;
  /** What the pages were heard to complain of, and whom they asked besides the hub. */
  readonly #faults: (() => readonly string[])[] = [];

  private constructor(hub: Program, browser: Browser) {
    this.hub = hub;
    this.#browser = browser;
  }

  static async open(): Promise<Home> {
    const hub = await Program.build();
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
    return new Home(hub, await openBrowser());
  }

  /** A browser of this person's own, at the rules of the space. */
  async enter(name: string): Promise<Page> {
    const { context, faults } = await openContext(this.#browser, this.hub.url);
    this.#faults.push(() => [...faults.all, ...faults.strangers]);
    const page = await context.newPage();
    await page.goto("/#/spaces/home/access");
    await page.getByRole("tab", { name: "Name and password" }).click();
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await standing(page, "Live");
    return page;
  }

  faults(): readonly string[] {
    return this.#faults.flatMap((faults) => faults());
  }

  async rules(): Promise<readonly AccessRule[]> {
    return ((await this.hub.call("GET", ACL)) as { items: AccessRule[] }).items;
  }

  /** Makes a rule, as somebody does elsewhere. */
  async set(verdict: string, principal: string, item: string, action: string): Promise<void> {
    await this.hub.call("PUT", ACL, { verdict, principal, item, action });
  }

  async unset({ principal, item, action }: Omit<AccessRule, "verdict">): Promise<void> {
    await this.hub.call("DELETE", `${ACL}?${new URLSearchParams({ principal, item, action })}`);
  }

  /** Waits until a rule on an item says so. */
  async holds(verdict: string, item: string): Promise<void> {
    const isSo = (rule: AccessRule): boolean => rule.verdict === verdict && rule.item === item;
    await until(async () => (await this.rules()).some(isSo), `the hub to ${verdict} ${item}`);
  }

  /** Waits until no rule is on an item. */
  async isGone(item: string): Promise<void> {
    const isGone = async () => !(await this.rules()).some((rule) => rule.item === item);
    await until(isGone, `no rule on ${item}`);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.hub.remove();
  }
}

/** The row of a table that has a cell of this text. */
export function row(on: Page, text: string): Locator {
  return on.getByRole("row").filter({ has: on.getByText(text, { exact: true }) });
}
