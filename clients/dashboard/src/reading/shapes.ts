// What readings are made of: as records of the space, and as the gateway's routes answer.
//
// A record is whatever somebody wrote: it is looked at field by field, and what is no position is
// none.

import type { Plain, RecordView } from "syncline";
import { ask } from "../hub/request";

/** Where somebody is in a document. */
export interface Position {
  /** A place that devices understand. */
  readonly progress: string;
  /** How far that is, between 0 and 1. */
  readonly share: number;
  /** The device's name. */
  readonly device: string;
  readonly deviceId: string | undefined;
  readonly at_ms: number;
}

/** A position that was kept. */
export interface Entry extends Position {
  /** Its key: what a restore names. */
  readonly entry: string;
  readonly document: string;
  /** When it came, to the millisecond, which the key alone tells. */
  readonly came_ms: number;
  readonly origin: "push" | "restore" | "import" | "native" | null;
  /** Whether it became the current one when it came. */
  readonly isCurrent: boolean;
}

/** Where devices find the hub, and whether they may register. */
export interface Connecting {
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  readonly registration: Registration;
  readonly registration_open: boolean;
  /** Whether a device can open the account already. */
  readonly has_key: boolean;
}

export type Registration = "first" | "open" | "closed";

/** What an account chooses. */
export interface Choice {
  readonly policy: "latest" | "furthest";
  readonly protect: boolean;
}

export interface DevicePassword {
  readonly id: string;
  readonly label: string;
  readonly created_ms: number;
}

export interface Reader {
  readonly account: string;
  /** The name that its devices send. */
  readonly name: string;
  readonly device_passwords: number;
}

interface RawPosition {
  readonly progress: string;
  readonly percentage: number;
  readonly device: string;
  readonly device_id?: string | null;
  readonly timestamp: number;
}

interface RawEntry extends RawPosition {
  readonly entry: string;
  readonly origin: Entry["origin"];
  readonly current: boolean;
}

/** The gateway's own routes. */
export const ROUTES = "/gateways/koreader";

/** A route of the gateway, about this account. */
export function path(account: string, ...segments: readonly string[]): string {
  const place = [ROUTES, ...segments.map(encodeURIComponent)].join("/");
  return `${place}?account=${encodeURIComponent(account)}`;
}

/** All that was kept of a document, the oldest first. */
export async function askHistory(account: string, document: string): Promise<readonly Entry[]> {
  const route = `GET ${path(account, "books", document, "history")}`;
  const { items } = await ask<{ readonly items: readonly RawEntry[] }>(route);
  return items.map((raw) => {
    const { entry, origin, current } = raw;
    const position = positionOf(raw);
    const came_ms = position.at_ms + Number(/\.(\d{3})-/.exec(entry)?.[1] ?? 0);
    return { ...position, entry, document, came_ms, origin, isCurrent: current };
  });
}

/** The position in a record, if there is one. */
export function positionIn(record: RecordView): Position | undefined {
  const raw = mapOf(record.fields["position"]);
  const isOne =
    typeof raw?.["progress"] === "string" &&
    typeof raw["percentage"] === "number" &&
    typeof raw["device"] === "string" &&
    typeof raw["timestamp"] === "number";
  return isOne ? positionOf(raw as unknown as RawPosition) : undefined;
}

function positionOf(raw: RawPosition): Position {
  return {
    progress: raw.progress,
    share: Math.min(Math.max(raw.percentage, 0), 1) || 0,
    device: raw.device,
    deviceId: raw.device_id ?? undefined,
    at_ms: raw.timestamp * 1000,
  };
}

export function textOf(value: Plain | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function mapOf(value: Plain | undefined): Readonly<Record<string, Plain>> | undefined {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Readonly<Record<string, Plain>>) : undefined;
}
