// What a store keeps of a replica, in bytes, and how a replica comes back from them.
//
//   record = the frame `snapshot part` with the deltas that make it up, tombstone and all
//   space  = [space id or nil] and the frame `subscribe` with filter and cursor
//   push   = [space id or nil, ack or nil, is healing, [indices of created]] and the frame `push`
//   clock  = last time given or observed, last time vouched for: 8 bytes each, big-endian
//
// The frames are those of the wire, so that deltas have one form. No store is touched here.

import { Reader, toDecodeError } from "../codec/read.js";
import { hexToBytes, Writer } from "../codec/write.js";
import { decodeClient, decodeHub, encodeClient, encodeSnapshotPart, TRUSTED } from "../codec.js";
import type { Epoch } from "../cursor.js";
import { type Applied, DELETE, type PushId, type PutField } from "../delta.js";
import type { ClientFrame } from "../frame.js";
import { type DeviceId, idOf, type ReplicaId, type SpaceId, type SpaceName } from "../name.js";
import { EMPTY_RECORD, merge, type RecordState } from "../record.js";
import { createClock, type HlcTime, laterOf, type Stamp, timeOf } from "../stamp.js";
import { type RecordName, sortNames } from "./event.js";
import type { Pending } from "./outbox.js";
import { allSaved, createSpace, type SpaceState, startOf } from "./space.js";
import { createState, type ReplicaState } from "./state.js";

/** Bytes that a store keeps. */
export type Saved = Uint8Array<ArrayBuffer>;

/** A space, with its bytes. */
export interface SavedSpace {
  readonly space: SpaceName;
  readonly bytes: Saved;
}

/** A record, with its bytes; none to remove it. */
export interface SavedRecord extends RecordName {
  readonly space: SpaceName;
  readonly bytes: Saved | undefined;
}

/** A push, with its place in the outbox and its bytes; none to remove it. */
export interface SavedPush {
  readonly id: PushId;
  readonly order: number;
  readonly bytes: Saved | undefined;
}

/** What differs from what was saved before; to be written in this order, all in one commit. */
export interface Unsaved {
  /** Spaces whose every trace goes. */
  readonly forgotten: readonly SpaceName[];
  /** Spaces whose records all go, before those below come. */
  readonly emptied: readonly SpaceName[];
  readonly spaces: readonly SavedSpace[];
  readonly records: readonly SavedRecord[];
  readonly pushes: readonly SavedPush[];
  readonly clock: Saved | undefined;
}

/** A store's bytes are not what a replica saved. */
export class SavedError extends Error {
  override readonly name = "SavedError";

  constructor(what: string, why: string) {
    super(`the saved ${what} cannot be read: ${why}; delete the local data, or restore it`);
  }
}

/** Whether everything is saved. */
export function isSaved(state: ReplicaState): boolean {
  const isClean = ({ unsaved }: SpaceState): boolean =>
    !unsaved.meta && !unsaved.whole && unsaved.records.length === 0;
  const [last, vouched] = state.savedClock;
  return (
    state.forgotten.size === 0 &&
    state.outbox.isSaved() &&
    last === state.clock.last() &&
    vouched === state.vouched &&
    [...state.spaces.unordered()].every(([, space]) => isClean(space))
  );
}

/** What differs from what was saved before, and counts as saved from now on. */
export function takeUnsaved(state: ReplicaState): Unsaved {
  const forgotten = [...state.forgotten];
  state.forgotten.clear();
  const [spaces, emptied, records]: [SavedSpace[], SpaceName[], SavedRecord[]] = [[], [], []];
  for (const [name, space] of state.spaces.entries()) {
    const { meta, whole, records: changed } = space.unsaved;
    space.unsaved = allSaved();
    if (meta || whole) {
      spaces.push({ space: name, bytes: encodeSpace(name, space) });
    }
    if (whole) {
      emptied.push(name);
    }
    const all = whole ? [...space.copy.entries()].map(([record]) => record) : sortNames(changed);
    for (const { collection, key } of all) {
      const record = space.copy.get(collection, key);
      const bytes =
        record === undefined ? undefined : encodeRecord(name, { collection, key }, record);
      records.push({ space: name, collection, key, bytes });
    }
  }
  const pushes = state.outbox.takeUnsaved().map(([order, id]): SavedPush => {
    const pending = state.outbox.get(order);
    return { id, order, bytes: pending === undefined ? undefined : encodePush(pending) };
  });
  return { forgotten, emptied, spaces, records, pushes, clock: takeClock(state) };
}

