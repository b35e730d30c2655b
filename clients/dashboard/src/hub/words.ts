// Numbers, times and values as people read them.

import { Extension, type Plain } from "syncline";

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const SMALL = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 12,345 */
export const count = (value: number): string => COUNT.format(value);

/** 12.3K */
export const short = (value: number): string =>
  value < 10_000 ? COUNT.format(value) : SHORT.format(value);

/** 1 record, 2 records */
export const counted = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** 4.2 MiB */
export function bytes(value: number): string {
  const step = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1);
  return `${SMALL.format(value / 1024 ** step)} ${UNITS[step]}`;
}

/** 1.2 ms */
export function seconds(value: number | undefined | null): string {
  if (value === undefined || value === null) {
    return "–";
  }
  if (value < 0.001) {
    return `${SMALL.format(value * 1e6)} µs`;
  }
  return value < 1 ? `${SMALL.format(value * 1e3)} ms` : `${SMALL.format(value)} s`;
}

const STEPS: readonly (readonly [ms: number, name: string])[] = [
  [365 * 86_400_000, "year"],
  [30 * 86_400_000, "month"],
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
];

/** 3 minutes ago; in 2 days */
export function relative(at_ms: number, now_ms: number = Date.now()): string {
  const ms = at_ms - now_ms;
  const step = STEPS.find(([length]) => Math.abs(ms) >= length);
  if (step === undefined) {
    return ms > 5_000 ? `in ${Math.round(ms / 1000)} s` : ms > -5_000 ? "now" : "seconds ago";
  }
  const words = counted(Math.round(Math.abs(ms) / step[0]), step[1]);
  return ms < 0 ? `${words} ago` : `in ${words}`;
}

/** How far a clock is off: +120 ms */
export function offset(ms: number): string {
  const sign = ms > 0 ? "+" : ms < 0 ? "−" : "";
  return `${sign}${seconds(Math.abs(ms) / 1000)}`;
}

export const day = (at_ms: number): string => DAY.format(at_ms);
export const moment = (at_ms: number): string => MOMENT.format(at_ms);

/** When a stamp was made: its first 48 bits. */
export const stampMs = (stamp: string): number => Number.parseInt(stamp.slice(0, 12), 16);

const BROWSERS: readonly (readonly [mark: string, name: string])[] = [
  ["Firefox", "Firefox"],
  ["Edg", "Edge"],
  ["Chrome", "Chrome"],
  ["Safari", "Safari"],
];

/** A browser by what it says of itself: Firefox on Windows. */
export function browserName(agent: string): string {
  const name = BROWSERS.find(([mark]) => agent.includes(mark))?.[1] ?? "a browser";
  const system = /Windows|Android|iPhone|iPad|Mac OS|Linux/.exec(agent)?.[0];
  return system === undefined ? name : `${name} on ${system}`;
}

/** A value in one line. */
export function inline(value: Plain | undefined): string {
  return typeof value === "string" ? value : jsonOf(value);
}

/** A value as JSON, and what JSON has no word for in a form of its own. */
export function jsonOf(value: Plain | undefined, indent = 0): string {
  return JSON.stringify(value, replaced, indent) ?? "";
}

function replaced(this: unknown, name: string, seen: unknown): unknown {
  // A Date has become its text by the time that it is seen here.
  const value = (this as Record<string, unknown>)[name];
  if (typeof value === "bigint") {
    return String(value);
  }
  if (value instanceof Uint8Array) {
    return { $bin: base64(value) };
  }
  if (value instanceof Extension) {
    return { $ext: [value.type, base64(value.data)] };
  }
  if (value instanceof Map) {
    return { $map: [...value] };
  }
  return seen;
}

/** Whether a person can write a value as JSON without losing what it is. */
export function isEditable(value: Plain | undefined): boolean {
  if (typeof value !== "object" || value === null) {
    return typeof value !== "bigint";
  }
  if (Array.isArray(value)) {
    return value.every(isEditable);
  }
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  return isPlain && Object.values(value).every((inner) => isEditable(inner as Plain));
}

function base64(data: Uint8Array): string {
  return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));
}
