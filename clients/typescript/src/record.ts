// A record, and the merge law.
//
//   record = greatest delete stamp  +  per field the greatest (stamp, value)
//
// Both are maxima, so merging is a join: any deltas, in any order, any number of times, give the
// same record. A field at or below the delete stamp is hidden, and discarded at once. A dropped
// field keeps its stamp, so that no older put brings it back. Records are never changed in place:
// a merge that changes nothing gives the same object, so that readers may compare by identity.

import type { Fields, Op } from "./delta.js";
import type { FieldName } from "./name.js";
import { compareText } from "./sorted.js";
import type { Stamp } from "./stamp.js";
import { compareValues, isSameValue, type Value } from "./value.js";

/** One field of a record: a last-write-wins register. */
export interface Register {
  readonly name: FieldName;
  /** When and by whom it was written. */
  readonly stamp: Stamp;
  /** Where in the space's log; zero where no hub has numbered it yet. Not part of the merge. */
  readonly sequence: number;
  /** What was written; none is dropped. */
  readonly value: Value | undefined;
}

/** A register that shows. */
export interface Visible extends Register {
  readonly value: Value;
}

/** What a delete leaves: everything at or below its stamp is gone. */
export interface Tombstone {
  readonly stamp: Stamp;
  readonly sequence: number;
}

/** A key's fields, sorted by name, and the greatest delete that it has seen. */
export interface RecordState {
  readonly tombstone: Tombstone | undefined;
  readonly registers: readonly Register[];
}

/** What a merge did, for those who keep digests beside the record. */
export interface Merged {
  /** The record as it is now; the same object when nothing changed. */
  readonly record: RecordState;
  /** Registers that were replaced or hidden. */
  readonly displaced: readonly Register[];
  /** Registers that now show, or are dropped, by the merge. */
  readonly won: readonly Register[];
}

/** A record of which nothing is known. */
export const EMPTY_RECORD: RecordState = { tombstone: undefined, registers: [] };

/** Merges one operation under its stamp; the heart of everything. */
export function merge(record: RecordState, stamp: Stamp, sequence: number, op: Op): Merged {
  if (op.type === "delete") {
    return mergeDelete(record, { stamp, sequence });
  }
  return mergeRegisters(record, toRegisters(op.fields, stamp, sequence));
}

/** Merges all that another record holds: the join of the two. */
export function join(record: RecordState, other: RecordState): RecordState {
  const { tombstone } = other;
  const buried = tombstone === undefined ? record : mergeDelete(record, tombstone).record;
  return mergeRegisters(buried, other.registers).record;
}

/** The merge law of one field: stamp first, then bytes, dropped before every value. */
export function precedence(a: Register, b: Register): number {
  if (a.stamp !== b.stamp) {
    return a.stamp < b.stamp ? -1 : 1;
  }
  if (a.value === undefined || b.value === undefined) {
    return Number(a.value !== undefined) - Number(b.value !== undefined);
  }
  return compareValues(a.value, b.value);
}

/** One register, dropped or not. */
export function registerOf(record: RecordState, field: string): Register | undefined {
  return record.registers.find((register) => register.name === field);
}

/** The registers that show, in the order of their names. */
export function visibleOf(record: RecordState): readonly Visible[] {
  return record.registers.filter((register): register is Visible => register.value !== undefined);
}

/** Whether any field shows. A record of which none does is absent to everyone who reads. */
export function isVisible(record: RecordState): boolean {
  return record.registers.some((register) => register.value !== undefined);
}

/** Whether there is nothing at all to remember. */
export function isEmptyRecord(record: RecordState): boolean {
  return record.tombstone === undefined && record.registers.length === 0;
}

/** The greatest stamp in the record, shown or not. */
export function newestStamp(record: RecordState): Stamp | undefined {
  let newest = record.tombstone?.stamp;
  for (const { stamp } of record.registers) {
    newest = newest === undefined || stamp > newest ? stamp : newest;
  }
  return newest;
}

/** The greatest sequence in the record: when the hub last changed it. */
export function newestSequence(record: RecordState): number {
  const sequences = record.registers.map((register) => register.sequence);
  return Math.max(record.tombstone?.sequence ?? 0, ...sequences);
}

/** Whether two records, or their absence, read the same: names, stamps and values that show. */
export function readsSame(a: RecordState | undefined, b: RecordState | undefined): boolean {
  if (a === b) {
    return true;
  }
  const [left, right] = [visibleOf(a ?? EMPTY_RECORD), visibleOf(b ?? EMPTY_RECORD)];
  const isSame = (one: Visible, other: Visible | undefined): boolean =>
    one.name === other?.name && one.stamp === other.stamp && isSameValue(one.value, other.value);
  return left.length === right.length && left.every((one, at) => isSame(one, right[at]));
}

function toRegisters(fields: Fields, stamp: Stamp, sequence: number): Register[] {
  return fields.map(({ name, value }) => ({ name, stamp, sequence, value }));
}

function mergeDelete(record: RecordState, grave: Tombstone): Merged {
  if (record.tombstone !== undefined && grave.stamp <= record.tombstone.stamp) {
    return { record, displaced: [], won: [] };
  }
  const displaced = record.registers.filter((register) => register.stamp <= grave.stamp);
  const registers = record.registers.filter((register) => register.stamp > grave.stamp);
  return { record: { tombstone: grave, registers }, displaced, won: [] };
}

/** Merges registers into others; both are sorted by name. */
function mergeRegisters(record: RecordState, incoming: readonly Register[]): Merged {
  const grave = record.tombstone?.stamp;
  const [registers, displaced, won]: [Register[], Register[], Register[]] = [[], [], []];
  let at = 0;
  for (const next of incoming) {
    let old = record.registers[at];
    while (old !== undefined && compareText(old.name, next.name) < 0) {
      registers.push(old);
      at += 1;
      old = record.registers[at];
    }
    const standing = old?.name === next.name ? old : undefined;
    at += standing === undefined ? 0 : 1;
    const isHidden = grave !== undefined && next.stamp <= grave;
    if (!isHidden && (standing === undefined || precedence(next, standing) > 0)) {
      won.push(next);
      registers.push(next);
      displaced.push(...(standing === undefined ? [] : [standing]));
    } else if (standing !== undefined) {
      registers.push(standing);
    }
  }
  if (won.length === 0) {
    return { record, displaced, won };
  }
  registers.push(...record.registers.slice(at));
  return { record: { tombstone: record.tombstone, registers }, displaced, won };
}