/** Everything, as an empty store would have to be told it. Counts nothing as saved. */
export function dump(state: ReplicaState): Unsaved {
  const spaces = [...state.spaces.entries()];
  const pushes = state.outbox.entries();
  return {
    forgotten: [],
    emptied: [],
    spaces: spaces.map(([space, known]) => ({ space, bytes: encodeSpace(space, known) })),
    records: spaces.flatMap(([space, { copy }]) =>
      [...copy.entries()].map(([name, record]) => {
        return { space, ...name, bytes: encodeRecord(space, name, record) };
      }),
    ),
    pushes: pushes.map(([order, pending]) => {
      return { id: pending.push.id, order, bytes: encodePush(pending) };
    }),
    clock: encodeClock(state.clock.last(), state.vouched),
  };
}

/** Counts everything as saved, for a replica that lives in memory only. */
export function discardUnsaved(state: ReplicaState): void {
  state.forgotten.clear();
  state.outbox.takeUnsaved();
  state.savedClock = [state.clock.last(), state.vouched];
  for (const [, space] of state.spaces.unordered()) {
    space.unsaved = allSaved();
  }
}

/**
 * A replica that begins with what was saved, under a new id and the device's lasting one. What
 * follows are the other `restore` functions: spaces before records, records before pushes.
 */
export function restoreState(
  id: ReplicaId,
  device: DeviceId,
  clock: Uint8Array | undefined,
): ReplicaState {
  const state = createState(id, device);
  if (clock !== undefined) {
    restoreClock(state, clock);
  }
  state.savedClock = [state.clock.last(), state.vouched];
  return state;
}

