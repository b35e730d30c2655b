// The bytes of deltas: in pushes, in frames of the hub, and in what a store keeps.

import {
  type Applied,
  DELETE,
  type Delta,
  FieldsError,
  type Op,
  type PutField,
  toFields,
} from "../delta.js";
import { toCollectionName, toFieldName, toRecordKey } from "../name.js";
import { type Limits, TRUSTED } from "./limits.js";
import { DecodeError, type Reader } from "./read.js";
import type { Writer } from "./write.js";

export function writeDelta(writer: Writer, delta: Delta): void {
  writeItems(writer.array(itemsOf(delta)), delta);
}

/** Writes an applied delta: the form that frames of the hub carry. */
export function writeApplied(writer: Writer, applied: Applied): void {
  writeItems(writer.array(1 + itemsOf(applied)).uint(applied.sequence), applied);
}

export function readDelta(reader: Reader, limits: Limits): Delta {
  return readItems(reader, reader.array("delta"), limits);
}

/** Reads an applied delta; the hub that wrote it has checked its sizes. */
export function readApplied(reader: Reader): Applied {
  const items = reader.array("delta");
  const sequence = reader.uint("sequence");
  return { sequence, ...readItems(reader, items - 1, TRUSTED) };
}

/** How many items the array of a delta has. */
function itemsOf({ op }: Delta): number {
  if (op.type === "delete") {
    return 3;
  }
  return op.fields.some((field) => field.value === undefined) ? 5 : 4;
}

function writeItems(writer: Writer, { collection, key, stamp, op }: Delta): void {
  writer.text(collection).text(key).hex(stamp);
  if (op.type === "delete") {
    return;
  }
  const dropped = op.fields.filter((field) => field.value === undefined);
  writer.map(op.fields.length - dropped.length);
  for (const { name, value } of op.fields) {
    if (value !== undefined) {
      writer.text(name).value(value);
    }
  }
  if (dropped.length > 0) {
    writer.array(dropped.length);
    for (const { name } of dropped) {
      writer.text(name);
    }
  }
}

function readItems(reader: Reader, items: number, limits: Limits): Delta {
  if (items < 3 || items > 5) {
    const text = "a delta has a collection, a key, a stamp and its fields";
    throw new DecodeError("malformed", text);
  }
  const collection = toCollectionName(reader.text("collection"));
  const key = toRecordKey(reader.text("key"));
  const stamp = reader.stamp();
  const op: Op = items === 3 ? DELETE : readPut(reader, items === 5, limits);
  return { collection, key, stamp, op };
}

function readPut(reader: Reader, hasDropped: boolean, limits: Limits): Op {
  const set = reader.map("fields");
  checkCount(set, limits);
  const fields = reader.repeat(set, (): PutField => {
    const name = toFieldName(reader.text("field"));
    return { name, value: reader.value(limits.valueBytes) };
  });
  if (hasDropped) {
    const dropped = reader.array("dropped fields");
    checkCount(set + dropped, limits);
    const read = (): PutField => ({ name: toFieldName(reader.text("field")), value: undefined });
    fields.push(...reader.repeat(dropped, read));
  }
  try {
    return { type: "put", fields: toFields(fields) };
  } catch (error) {
    throw error instanceof FieldsError ? new DecodeError("malformed", error.message) : error;
  }
}

function checkCount(count: number, limits: Limits): void {
  if (count > limits.fields) {
    const text = `a put has at most ${limits.fields} fields, this one ${count}`;
    throw new DecodeError("too_large", text);
  }
}
