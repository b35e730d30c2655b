// @vitest-environment jsdom
// What a page tells a client: that the network is back, that it is looked at, that it is left.

import { expect, test } from "vitest";
import { environmentOf } from "../src/environment.js";

test("a page tells when to try again, and when to keep what is not kept", () => {
  const heard: string[] = [];
  const stop = environmentOf().watch((what) => heard.push(what));
  dispatchEvent(new Event("online"));
  dispatchEvent(new Event("pagehide"));
  document.dispatchEvent(new Event("visibilitychange"));
  stop();
  dispatchEvent(new Event("online"));
  expect(heard).toEqual(["online", "hidden", document.visibilityState]);
});

test("the world of the platform: clocks that go on, chance that differs, timers that end", async () => {
  const { now, steady, random, later } = environmentOf();
  expect(Math.abs(now() - Date.now())).toBeLessThan(1_000);
  expect(Number.isInteger(steady()) && steady() >= 0).toBe(true);
  expect(random()).not.toBe(random());
  let runs = 0;
  later(() => {
    runs += 1;
  }, 0)();
  await new Promise<void>((resolve) => {
    later(resolve, 1);
  });
  expect(runs).toBe(0);
});