/** Moves the clock past a saved one. */
export function restoreClock(state: ReplicaState, bytes: Uint8Array): void {
  if (bytes.length !== 16) {
    throw new SavedError("clock", "it does not have 16 bytes");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [last, vouched] = [view.getBigUint64(0) as HlcTime, view.getBigUint64(8) as HlcTime];
  state.clock = createClock(laterOf(state.clock.last(), laterOf(last, vouched)));
  state.vouched = laterOf(state.vouched, vouched);
}

/** Brings back a space. Throws `SavedError`. */
export function restoreSpace(state: ReplicaState, bytes: Uint8Array): SpaceName {
  const reader = new Reader(bytes);
  const id = attempt("space", () => reader.option(() => reader.id("space id") as SpaceId));
  const frame = readFrame("space", reader.rest());
  if (frame.type !== "subscribe") {
    throw new SavedError("space", "it is something else");
  }
  const space = state.spaces.getOrMake(frame.space, createSpace);
  space.id = id;
  space.filter = frame.filter;
  space.cursor = frame.start.from === "resume" ? frame.start.cursor : undefined;
  return frame.space;
}

/** Brings back a record of a copy. Throws `SavedError`. */
export function restoreRecord(state: ReplicaState, bytes: Uint8Array): void {
  const decoded = decodeHub(bytes);
  if (decoded.type === "error") {
    throw new SavedError("record", decoded.error.message);
  }
  const { frame } = decoded;
  const first = frame.type === "snapshot_part" ? frame.deltas[0] : undefined;
  const space = frame.type === "snapshot_part" ? state.spaces.get(frame.space) : undefined;
  if (frame.type !== "snapshot_part" || first === undefined || space === undefined) {
    throw new SavedError("record", "it is something else");
  }
  const laid = (record: RecordState, { stamp, sequence, op }: Applied): RecordState =>
    merge(record, stamp, sequence, op).record;
  space.copy.insert(first, frame.deltas.reduce(laid, EMPTY_RECORD));
}

/** Brings back a push at its place in the outbox, or behind; its id and its stamps stay. */
export function restorePush(state: ReplicaState, order: number, bytes: Uint8Array): Pending {
  const pending = decodePush(bytes);
  const { push } = pending;
  const space = state.spaces.get(push.space);
  if (space === undefined) {
    throw new SavedError("push", "its space is not there");
  }
  for (const { stamp } of push.deltas) {
    state.clock.observe(timeOf(stamp));
  }
  if (push.id.replica === state.id) {
    state.counter = Math.max(state.counter, push.id.counter);
  }
  space.epoch ??= pending.acked?.epoch;
  space.overlay.add(state.outbox.restore(order, pending), push);
  return pending;
}

/** Reads a saved push. Throws `SavedError`. */
export function decodePush(bytes: Uint8Array): Pending {
  const reader = new Reader(bytes);
  const head = attempt("push", () => {
    const spaceId = reader.option(() => reader.id("space id") as SpaceId);
    const acked = reader.option(() => {
      return { epoch: reader.id("epoch") as Epoch, sequence: reader.uint("sequence") };
    });
    const isHealing = reader.bool("healing");
    const created = reader.repeat(reader.array("created"), () => reader.uint("index"));
    return { spaceId, acked, isHealing, created: new Set(created) };
  });
  const rest = reader.rest();
  const frame = readFrame("push", rest);
  if (frame.type !== "push") {
    throw new SavedError("push", "it is something else");
  }
  const { push } = frame;
  const created = push.deltas.map((_, index) => head.created.has(index));
  return { ...head, push, created, flights: 0, bytes: rest.length };
}

/** A push in the bytes of `decodePush`. */
export function encodePush({ push, spaceId, acked, isHealing, created }: Pending): Saved {
  const writer = new Writer();
  writer.option(spaceId, (id) => writer.hex(id));
  writer.option(acked, ({ epoch, sequence }) => writer.hex(epoch).uint(sequence));
  const indices = [...created.keys()].filter((index) => created[index]);
  writer.bool(isHealing).array(indices.length);
  for (const index of indices) {
    writer.uint(index);
  }
  return writer.raw(encodeClient({ type: "push", push })).finish();
}

function encodeSpace(name: SpaceName, space: SpaceState): Saved {
  const { id, filter } = space;
  const writer = new Writer();
  writer.option(id, (known) => writer.hex(known));
  const frame: ClientFrame = { type: "subscribe", space: name, filter, start: startOf(space) };
  return writer.raw(encodeClient(frame)).finish();
}

/** The deltas that make up a record, those of dropped fields and its tombstone among them. */
function encodeRecord(space: SpaceName, name: RecordName, record: RecordState): Saved {
  const puts = new Map<string, { sequence: number; stamp: Stamp; fields: PutField[] }>();
  for (const { name: field, sequence, stamp, value } of record.registers) {
    const id = `${sequence} ${stamp}`;
    const put = puts.get(id) ?? { sequence, stamp, fields: [] };
    put.fields.push({ name: field, value });
    puts.set(id, put);
  }
  const deltas = [...puts.values()]
    .sort((a, b) => a.sequence - b.sequence || (a.stamp < b.stamp ? -1 : 1))
    .map(({ sequence, stamp, fields }): Applied => {
      return { ...name, sequence, stamp, op: { type: "put", fields } };
    });
  if (record.tombstone !== undefined) {
    deltas.push({ ...name, ...record.tombstone, op: DELETE });
  }
  return encodeSnapshotPart(space, deltas);
}

function takeClock(state: ReplicaState): Saved | undefined {
  const [last, vouched] = [state.clock.last(), state.vouched];
  const [savedLast, savedVouched] = state.savedClock;
  state.savedClock = [last, vouched];
  const isSame = last === savedLast && vouched === savedVouched;
  return isSame ? undefined : encodeClock(last, vouched);
}

function encodeClock(last: HlcTime, vouched: HlcTime): Saved {
  return hexToBytes(idOf(last) + idOf(vouched));
}

function readFrame(what: string, bytes: Uint8Array): ClientFrame {
  // Its sizes were checked against the hub's limits when it was written.
  const decoded = decodeClient(bytes, TRUSTED);
  if (decoded.type === "error") {
    throw new SavedError(what, decoded.error.message);
  }
  return decoded.frame;
}

function attempt<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new SavedError(what, toDecodeError(error).message);
  }
}
