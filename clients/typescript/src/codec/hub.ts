// The bytes of what a hub sends.

import type { Cursor, Epoch, ViewMark } from "../cursor.js";
import type { Applied } from "../delta.js";
import type { Digest } from "../digest.js";
import type { HubFrame, Peer, PresenceEvent, Subject } from "../frame.js";
import {
  type CollectionName,
  type SpaceId,
  type SpaceName,
  toCollectionName,
  toRecordKey,
  toSpaceName,
} from "../name.js";
import { type Code, codeFromWord } from "../reject.js";
import { readApplied, writeApplied } from "./delta.js";
import { HUB_KIND } from "./limits.js";
import { DecodeError, Reader } from "./read.js";
import { Writer } from "./write.js";

/** Items after the kind. */
const ITEMS: Readonly<Record<number, number>> = {
  [HUB_KIND.pong]: 2,
  [HUB_KIND.ack]: 2,
  [HUB_KIND.heartbeat]: 2,
  [HUB_KIND.view]: 2,
  [HUB_KIND.snapshot_part]: 3,
  [HUB_KIND.snapshot_end]: 3,
  [HUB_KIND.withdraw]: 3,
  [HUB_KIND.digests]: 3,
  [HUB_KIND.signal]: 3,
  [HUB_KIND.goodbye]: 3,
  [HUB_KIND.subscribed]: 4,
  [HUB_KIND.presence]: 4,
  [HUB_KIND.welcome]: 5,
  [HUB_KIND.snapshot_begin]: 5,
  [HUB_KIND.changes]: 5,
  [HUB_KIND.reject]: 5,
};

const PRESENCE_EVENTS = ["joined", "left", "state"] as const;

/** Reads a hub's frame; nothing but the frame's own size bounds it. Throws `DecodeError`. */
export function readHub(bytes: Uint8Array): HubFrame {
  const reader = new Reader(bytes);
  const items = reader.array("frame");
  const kind = reader.uint("kind");
  const wanted = ITEMS[kind];
  if (wanted === undefined) {
    throw new DecodeError("malformed", `${kind} is no kind of hub frame`);
  }
  if (items !== wanted + 1) {
    throw new DecodeError("malformed", `a frame of kind ${kind} has ${wanted} items`);
  }
  const frame = readSession(kind, reader) ?? readSpaceFrame(kind, reader);
  reader.finish();
  return frame;
}

/** The frames that speak of the session as a whole; none for the others. */
function readSession(kind: number, reader: Reader): HubFrame | undefined {
  switch (kind) {
    case HUB_KIND.welcome:
      return readWelcome(reader);
    case HUB_KIND.ack:
      return { type: "ack", push: reader.pushId(), sequence: reader.uint("sequence") };
    case HUB_KIND.reject: {
      const isPush = reader.peek() === 0x92;
      const subject: Subject = isPush ? { push: reader.pushId() } : { space: readSpace(reader) };
      const [code, text] = [readCode(reader), reader.text("text")];
      const index = reader.option(() => reader.uint64("index"));
      // An index that no push can have is as good as none.
      const reject = { code, text, index: Number(index) < 2 ** 32 ? Number(index) : undefined };
      return { type: "reject", subject, reject, hubMs: reader.uint("hub time") };
    }
    case HUB_KIND.heartbeat: {
      const hubMs = reader.uint("hub time");
      const stretches = reader.repeat(reader.array("stretches"), () => {
        reader.arrayOf(3, "stretch");
        const space = readSpace(reader);
        return { space, before: reader.uint("before"), last: reader.uint("last") };
      });
      return { type: "heartbeat", hubMs, stretches };
    }
    case HUB_KIND.pong:
      return { type: "pong", nonce: reader.uint64("nonce"), hubMs: reader.uint("hub time") };
    case HUB_KIND.goodbye: {
      const reject = { code: readCode(reader), text: reader.text("text"), index: undefined };
      const retryAfterMs = reader.option(() => reader.bound("retry after"));
      return { type: "goodbye", reject, retryAfterMs };
    }
    default:
      return undefined;
  }
}

