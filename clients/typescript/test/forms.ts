// The JSON form of frames and records, as `protocol/vectors/README.md` describes it.

import { readFileSync } from "node:fs";
import { bytesToHex } from "../src/codec/read.js";
import type { Cursor } from "../src/cursor.js";
import type { Applied, Delta, PushId } from "../src/delta.js";
import type { Digest } from "../src/digest.js";
import type { ClientFrame, HubFrame, Peer } from "../src/frame.js";
import type { Guard } from "../src/guard.js";
import type { RecordState } from "../src/record.js";
import type { Value } from "../src/value.js";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** One of the golden files. */
export function vectors<T>(name: string): T {
  const path = new URL(`../../../protocol/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

const number = (value: number | bigint): Json =>
  typeof value === "bigint" ? value.toString() : value;
const orNull = <T>(value: T | undefined, form: (value: T) => Json): Json =>
  value === undefined ? null : form(value);
const valueForm = (value: Value): Json => bytesToHex(value);
const pushIdForm = ({ replica, counter }: PushId): Json => ({ replica, counter });
const cursorForm = ({ epoch, sequence, view }: Cursor): Json => ({ epoch, sequence, view });
const peerForm = ({ device, name, principal }: Peer): Json => ({ device, name, principal });

export function deltaForm({ collection, key, stamp, op }: Delta): JsonObject {
  if (op.type === "delete") {
    return { collection, key, stamp, op: "delete" };
  }
  const fields = op.fields.map(({ name, value }) => [name, orNull(value, valueForm)] as const);
  return { collection, key, stamp, op: "put", fields: Object.fromEntries(fields) };
}

export function appliedForm(applied: Applied): JsonObject {
  return { sequence: applied.sequence, ...deltaForm(applied) };
}

export function recordForm({ tombstone, registers }: RecordState): JsonObject {
  const fields = registers.map(({ name, stamp, value }) => {
    return [name, { stamp, value: orNull(value, valueForm) }] as const;
  });
  return { tombstone: tombstone?.stamp ?? null, fields: Object.fromEntries(fields) };
}

export function digestsForm(digests: Iterable<readonly [string, Digest]>): JsonObject {
  const form = ({ sum, fields }: Digest): Json => {
    return { sum: sum.toString(16).padStart(32, "0"), fields };
  };
  return Object.fromEntries([...digests].map(([name, digest]) => [name, form(digest)]));
}

function guardForm({ collection, key, condition }: Guard): Json {
  const { type, ...rest } = condition;
  const items = Object.entries(rest).map(([name, item]) => {
    return [name, item instanceof Uint8Array ? bytesToHex(item) : item] as const;
  });
  return { collection, key, condition: type, ...(Object.fromEntries(items) as JsonObject) };
}

export function clientForm(frame: ClientFrame): JsonObject {
  switch (frame.type) {
    case "hello": {
      const { type, clockMs, outbox, attributes, ...rest } = frame;
      const pushes = outbox.map(pushIdForm);
      return { type, clock_ms: clockMs, outbox: pushes, attributes: { ...attributes }, ...rest };
    }
    case "subscribe": {
      const { type, space, filter, start } = frame;
      const { collections, prefix } = filter;
      let from: Json = { from: start.from };
      if (start.from === "resume") {
        from = { from: start.from, cursor: cursorForm(start.cursor) };
      } else if (start.from === "follow") {
        from = { from: start.from, epoch: start.epoch ?? null, after: start.after ?? null };
      }
      return { type, space, filter: { collections: [...collections], prefix }, start: from };
    }
    case "push": {
      const { id, space, epoch, base, guards, deltas } = frame.push;
      return {
        type: "push",
        id: pushIdForm(id),
        space,
        epoch: epoch ?? null,
        base,
        guards: guards.map(guardForm),
        deltas: deltas.map(deltaForm),
      };
    }
    case "signal":
      return { type: frame.type, space: frame.space, value: valueForm(frame.value) };
    case "presence":
      return { type: frame.type, space: frame.space, state: orNull(frame.value, valueForm) };
    case "ping":
      return { type: frame.type, nonce: number(frame.nonce) };
    default:
      return { ...frame };
  }
}

export function hubForm(frame: HubFrame): JsonObject {
  switch (frame.type) {
    case "welcome": {
      const { type, session, hubMs, hubReplica, principal, limits } = frame;
      const times = { hub_ms: hubMs, hub_replica: hubReplica };
      return { type, session, ...times, principal, limits: Object.fromEntries(limits) };
    }
    case "subscribed": {
      const { type, space, id, head, writable } = frame;
      return { type, space, id, head: cursorForm(head), writable };
    }
    case "snapshot_begin": {
      const { type, space, id, mode, total } = frame;
      return { type, space, id, mode, records: total.records, bytes: total.bytes };
    }
    case "snapshot_end": {
      const { type, space, parts, cursor } = frame;
      return { type, space, parts, cursor: cursorForm(cursor) };
    }
    case "snapshot_part":
    case "changes": {
      const { deltas, ...rest } = frame;
      return { ...rest, deltas: deltas.map(appliedForm) };
    }
    case "withdraw":
      return { ...frame, keys: [...frame.keys] };
    case "ack":
      return { type: frame.type, push: pushIdForm(frame.push), sequence: frame.sequence };
    case "reject": {
      const { type, subject, reject, hubMs } = frame;
      const { code, text, index } = reject;
      const of: Json = "push" in subject ? { push: pushIdForm(subject.push) } : { ...subject };
      return { type, subject: of, code, text, index: index ?? null, hub_ms: hubMs };
    }
    case "heartbeat": {
      const stretches = frame.stretches.map((stretch) => ({ ...stretch }));
      return { type: frame.type, hub_ms: frame.hubMs, stretches };
    }
    case "digests": {
      const { type, space, sequence, digests } = frame;
      return { type, space, sequence, digests: digestsForm(digests) };
    }
    case "signal": {
      const { type, space, from, value } = frame;
      return { type, space, peer: peerForm(from), value: valueForm(value) };
    }
    case "presence": {
      const { type, space, from, event } = frame;
      const state = event.type === "left" ? undefined : event.state;
      const form = { event: event.type, state: orNull(state, valueForm) };
      return { type, space, peer: peerForm(from), ...form };
    }
    case "pong":
      return { type: frame.type, nonce: number(frame.nonce), hub_ms: frame.hubMs };
    case "goodbye": {
      const { type, reject, retryAfterMs } = frame;
      const { code, text } = reject;
      return { type, code, text, retry_after_ms: retryAfterMs ?? null };
    }
    case "view":
      return { ...frame };
  }
}
