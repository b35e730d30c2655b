// What the page Devices says of who lags: never more than it was told.

import { expect, test } from "vitest";
import { verdictOf } from "../src/devices/lag.js";
import type { Device } from "../src/hub/shapes.js";

function device(name: string, ...behind: readonly number[]): Device {
  const spaces = behind.map((it, at) => ({ space: `s${at}`, sequence: 0, behind: it }));
  const clock = { last_ms: 0, clock_offset_ms: 0 };
  return { device: name, name, account: "ann", replica: name, online: true, spaces, ...clock };
}

test("whoever is far behind lags, in whichever space", () => {
  const verdict = verdictOf([device("phone", 0, 50_000), device("laptop", 3), device("new")]);
  expect(verdict).toMatchObject({ type: "lag", devices: [{ name: "phone" }] });
});

test("nobody is said to be well before anybody has told", () => {
  expect(verdictOf([device("phone"), device("laptop")])).toEqual({ type: "untold" });
});

test("whoever has not told is left out of what is said", () => {
  expect(verdictOf([device("phone", 3), device("laptop")])).toEqual({ type: "well", untold: 1 });
  expect(verdictOf([device("phone", 3)])).toEqual({ type: "well", untold: 0 });
  expect(verdictOf([])).toEqual({ type: "well", untold: 0 });
});