function readWelcome(reader: Reader): HubFrame {
  const [session, hubMs] = [reader.id("session"), reader.uint("hub time")];
  const [hubReplica, principal] = [reader.replica(), reader.text("principal")];
  const pairs = reader.repeat(reader.map("limits"), () => {
    const name = reader.text("limit");
    return [name, reader.bound("limit")] as const;
  });
  return { type: "welcome", session, hubMs, hubReplica, principal, limits: new Map(pairs) };
}

function readSpaceFrame(kind: number, reader: Reader): HubFrame {
  const space = readSpace(reader);
  switch (kind) {
    case HUB_KIND.subscribed: {
      const [id, head] = [readSpaceId(reader), readCursor(reader)];
      return { type: "subscribed", space, id, head, writable: reader.bool("writable") };
    }
    case HUB_KIND.snapshot_begin: {
      const [id, mode] = [readSpaceId(reader), reader.uint("mode")];
      if (mode > 1) {
        throw new DecodeError("malformed", "a snapshot replaces (0) or joins (1)");
      }
      const total = { records: reader.bound("records"), bytes: reader.bound("bytes") };
      return { type: "snapshot_begin", space, id, mode: mode === 0 ? "replace" : "join", total };
    }
    case HUB_KIND.snapshot_part: {
      const part = reader.uint("part");
      return { type: "snapshot_part", space, part, deltas: readDeltas(reader) };
    }
    case HUB_KIND.snapshot_end: {
      const parts = reader.uint("parts");
      return { type: "snapshot_end", space, parts, cursor: readCursor(reader) };
    }
    case HUB_KIND.changes: {
      const [before, last] = [reader.uint("before"), reader.uint("last")];
      const more = reader.bool("more");
      return { type: "changes", space, before, last, more, deltas: readDeltas(reader) };
    }
    case HUB_KIND.withdraw: {
      const collection = toCollectionName(reader.text("collection"));
      const count = reader.array("keys");
      const keys = reader.repeat(count, () => toRecordKey(reader.text("key")));
      return { type: "withdraw", space, collection, keys };
    }
    case HUB_KIND.view:
      return { type: "view", space, mark: reader.id("view") as ViewMark };
    case HUB_KIND.digests: {
      const sequence = reader.uint("sequence");
      return { type: "digests", space, sequence, digests: readDigests(reader) };
    }
    case HUB_KIND.signal: {
      const from = readPeer(reader);
      return { type: "signal", space, from, value: reader.value(Number.POSITIVE_INFINITY) };
    }
    default: {
      const from = readPeer(reader);
      return { type: "presence", space, from, event: readPresence(reader) };
    }
  }
}

function readDeltas(reader: Reader) {
  return reader.repeat(reader.array("deltas"), () => readApplied(reader));
}

function readDigests(reader: Reader): Map<CollectionName, Digest> {
  const pairs = reader.repeat(reader.map("digests"), () => {
    const collection = toCollectionName(reader.text("collection"));
    reader.arrayOf(2, "digest");
    const sum = BigInt(`0x${reader.bin(16, "digest")}`);
    return [collection, { sum, fields: reader.uint("fields") }] as const;
  });
  return new Map(pairs);
}

function readPresence(reader: Reader): PresenceEvent {
  const [event, states] = [reader.uint("event"), reader.array("state")];
  const state = states === 1 ? reader.value(Number.POSITIVE_INFINITY) : undefined;
  const type = PRESENCE_EVENTS[event];
  if (states <= 1 && type === "joined") {
    return { type, state };
  }
  if (states === 0 && type === "left") {
    return { type };
  }
  if (state !== undefined && type === "state") {
    return { type, state };
  }
  throw new DecodeError("malformed", "this is no presence");
}

function readPeer(reader: Reader): Peer {
  reader.arrayOf(3, "peer");
  const device = reader.device();
  return { device, name: reader.text("device name"), principal: reader.text("principal") };
}

function readCursor(reader: Reader): Cursor {
  reader.arrayOf(3, "cursor");
  const [epoch, sequence] = [reader.id("epoch") as Epoch, reader.uint("sequence")];
  return { epoch, sequence, view: reader.id("view") as ViewMark };
}

function readSpace(reader: Reader): SpaceName {
  return toSpaceName(reader.text("space"));
}

function readSpaceId(reader: Reader): SpaceId {
  return reader.id("space id") as SpaceId;
}

function readCode(reader: Reader): Code {
  return codeFromWord(reader.text("code"));
}

