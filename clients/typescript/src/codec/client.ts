// The bytes of what a client sends.

import type { Epoch, Start, ViewMark } from "../cursor.js";
import type { Push, PushId } from "../delta.js";
import { FILTER_COLLECTIONS_MAX, type Filter, FilterError, toFilter } from "../filter.js";
import type { ClientFrame, Hello } from "../frame.js";
import type { Condition, Guard } from "../guard.js";
import { toCollectionName, toFieldName, toRecordKey, toSpaceName } from "../name.js";
import { compareText } from "../sorted.js";
import { readDelta, writeDelta } from "./delta.js";
import {
  ATTRIBUTES_MAX,
  CLIENT_KIND,
  LABEL_BYTES_MAX,
  type Limits,
  TOKEN_BYTES_MAX,
} from "./limits.js";
import { DecodeError, Reader, toDecodeError } from "./read.js";
import { Writer } from "./write.js";

const GUARD_KINDS = ["absent", "unchanged_since", "field_equals", "field_absent"] as const;

/** Items after the kind. */
const ITEMS: Readonly<Record<number, number>> = {
  [CLIENT_KIND.hello]: 8,
  [CLIENT_KIND.push]: 6,
  [CLIENT_KIND.subscribe]: 3,
  [CLIENT_KIND.seen]: 2,
  [CLIENT_KIND.signal]: 2,
  [CLIENT_KIND.presence]: 2,
  [CLIENT_KIND.unsubscribe]: 1,
  [CLIENT_KIND.verify]: 1,
  [CLIENT_KIND.ping]: 1,
};

/** Writes a client's frame. */
export function encodeClient(frame: ClientFrame): Uint8Array<ArrayBuffer> {
  if (frame.type === "hello") {
    return encodeHello(frame);
  }
  if (frame.type === "push") {
    return encodePush(frame.push);
  }
  const kind = CLIENT_KIND[frame.type];
  const writer = Writer.frame(kind, ITEMS[kind] ?? 0);
  if (frame.type === "ping") {
    return writer.uint(frame.nonce).finish();
  }
  writer.text(frame.space);
  switch (frame.type) {
    case "subscribe":
      writeFilter(writer, frame.filter);
      writeStart(writer, frame.start);
      break;
    case "seen":
      writer.uint(frame.sequence);
      break;
    case "signal":
      writer.value(frame.value);
      break;
    case "presence":
      // An array of none or one, since nil is a state like any other.
      writer.array(frame.value === undefined ? 0 : 1);
      writer.raw(frame.value ?? new Uint8Array());
      break;
    default:
  }
  return writer.finish();
}

/** Reads a client's frame. Throws `DecodeError`. */
export function readClient(bytes: Uint8Array, limits: Limits): ClientFrame {
  if (bytes.length > limits.frameBytes) {
    throw new DecodeError("too_large", "the frame is larger than the limit");
  }
  const reader = new Reader(bytes);
  const items = reader.array("frame");
  const kind = reader.uint("kind");
  const wanted = ITEMS[kind];
  if (wanted === undefined) {
    throw new DecodeError("malformed", `${kind} is no kind of client frame`);
  }
  if (items !== wanted + 1) {
    throw new DecodeError("malformed", `a frame of kind ${kind} has ${wanted} items`);
  }
  const frame = readBody(kind, reader, limits);
  reader.finish();
  return frame;
}

