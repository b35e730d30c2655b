// A client's state: for each space the copy of what the hub sent, and the overlay of own writes.
//
//   app reads  =  overlay (own pushes that are not in the copy yet)
//                    over
//                 copy    (what the hub sent; cursor and digests speak of it)
//
// A replica is pure: it is told the time and handed frames, and gives back frames and events. It
// opens no socket, writes no store, reads no clock and draws nothing at random; a session drives it
// and a store keeps what it calls unsaved.

import type { Cursor } from "./cursor.js";
import { type Change, comparePushIds, type Push, type PushId } from "./delta.js";
import type { Digest } from "./digest.js";
import { type Filter, isSameFilter } from "./filter.js";
import type { ClientFrame, HubFrame, Welcome } from "./frame.js";
import type { Guard } from "./guard.js";
import {
  type CollectionName,
  type DeviceId,
  isReserved,
  type RecordKey,
  type ReplicaId,
  type SpaceId,
  type SpaceName,
  utf8Length,
} from "./name.js";
import { isVisible, type RecordState } from "./record.js";
import { isRetryable } from "./reject.js";
import { learnOffset } from "./replica/answers.js";
import { type RecordName, WriteError } from "./replica/event.js";
import { type HubLimits, limitsFromWelcome } from "./replica/limits.js";
import { receive } from "./replica/receive.js";
import { discardUnsaved, dump, isSaved, takeUnsaved, type Unsaved } from "./replica/saved.js";
import {
  collectionsOf,
  createSpace,
  currentId,
  IDLE,
  isLive,
  keysOf,
  openOf,
  read,
  type SpaceState,
  startOf,
  wantDigests,
} from "./replica/space.js";
import {
  createState,
  frameBytes,
  hubTime,
  queue,
  type Received,
  type ReplicaState,
  stampInOrder,
} from "./replica/state.js";
import { compareText } from "./sorted.js";
import { hlcFromMillis, stampOf } from "./stamp.js";

/** Unanswered pushes that a replica keeps at most: a bound on what a program can pile up. */
export const OUTBOX_PUSHES_MAX = 100_000;
/** Replicas that a hello names at most: it must fit into the 4 KiB that a hub takes of it. */
const HELLO_OUTBOX_MAX = 128;
/** Guards of a push at most, as the codec takes them. */
const GUARDS_MAX = 256;

