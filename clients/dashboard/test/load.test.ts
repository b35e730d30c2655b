// Real bookmarks, hundreds of changes a second: the page stays fluent, and its figures are the
// hub's.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { type Client, connect } from "syncline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Program } from "../../typescript/test/program.js";
import { logIn, openBrowser, openContext, until } from "./browser.js";

/** 1,256 real records; the folder lies beside the checkout. */
const BOOKMARKS = fileURLToPath(
  new URL("../../../../shared/data/awesome-selfhosted.ndjson", import.meta.url),
);
const CHANGES_PER_SECOND = 500;
/** As an app that imports does: what is due is one push. */
const EVERY_MS = 40;
/** What a person finds fluent. A machine that builds for many shows only that the page is not stuck. */
const FRAMES_PER_SECOND_MIN = process.env["CI"] === "true" ? 10 : 30;
/** So much of what is due must be applied meanwhile. */
const APPLIED_MIN = process.env["CI"] === "true" ? 0.3 : 0.8;
const WATCHED_MS = 4_000;
/** As fast as anybody can read anything: thirty rows a second. */
const SCROLL_PX_PER_MS = 1;
/** The machine may be busy with something else for a while; a slow page is slow each time. */
const TRIES = 5;

let hub: Program;
let browser: Browser;
let page: Page;
let writer: Client;

beforeAll(async () => {
  hub = await Program.build();
  await hub.start();
  await hub.call("POST", "/spaces", { name: "bookmarks" });
  await hub.command("import", "bookmarks", "links", BOOKMARKS, "--key", "key");
  browser = await openBrowser();
  const { context } = await openContext(browser, hub.url, {
    viewport: { width: 1280, height: 800 },
  });
  page = await context.newPage();
  await page.goto("/");
  await logIn(page, hub.token);
  writer = await connect({ url: hub.url, token: hub.token, store: false, deviceName: "writer" });
  await writer.space("bookmarks").synced();
});

afterAll(async () => {
  await writer?.close();
  await browser?.close();
  await hub?.remove();
});

/** The keys of all bookmarks, in the order of the page. */
function names(): readonly string[] {
  const lines = readFileSync(BOOKMARKS, "utf8").trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as { key: string }).key).sort();
}

/** Applies so many changes a second until it is stopped; gives how many there were. */
function change(): () => number {
  const keys = names();
  const bookmarks = writer.space("bookmarks");
  const began = performance.now();
  let changes = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * CHANGES_PER_SECOND;
    bookmarks.transaction((write) => {
      for (; changes < due; changes += 1) {
        // The first ones are on the screen; the others are everywhere.
        const at = changes % 2 === 0 ? (changes / 2) % 20 : (changes * 31) % keys.length;
        write.put("links", keys[at] ?? "", { title: `changed ${changes}` });
      }
    });
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    return changes;
  };
}

interface Watched {
  readonly frames: number;
  readonly longestMs: number;
  readonly applied: number;
}

/** Scrolls on and on, and counts frames; the longest pause between two is told too. */
async function watch(): Promise<Watched> {
  const before = await metric("syncline_deltas_in_total");
  const seen = await page.evaluate(
    ([duration, speed]) =>
      new Promise<Omit<Watched, "applied">>((resolve) => {
        const table = document.querySelector('[role="table"]');
        const began = performance.now();
        let [frames, last, longestMs] = [0, began, 0];
        const frame = (now: number): void => {
          frames += 1;
          longestMs = Math.max(longestMs, now - last);
          last = now;
          table?.scrollTo({ top: (now - began) * speed });
          if (now - began < duration) {
            requestAnimationFrame(frame);
          } else {
            resolve({ frames: (frames * 1000) / (now - began), longestMs });
          }
        };
        requestAnimationFrame(frame);
      }),
    [WATCHED_MS, SCROLL_PX_PER_MS] as const,
  );
  return { ...seen, applied: (await metric("syncline_deltas_in_total")) - before };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${hub.url}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}