/** The frame `snapshot part` with a record's deltas: what a store keeps of it. */
export function encodeSnapshotPart(
  space: SpaceName,
  deltas: readonly Applied[],
): Uint8Array<ArrayBuffer> {
  const writer = Writer.frame(HUB_KIND.snapshot_part, 3).text(space).uint(0).array(deltas.length);
  for (const delta of deltas) {
    writeApplied(writer, delta);
  }
  return writer.finish();
}

/** Writes a hub's frame, for who plays hub. */
export function encodeHub(frame: HubFrame): Uint8Array<ArrayBuffer> {
  const kind = HUB_KIND[frame.type];
  const writer = Writer.frame(kind, ITEMS[kind] ?? 0);
  writeSession(writer, frame);
  return writer.finish();
}

function writeSession(writer: Writer, frame: HubFrame): void {
  switch (frame.type) {
    case "welcome":
      writer.hex(frame.session).uint(frame.hubMs).hex(frame.hubReplica).text(frame.principal);
      writer.map(frame.limits.size);
      for (const [name, limit] of frame.limits) {
        writer.text(name).uint(limit);
      }
      break;
    case "ack":
      writer.pushId(frame.push).uint(frame.sequence);
      break;
    case "reject": {
      const { subject, reject } = frame;
      if ("push" in subject) {
        writer.pushId(subject.push);
      } else {
        writer.text(subject.space);
      }
      writer.text(reject.code).text(reject.text);
      writer.option(reject.index, (index) => writer.uint(index)).uint(frame.hubMs);
      break;
    }
    case "heartbeat":
      writer.uint(frame.hubMs).array(frame.stretches.length);
      for (const { space, before, last } of frame.stretches) {
        writer.array(3).text(space).uint(before).uint(last);
      }
      break;
    case "pong":
      writer.uint(frame.nonce).uint(frame.hubMs);
      break;
    case "goodbye":
      writer.text(frame.reject.code).text(frame.reject.text);
      writer.option(frame.retryAfterMs, (ms) => writer.uint(ms));
      break;
    default:
      writeSpaceFrame(writer.text(frame.space), frame);
  }
}

type SpaceFrame = Extract<HubFrame, { readonly space: SpaceName }>;

function writeSpaceFrame(writer: Writer, frame: SpaceFrame): void {
  switch (frame.type) {
    case "subscribed":
      writeCursor(writer.hex(frame.id), frame.head).bool(frame.writable);
      break;
    case "snapshot_begin":
      writer.hex(frame.id).uint(frame.mode === "replace" ? 0 : 1);
      writer.uint(frame.total.records).uint(frame.total.bytes);
      break;
    case "snapshot_part":
      writer.uint(frame.part).array(frame.deltas.length);
      for (const delta of frame.deltas) {
        writeApplied(writer, delta);
      }
      break;
    case "snapshot_end":
      writeCursor(writer.uint(frame.parts), frame.cursor);
      break;
    case "changes":
      writer.uint(frame.before).uint(frame.last).bool(frame.more).array(frame.deltas.length);
      for (const delta of frame.deltas) {
        writeApplied(writer, delta);
      }
      break;
    case "withdraw":
      writer.text(frame.collection).array(frame.keys.length);
      for (const key of frame.keys) {
        writer.text(key);
      }
      break;
    case "view":
      writer.hex(frame.mark);
      break;
    case "digests":
      writer.uint(frame.sequence).map(frame.digests.size);
      for (const [collection, { sum, fields }] of frame.digests) {
        writer.text(collection).array(2).hex(sum.toString(16).padStart(32, "0")).uint(fields);
      }
      break;
    case "signal":
      writePeer(writer, frame.from).value(frame.value);
      break;
    case "presence": {
      const { event } = frame;
      const state = event.type === "left" ? undefined : event.state;
      writePeer(writer, frame.from).uint(PRESENCE_EVENTS.indexOf(event.type));
      writer.array(state === undefined ? 0 : 1).raw(state ?? new Uint8Array());
    }
  }
}

function writePeer(writer: Writer, { device, name, principal }: Peer): Writer {
  return writer.array(3).hex(device).text(name).text(principal);
}

function writeCursor(writer: Writer, { epoch, sequence, view }: Cursor): Writer {
  return writer.array(3).hex(epoch).uint(sequence).hex(view);
}