/** Everything that one client knows. */
export interface Replica {
  readonly id: ReplicaId;
  readonly device: DeviceId;
  /** What it holds, for who saves and mirrors it. */
  readonly state: ReplicaState;
  readonly limits: () => HubLimits;
  /** The hub's time minus this device's, in milliseconds. */
  readonly offsetMs: () => number;
  /**
   * Wants a space, or another part of it: its copy is kept up from the next frames on. Gives
   * whether anything is to be sent for it.
   */
  readonly open: (space: SpaceName, filter: Filter) => boolean;
  /** Ends the subscription of a space; its copy and its unsent writes stay. */
  readonly close: (space: SpaceName) => void;
  /** Drops all that is known of a space, unsent writes too. */
  readonly forget: (space: SpaceName) => void;
  /** The spaces that are open, in order. */
  readonly spaces: () => SpaceName[];
  /** What the app reads under a key; the same object for as long as nothing changes it. */
  readonly get: (space: string, collection: string, key: string) => RecordState | undefined;
  /** What the app reads of a collection under a key prefix, in the order of the keys. */
  readonly list: (
    space: string,
    collection: string,
    prefix?: string,
  ) => [key: RecordKey, record: RecordState][];
  /** The collections of a space that may show something, in order. */
  readonly collections: (space: string) => CollectionName[];
  /** What the hub sent under a key, own writes and tombstones left as they are. */
  readonly copied: (space: string, collection: string, key: string) => RecordState | undefined;
  /** All that the hub sent of a space, tombstones too, in order. */
  readonly records: (space: string) => [RecordName, RecordState][];
  /** The digests of the copy, without collections that show nothing. */
  readonly digests: (space: string) => Map<CollectionName, Digest>;
  readonly cursor: (space: string) => Cursor | undefined;
  readonly spaceId: (space: string) => SpaceId | undefined;
  /** Whether the copy holds all that the hub had, and follows what comes. */
  readonly isLive: (space: string) => boolean;
  /** Whether the hub is sending what the copy lacks. */
  readonly isCatchingUp: (space: string) => boolean;
  /** Whether the hub lets this principal write to the space; none when it has not said. */
  readonly isWritable: (space: string) => boolean | undefined;
  /** How many pushes wait for an answer or for the cursor to reach them. */
  readonly outboxSize: () => number;
  /** Whether a push is still in the outbox without an answer. */
  readonly isWaiting: (push: PushId) => boolean;
  /**
   * Writes to a space: the changes stand or fall together, are read at once, and are pushed when a
   * session can. They get stamps of hub time. Throws `WriteError`; nothing is written then.
   */
  readonly write: (
    space: SpaceName,
    changes: readonly Change[],
    guards: readonly Guard[],
    nowMs: number,
  ) => PushId;
  /** For each replica whose pushes wait for an answer the first of them, for the hello. */
  readonly helloOutbox: () => PushId[];
  /** The frames to send now, in order; what is given counts as sent. */
  readonly takeFrames: () => ClientFrame[];
  /** Takes the hub's welcome, told how far this device's clock is behind the hub's. */
  readonly welcomed: (welcome: Welcome, offsetMs: number, nowMs: number) => void;
  /** Takes a frame of a session that is welcome. */
  readonly receive: (frame: HubFrame, nowMs: number) => Received;
  /** Learns how far this device's clock is behind the hub's. */
  readonly learnOffset: (offsetMs: number, nowMs: number) => boolean;
  /** Asks for the digests of a space with the next frames. Whether the space is open. */
  readonly verify: (space: string) => boolean;
  /** Lets the pushes of a space go that the hub had asked to send later. */
  readonly release: (space: string) => void;
  /** Lets the offers of a space go: the session has waited its random delay. */
  readonly releaseHealing: (space: string) => void;
  /** The connection ended: what waited for an answer is asked and pushed again in the next. */
  readonly disconnected: () => void;
  /** Forgets deletes older than the hub's retention; to be called now and then. */
  readonly purge: (nowMs: number) => void;
  readonly isSaved: () => boolean;
  /** Whether writes wait to be saved; no push may be sent before they are. */
  readonly hasUnsavedWrites: () => boolean;
  /** What differs from what was saved before, and counts as saved from now on. */
  readonly takeUnsaved: () => Unsaved;
  /** Everything, for who begins to mirror this replica. */
  readonly dump: () => Unsaved;
  /** Counts everything as saved, for a replica that lives in memory only. */
  readonly discardUnsaved: () => void;
}

/** A replica that knows nothing. The id is drawn anew each time; the device id lasts. */
export function createReplica(id: ReplicaId, device: DeviceId): Replica {
  return replicaOver(createState(id, device));
}

/** The handle for a state, fresh or restored. */
export function replicaOver(state: ReplicaState): Replica {
  const { spaces, outbox } = state;
  return {
    id: state.id,
    device: state.device,
    state,
    limits: () => state.limits,
    offsetMs: () => state.offsetMs,
    open: (space, filter) => open(state, space, filter),
    close: (space) => close(state, space),
    forget: (space) => forget(state, space),
    spaces: () => [...spaces.entries()].filter(([, it]) => !it.isClosed).map(([name]) => name),
    get: (space, collection, key) => within(state, space, (it) => read(it, collection, key)),
    list: (space, collection, prefix = "") => list(spaces.get(space), collection, prefix),
    collections: (space) => within(state, space, collectionsOf) ?? [],
    copied: (space, collection, key) => spaces.get(space)?.copy.get(collection, key),
    records: (space) => [...(spaces.get(space)?.copy.entries() ?? [])],
    digests: (space) => spaces.get(space)?.copy.digests() ?? new Map(),
    cursor: (space) => spaces.get(space)?.cursor,
    spaceId: (space) => spaces.get(space)?.id,
    isLive: (space) => isLive(spaces.get(space)),
    isCatchingUp: (space) => openOf(spaces.get(space)) !== undefined && !isLive(spaces.get(space)),
    isWritable: (space) => openOf(spaces.get(space))?.writable,
    outboxSize: () => outbox.size,
    isWaiting: (push) => {
      const order = outbox.orderOf(push);
      return order !== undefined && outbox.get(order)?.acked === undefined;
    },
    write: (space, changes, guards, nowMs) => write(state, space, changes, guards, nowMs),
    helloOutbox: () => helloOutbox(state),
    takeFrames: () => takeFrames(state),
    welcomed: ({ limits }, offsetMs, nowMs) => {
      state.limits = limitsFromWelcome(limits);
      learnOffset(state, offsetMs, nowMs);
    },
    receive: (frame, nowMs) => receive(state, frame, nowMs),
    learnOffset: (offsetMs, nowMs) => learnOffset(state, offsetMs, nowMs),
    verify: (space) => verify(spaces.get(space)),
    release: (space) => release(spaces.get(space)),
    releaseHealing: (space) => {
      within(state, space, (it) => {
        it.mayHeal = true;
      });
    },
    disconnected: () => disconnected(state),
    purge: (nowMs) => purge(state, nowMs),
    isSaved: () => isSaved(state),
    hasUnsavedWrites: () => outbox.hasUnsavedWrites(),
    takeUnsaved: () => takeUnsaved(state),
    dump: () => dump(state),
    discardUnsaved: () => discardUnsaved(state),
  };
}

