// Deltas, and the pushes that carry them.
//
// A change says what happens to one record; a delta is a change under a stamp; an applied delta
// also has the sequence that the hub gave it.

import type { Epoch } from "./cursor.js";
import type { Guard } from "./guard.js";
import type { CollectionName, FieldName, RecordKey, ReplicaId, SpaceName } from "./name.js";
import { compareText } from "./sorted.js";
import type { Stamp } from "./stamp.js";
import type { Value } from "./value.js";

/** One field of a put: a value, or none for dropped. */
export interface PutField {
  readonly name: FieldName;
  readonly value: Value | undefined;
}

/** The fields of a put, sorted by name, each once, at least one. */
export type Fields = readonly PutField[];

/** The two things that can happen to a record. */
export type Op = { readonly type: "put"; readonly fields: Fields } | { readonly type: "delete" };

/** What happens to one record, not yet stamped. */
export interface Change {
  readonly collection: CollectionName;
  readonly key: RecordKey;
  readonly op: Op;
}

/** One change of one record under one stamp. */
export interface Delta extends Change {
  readonly stamp: Stamp;
}

/** A delta with the sequence that the hub gave it in its space. */
export interface Applied extends Delta {
  readonly sequence: number;
}

/** Names a push for ever: who sent it, and which one of theirs it is, from 1. */
export interface PushId {
  readonly replica: ReplicaId;
  readonly counter: number;
}

/** Deltas that stand or fall together. */
export interface Push {
  /** Its name; repeating a push under its id is always safe. */
  readonly id: PushId;
  readonly space: SpaceName;
  /** The epoch that `base` counts in; none when the replica had read nothing yet. */
  readonly epoch: Epoch | undefined;
  /** The sequence up to which the replica had read when it wrote. */
  readonly base: number;
  /** What must hold for the push to be applied. */
  readonly guards: readonly Guard[];
  /** The changes, in the order in which they were written. */
  readonly deltas: readonly Delta[];
}

/** A put needs at least one field, and each only once. */
export class FieldsError extends Error {
  override readonly name = "FieldsError";
}

/** A delete. */
export const DELETE: Op = { type: "delete" };

/** Sorts the fields of a put and checks them. Throws `FieldsError`. */
export function toFields(fields: Iterable<PutField>): Fields {
  const sorted = [...fields].sort((a, b) => compareText(a.name, b.name));
  if (sorted.length === 0) {
    throw new FieldsError("a put needs at least one field");
  }
  const twice = sorted.find((field, at) => field.name === sorted[at + 1]?.name);
  if (twice !== undefined) {
    throw new FieldsError(`the field ${twice.name} is put twice`);
  }
  return sorted;
}

/** A push id as one text, for maps and for people. */
export function pushIdToText(id: PushId): string {
  return `${id.replica}#${id.counter}`;
}

/** Compares push ids: by replica, then by counter. */
export function comparePushIds(a: PushId, b: PushId): number {
  return compareText(a.replica, b.replica) || a.counter - b.counter;
}