/** The bytes that a size as the page shows it (`12.3 MiB`) stands for. */
function inBytes(shown: string): number {
  const units = ["B", "KiB", "MiB", "GiB"];
  const [number = "", unit = ""] = shown.split(" ");
  return Number(number) * 1024 ** units.indexOf(unit);
}

describe("the dashboard under load", () => {
  test(`draws more than ${FRAMES_PER_SECOND_MIN} frames a second and scrolls`, async () => {
    await page.goto("/#/spaces/bookmarks/records/links");
    await page.getByText("1,256 records", { exact: true }).first().waitFor();
    const stop = change();
    await page.locator(".flash").first().waitFor();
    const isFluent = ({ frames, applied }: Watched): boolean =>
      frames > FRAMES_PER_SECOND_MIN &&
      applied > (CHANGES_PER_SECOND * WATCHED_MS * APPLIED_MIN) / 1000;
    let watched = await watch();
    for (let tried = 1; tried < TRIES && !isFluent(watched); tried += 1) {
      watched = await watch();
    }
    const changes = stop();
    const { frames, longestMs, applied } = watched;
    process.stdout.write(
      `${frames.toFixed(1)} frames a second, the longest pause ${longestMs.toFixed(0)} ms, ` +
        `${applied} changes applied meanwhile\n`,
    );
    expect(watched).toSatisfy(isFluent);
    // To the very end, which is there though nobody has scrolled over what is in between.
    const last = names().at(-1) ?? "";
    await page.getByRole("table").evaluate((table) => table.scrollTo({ top: table.scrollHeight }));
    await page.getByRole("cell", { name: last, exact: true }).waitFor();
    // What was written last is what the page shows in the end.
    await writer.settled();
    const newest = `changed ${changes - 1}`;
    await page.getByLabel("Find records").fill(newest);
    await page.getByRole("cell", { name: newest }).waitFor();
  });

  test("shows the rate while it lasts", async () => {
    await page.goto("/#/overview");
    const stop = change();
    const shown = page.locator('[data-figure="deltas-in"] .figure');
    const rates: number[] = [];
    try {
      await until(async () => {
        const [, rate = "0"] = /^([\d,.]+)\/s$/.exec(await shown.innerText()) ?? [];
        rates.push(Number(rate.replaceAll(",", "")));
        return Math.abs((rates.at(-1) ?? 0) - CHANGES_PER_SECOND) < CHANGES_PER_SECOND * 0.3;
      }, "a rate near the one that is applied");
    } finally {
      stop();
    }
  });

  test("agrees with /metrics", async () => {
    await writer.settled();
    const figures = [
      ["deltas_in", "syncline_deltas_in_total"],
      ["deltas_out", "syncline_deltas_out_total"],
      ["catch_ups", "syncline_catch_ups_total"],
      ["conflicts", "syncline_conflicts_total"],
      ["slow_consumers", "syncline_slow_consumers_total"],
    ] as const;
    const count = new Intl.NumberFormat("en");
    for (const [total, name] of figures) {
      const wanted = count.format(await metric(name));
      await page.locator(`[data-total="${total}"]`, { hasText: wanted }).waitFor();
      expect(await page.locator(`[data-total="${total}"]`).innerText()).toBe(wanted);
    }
    const sessions = count.format(await metric("syncline_sessions"));
    expect(await page.locator('[data-figure="sessions"] .figure').innerText()).toBe(sessions);
    // The page hears of sizes a moment later than they are measured here, and a checkpoint in between
    // moves them far: both are read again until they are of one moment. Three digits are shown.
    await until(async () => {
      const bytes =
        (await metric("syncline_store_bytes")) + (await metric("syncline_journal_bytes"));
      const shown = inBytes(await page.locator('[data-figure="store"] .figure').innerText());
      return Math.abs(shown - bytes) / bytes < 0.05;
    }, "the size of the store that /metrics tells");
  });
});