function within<T>(
  state: ReplicaState,
  name: string,
  use: (space: SpaceState) => T,
): T | undefined {
  const space = state.spaces.get(name);
  return space === undefined ? undefined : use(space);
}

function open(state: ReplicaState, name: SpaceName, filter: Filter): boolean {
  state.forgotten.delete(name);
  const isNew = !state.spaces.has(name);
  const space = state.spaces.getOrMake(name, createSpace);
  if (!isNew && !space.isClosed && isSameFilter(space.filter, filter)) {
    return false;
  }
  space.unsaved.meta = true;
  space.isClosed = false;
  space.filter = filter;
  state.left.delete(name);
  space.subscription = IDLE;
  return true;
}

function close(state: ReplicaState, name: SpaceName): void {
  const space = state.spaces.get(name);
  if (space !== undefined && !space.isClosed) {
    space.isClosed = true;
    space.subscription = IDLE;
    state.left.add(name);
  }
}

function forget(state: ReplicaState, name: SpaceName): void {
  close(state, name);
  if (state.spaces.delete(name)) {
    state.forgotten.add(name);
  }
  for (const order of state.outbox.ordersOf(name)) {
    state.outbox.remove(order);
  }
}

function list(
  space: SpaceState | undefined,
  collection: string,
  prefix: string,
): [RecordKey, RecordState][] {
  if (space === undefined) {
    return [];
  }
  const found: [RecordKey, RecordState][] = [];
  for (const key of keysOf(space, collection, prefix)) {
    const record = read(space, collection, key);
    if (record !== undefined) {
      found.push([key, record]);
    }
  }
  return found;
}

function write(
  state: ReplicaState,
  name: SpaceName,
  changes: readonly Change[],
  guards: readonly Guard[],
  nowMs: number,
): PushId {
  const space = state.spaces.get(name);
  if (space === undefined) {
    const text = `the space ${name} is not open here; open it before writing to it`;
    throw new WriteError("not_open", text);
  }
  check(state, changes, guards);
  const hubMs = hubTime(state, nowMs);
  const deltas = stampInOrder(changes, () => stampOf(state.clock.tick(hubMs), state.id));
  const created = deltas.map(({ collection, key }) => {
    const record = space.copy.get(collection, key);
    return record === undefined || !isVisible(record);
  });
  const spaceId = currentId(space);
  const cursor = spaceId === space.id ? space.cursor : undefined;
  const { epoch, sequence: base = 0 } = cursor ?? {};
  const id: PushId = { replica: state.id, counter: state.counter + 1 };
  const push: Push = { id, space: name, epoch, base, guards, deltas };
  const bytes = frameBytes(push);
  atMost("the push, in bytes,", bytes, state.limits.frameBytes);
  state.counter += 1;
  const fate = { isHealing: false, acked: undefined, flights: 0 };
  queue(state, { push, spaceId, created, bytes, ...fate });
  return id;
}