function readBody(kind: number, reader: Reader, limits: Limits): ClientFrame {
  switch (kind) {
    case CLIENT_KIND.hello:
      return { type: "hello", ...readHello(reader, limits) };
    case CLIENT_KIND.push:
      return { type: "push", push: readPush(reader, limits) };
    case CLIENT_KIND.ping:
      return { type: "ping", nonce: reader.uint64("nonce") };
    default:
  }
  const space = toSpaceName(reader.text("space"));
  switch (kind) {
    case CLIENT_KIND.subscribe:
      return { type: "subscribe", space, filter: readFilter(reader), start: readStart(reader) };
    case CLIENT_KIND.unsubscribe:
      return { type: "unsubscribe", space };
    case CLIENT_KIND.seen:
      return { type: "seen", space, sequence: reader.uint("sequence") };
    case CLIENT_KIND.verify:
      return { type: "verify", space };
    case CLIENT_KIND.signal:
      return { type: "signal", space, value: reader.value(limits.valueBytes) };
    default: {
      const states = reader.array("presence");
      if (states > 1) {
        throw new DecodeError("malformed", "a presence has one state or none");
      }
      const value = states === 0 ? undefined : reader.value(limits.valueBytes);
      return { type: "presence", space, value };
    }
  }
}

function encodeHello(hello: Hello): Uint8Array<ArrayBuffer> {
  const writer = Writer.frame(CLIENT_KIND.hello, 8);
  writer.uint(hello.version).hex(hello.replica).hex(hello.device);
  writer.text(hello.name).text(hello.token).uint(hello.clockMs).array(hello.outbox.length);
  for (const id of hello.outbox) {
    writer.pushId(id);
  }
  const attributes = Object.entries(hello.attributes).sort(([a], [b]) => compareText(a, b));
  writer.map(attributes.length);
  for (const [name, value] of attributes) {
    writer.text(name).text(value);
  }
  return writer.finish();
}

function readHello(reader: Reader, limits: Limits): Hello {
  const version = reader.uint("version");
  const [replica, device] = [reader.replica(), reader.device()];
  const name = reader.label(LABEL_BYTES_MAX, "device name");
  const token = reader.label(TOKEN_BYTES_MAX, "token");
  const clockMs = reader.uint("clock");
  const count = reader.array("outbox");
  if (count > limits.outbox) {
    throw new DecodeError("too_large", "hello names too many pushes");
  }
  const outbox = reader.repeat(count, () => reader.pushId());
  const attributes = reader.map("attributes");
  if (attributes > ATTRIBUTES_MAX) {
    throw new DecodeError("too_large", "hello has too many attributes");
  }
  const pairs = reader.repeat(attributes, () => {
    const key = reader.label(LABEL_BYTES_MAX, "attribute");
    return [key, reader.label(LABEL_BYTES_MAX, "attribute")] as const;
  });
  const named = Object.fromEntries(pairs);
  return { version, replica, device, name, token, clockMs, outbox, attributes: named };
}

function encodePush(push: Push): Uint8Array<ArrayBuffer> {
  const writer = Writer.frame(CLIENT_KIND.push, 6).pushId(push.id).text(push.space);
  writer.option(push.epoch, (epoch) => writer.hex(epoch)).uint(push.base);
  writer.array(push.guards.length);
  for (const guard of push.guards) {
    writeGuard(writer, guard);
  }
  writer.array(push.deltas.length);
  for (const delta of push.deltas) {
    writeDelta(writer, delta);
  }
  return writer.finish();
}

/** Reads a push. Once its id is known, a wrong name or size refuses the push and no more. */
function readPush(reader: Reader, limits: Limits): Push {
  const id = reader.pushId();
  try {
    return readPushBody(reader, id, limits);
  } catch (error) {
    const fault = toDecodeError(error);
    fault.push = fault.isRefusable ? id : undefined;
    throw fault;
  }
}

function readPushBody(reader: Reader, id: PushId, limits: Limits): Push {
  const space = toSpaceName(reader.text("space"));
  const epoch = reader.option(() => reader.id("epoch") as Epoch);
  const base = reader.uint("base");
  const guardCount = reader.array("guards");
  if (guardCount > limits.guards) {
    throw new DecodeError("too_large", `a push has at most ${limits.guards} guards`);
  }
  const guards = reader.repeat(guardCount, () => readGuard(reader, limits));
  const count = reader.array("deltas");
  if (count > limits.deltas) {
    throw new DecodeError("too_large", `a push has at most ${limits.deltas} deltas`);
  }
  const deltas = reader.repeat(count, (index) => {
    try {
      return readDelta(reader, limits);
    } catch (error) {
      const fault = toDecodeError(error);
      fault.index = index;
      throw fault;
    }
  });
  if (deltas.length === 0) {
    throw new DecodeError("malformed", "a push has at least one delta");
  }
  return { id, space, epoch, base, guards, deltas };
}

