// A real browser, the hub's own pages in it, and what they were heard to say.

import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Where systems keep it; `CHROMIUM` names another place. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Nothing that is waited for takes so long, unless it is broken. */
export const PATIENCE_MS = 60_000;

export function chromiumPath(): string {
  const path = process.env["CHROMIUM"] ?? PLACES.find((place) => existsSync(place));
  if (path === undefined) {
    throw new Error("there is no chromium: install it (Debian: chromium), or name it in CHROMIUM");
  }
  return path;
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), headless: true, args: FLAGS });
}

/** What was wrong in the pages of a context, by itself: nothing, when all is well. */
export interface Faults {
  readonly all: string[];
  /** Addresses outside of the hub that were asked for. */
  readonly strangers: Set<string>;
}

type ContextOptions = NonNullable<Parameters<Browser["newContext"]>[0]>;

/** A browser of its own, as far as its pages can tell. */
export async function openContext(
  browser: Browser,
  url: string,
  options: ContextOptions = {},
): Promise<{ readonly context: BrowserContext; readonly faults: Faults }> {
  const context = await browser.newContext({ baseURL: url, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const faults: Faults = { all: [], strangers: new Set() };
  context.on("page", (page) => {
    page.on("pageerror", (error) => faults.all.push(String(error)));
    page.on("console", (message) => {
      // A browser says of each request that it failed; a hub that is away is no fault of a page's.
      const isNetwork = message.text().includes("Failed to load resource");
      const isSocket = message.text().includes("WebSocket connection to");
      if (message.type() === "error" && !isNetwork && !isSocket) {
        faults.all.push(message.text());
      }
    });
  });
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== url && protocol !== "blob:" && protocol !== "data:") {
      faults.strangers.add(request.url());
    }
  });
  return { context, faults };
}

/** Logs a page in by token and waits until it is live. */
export async function logIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await standing(page, "Live");
}

/** Waits until the connection stands so. */
export async function standing(page: Page, word: string): Promise<void> {
  await page.locator(".standing", { hasText: word }).waitFor();
}

/** Waits for something that is bound to come. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) {
      throw new Error(`waited for ${what} in vain`);
    }
    await pause(20);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