function check(
  { outbox, limits }: ReplicaState,
  changes: readonly Change[],
  guards: readonly Guard[],
): void {
  if (changes.length === 0) {
    throw new WriteError("empty", "a write needs at least one change");
  }
  if (outbox.size >= OUTBOX_PUSHES_MAX) {
    const text = `${OUTBOX_PUSHES_MAX} writes wait for the hub already; connect, so that they go`;
    throw new WriteError("outbox_full", text);
  }
  atMost("the number of changes", changes.length, limits.deltasPerPush);
  atMost("the number of guards", guards.length, GUARDS_MAX);
  for (const change of changes) {
    checkChange(change, limits);
  }
}

function checkChange({ collection, key, op }: Change, limits: HubLimits): void {
  if (isReserved(collection)) {
    const text = `the collection ${collection} is the hub's own; use a name that begins otherwise`;
    throw new WriteError("reserved", text);
  }
  atMost("the key, in bytes,", utf8Length(key), limits.keyBytes);
  const fields = op.type === "put" ? op.fields : [];
  atMost("the number of fields", fields.length, limits.fields);
  for (const { value } of fields) {
    atMost("the value, in bytes,", value?.length ?? 0, limits.valueBytes);
  }
}

function atMost(what: string, size: number, most: number): void {
  if (size > most) {
    const text = `${what} is ${size}, the hub takes at most ${most}; split or shrink the write`;
    throw new WriteError("too_large", text);
  }
}

/** More than the limit there are only when a store was opened very often without a hub. */
function helloOutbox({ outbox }: ReplicaState): PushId[] {
  const first = new Map<ReplicaId, PushId>();
  for (const [, { push, acked }] of outbox.entries()) {
    const lowest = first.get(push.id.replica);
    if (acked === undefined && (lowest === undefined || push.id.counter < lowest.counter)) {
      first.set(push.id.replica, push.id);
    }
  }
  return [...first.values()].sort(comparePushIds).slice(0, HELLO_OUTBOX_MAX);
}

function takeFrames(state: ReplicaState): ClientFrame[] {
  const frames: ClientFrame[] = [...state.left]
    .sort(compareText)
    .map((space) => ({ type: "unsubscribe", space }));
  state.left.clear();
  for (const [name, space] of state.spaces.entries()) {
    if (!space.isClosed && space.subscription.type === "idle") {
      const [filter, start] = [space.filter, startOf(space)];
      frames.push({ type: "subscribe", space: name, filter, start });
      space.subscription = { type: "asked", hasCursor: space.cursor !== undefined };
    }
  }
  const pushes = state.outbox.takeDue((space, isHealing) => {
    return canPush(state.spaces.get(space), isHealing);
  });
  frames.push(...pushes.map((push): ClientFrame => ({ type: "push", push })));
  for (const [name, space] of state.spaces.entries()) {
    if (isLive(space) && space.verifyDue) {
      space.verifyDue = false;
      frames.push({ type: "verify", space: name });
    }
  }
  return frames;
}

/**
 * Whether pushes of a space may be sent: once the hub has said which life of the space it serves.
 * A space that may be written but not read takes them too.
 */
function canPush(space: SpaceState | undefined, isHealing: boolean): boolean {
  if (space === undefined || space.isHeld || (isHealing && !space.mayHeal)) {
    return false;
  }
  const { subscription } = space;
  const isWriteOnly = subscription.type === "ended" && subscription.reject.code === "forbidden";
  return subscription.type === "open" || isWriteOnly;
}

function verify(space: SpaceState | undefined): boolean {
  if (space === undefined || space.isClosed) {
    return false;
  }
  wantDigests(space);
  return true;
}

function release(space: SpaceState | undefined): void {
  if (space === undefined) {
    return;
  }
  space.isHeld = false;
  if (space.subscription.type === "ended" && isRetryable(space.subscription.reject.code)) {
    space.subscription = IDLE;
  }
}

function disconnected(state: ReplicaState): void {
  state.left.clear();
  state.outbox.disconnected();
  for (const [, space] of state.spaces.unordered()) {
    space.subscription = IDLE;
    space.isHeld = false;
    space.mayHeal = false;
    // Whoever asked for digests still waits for them.
    space.verifyDue ||= space.verifyTries > 0;
  }
}

function purge(state: ReplicaState, nowMs: number): void {
  const horizon = hlcFromMillis(hubTime(state, nowMs) - state.limits.tombstoneRetentionMs);
  for (const [, space] of state.spaces.unordered()) {
    space.unsaved.records.push(...space.copy.purge(horizon));
  }
}