function writeGuard(writer: Writer, { collection, key, condition }: Guard): void {
  const size = { absent: 3, unchanged_since: 4, field_equals: 5, field_absent: 4 };
  writer.array(size[condition.type]).text(collection).text(key);
  writer.uint(GUARD_KINDS.indexOf(condition.type));
  if (condition.type === "unchanged_since") {
    writer.uint(condition.sequence);
  } else if (condition.type !== "absent") {
    writer.text(condition.field);
  }
  if (condition.type === "field_equals") {
    writer.value(condition.value);
  }
}

function readGuard(reader: Reader, limits: Limits): Guard {
  const items = reader.array("guard");
  const collection = toCollectionName(reader.text("collection"));
  const key = toRecordKey(reader.text("key"));
  const kind = GUARD_KINDS[reader.uint("condition")];
  return { collection, key, condition: readCondition(reader, `${kind}/${items}`, limits) };
}

function readCondition(reader: Reader, form: string, limits: Limits): Condition {
  switch (form) {
    case "absent/3":
      return { type: "absent" };
    case "unchanged_since/4":
      return { type: "unchanged_since", sequence: reader.uint("sequence") };
    case "field_equals/5": {
      const field = toFieldName(reader.text("field"));
      return { type: "field_equals", field, value: reader.value(limits.valueBytes) };
    }
    case "field_absent/4":
      return { type: "field_absent", field: toFieldName(reader.text("field")) };
    default:
      throw new DecodeError("malformed", "this is no guard");
  }
}

function writeFilter(writer: Writer, { collections, prefix }: Filter): void {
  writer.array(2).array(collections.length);
  for (const collection of collections) {
    writer.text(collection);
  }
  writer.text(prefix);
}

function readFilter(reader: Reader): Filter {
  reader.arrayOf(2, "filter");
  const count = reader.array("collections");
  if (count > FILTER_COLLECTIONS_MAX) {
    throw new DecodeError("too_large", "a filter names too many collections");
  }
  const collections = reader.repeat(count, () => toCollectionName(reader.text("collection")));
  try {
    return toFilter(collections, reader.text("prefix"));
  } catch (error) {
    throw error instanceof FilterError ? new DecodeError("malformed", error.message) : error;
  }
}

function writeStart(writer: Writer, start: Start): void {
  switch (start.from) {
    case "snapshot":
      writer.nil();
      break;
    case "resume": {
      const { epoch, sequence, view } = start.cursor;
      writer.array(3).hex(epoch).uint(sequence).hex(view);
      break;
    }
    case "follow":
      writer.array(2).option(start.epoch, (epoch) => writer.hex(epoch));
      writer.option(start.after, (after) => writer.uint(after));
  }
}

function readStart(reader: Reader): Start {
  if (reader.nil()) {
    return { from: "snapshot" };
  }
  const readEpoch = (): Epoch => reader.id("epoch") as Epoch;
  switch (reader.array("cursor")) {
    case 3: {
      const [epoch, sequence] = [readEpoch(), reader.uint("sequence")];
      return { from: "resume", cursor: { epoch, sequence, view: reader.id("view") as ViewMark } };
    }
    case 2: {
      const epoch = reader.option(readEpoch);
      return { from: "follow", epoch, after: reader.option(() => reader.uint("sequence")) };
    }
    default: {
      const text = "a cursor has an epoch, a sequence and perhaps a view";
      throw new DecodeError("malformed", text);
    }
  }
}
