// The handle for one space: read, write, listen, verify.
//
// Reads and writes answer at once and never touch the network.

import { type Collection, createCollection } from "./collection.js";
import type { Conflicts } from "./conflicts.js";
import type { Core, Write } from "./core.js";
import type { Peer, PresenceEvent } from "./frame.js";
import { type CollectionName, type SpaceName, toCollectionName } from "./name.js";
import type { SpaceStatus } from "./news.js";
import { fromPlain, type Plain, toPlain } from "./plain.js";
import { isRetryable } from "./reject.js";
import type { RecordName } from "./replica/event.js";
import type { StandardSchema } from "./schema.js";
import { type Scope, SyncError, type Unsubscribe, type Verified } from "./topics.js";
import { collectChanges, type PlainFields, type Transaction } from "./transaction.js";
import type { Value } from "./value.js";
import { type RecordView, viewOf } from "./view.js";

/** Someone who shows a state in a space. */
export interface Present {
  readonly from: Peer;
  /** What they show. */
  readonly state: Plain | undefined;
}

/** What happened to someone in a space. */
export interface PresenceChange extends Present {
  readonly event: PresenceEvent["type"];
}

/** One space of a hub. */
export interface Space {
  readonly name: SpaceName;
  /** A record, own writes included; the same object for as long as nothing changes it. */
  readonly get: (collection: string, key: string) => RecordView | undefined;
  /** The records of a collection whose keys begin with `prefix`, in the order of their keys. */
  readonly list: (collection: string, prefix?: string) => RecordView[];
  /** The collections that may hold something, in order. */
  readonly collections: () => CollectionName[];
  /** A collection of one kind of records, checked by a schema where one is given. */
  readonly collection: {
    <Input extends object, Output>(
      name: string,
      schema: StandardSchema<Input, Output>,
    ): Collection<Input, Output>;
    <T extends object = { [field: string]: Plain }>(name: string): Collection<T, T>;
  };
  /** Sets fields of a record, and drops those that are `undefined`; others stay as they are. */
  readonly put: (collection: string, key: string, fields: PlainFields) => Write;
  /** Deletes a record, with all that was written to it before. */
  readonly delete: (collection: string, key: string) => Write;
  /** Makes a record unless there is one: the hub decides, `guard_failed` tells. */
  readonly create: (collection: string, key: string, fields: PlainFields) => Write;
  /** Sets fields of a record unless it is other than `seen`: the hub decides. */
  readonly putIfUnchanged: (seen: RecordView, fields: PlainFields) => Write;
  /** Writes several changes that stand or fall together; nothing is written if `collect` throws. */
  readonly transaction: (collect: (write: Transaction) => unknown) => Write;
  /** Hears of the records in scope that read differently now: once for each frame or write. */
  readonly subscribe: (
    scope: Scope,
    listener: (records: readonly RecordName[]) => void,
  ) => Unsubscribe;
  readonly status: () => SpaceStatus;
  readonly onStatus: (listener: (status: SpaceStatus) => void) => Unsubscribe;
  /** Waits until the copy holds all that the hub has. Fails with `SyncError`. */
  readonly synced: () => Promise<void>;
  /** Compares the copy with the hub, once there is a connection. A difference is repaired. */
  readonly verify: () => Promise<Verified>;
  /** Says something to the other devices that are in the space now. Throws `EphemeralError`. */
  readonly signal: (value: unknown) => void;
  readonly onSignal: (listener: (value: Plain, from: Peer) => void) => Unsubscribe;
  /**
   * Shows this device's state to the other devices, now and whenever it is connected; `undefined`
   * takes it back. Throws `EphemeralError`.
   */
  readonly showPresence: (state: unknown) => void;
  /** Who shows what here now; the same array until that changes. */
  readonly present: () => readonly Present[];
  readonly onPresence: (listener: (change: PresenceChange) => void) => Unsubscribe;
  /** What last write wins threw away, kept by the hub. */
  readonly conflicts: Conflicts;
  /** Stops keeping the copy up; it stays, and so do unsent writes. */
  readonly close: () => void;
}

/** The handle for a space that is open. */
export function createSpace(core: Core, name: SpaceName, conflicts: Conflicts): Space {
  const { topics } = core;
  const transaction = (collect: (write: Transaction) => unknown): Write => {
    const { changes, guards } = collectChanges(collect);
    return core.write(name, changes, guards);
  };
  const space: Space = {
    name,
    conflicts,
    get(collection, key) {
      const record = core.replica().get(name, collection, key);
      if (record === undefined) {
        return undefined;
      }
      const copied = core.replica().copied(name, collection, key);
      return viewOf(collection as CollectionName, key as RecordName["key"], record, copied);
    },
    list(collection, prefix = "") {
      const replica = core.replica();
      const at = toCollectionName(collection);
      return replica.list(name, at, prefix).map(([key, record]) => {
        return viewOf(at, key, record, replica.copied(name, at, key));
      });
    },
    collections: () => core.replica().collections(name),
    collection: <Input extends object, Output>(
      collection: string,
      schema?: StandardSchema<Input, Output>,
    ) => createCollection<Input, Output>(space, collection, schema),
    put: (collection, key, fields) => transaction((write) => write.put(collection, key, fields)),
    delete: (collection, key) => transaction((write) => write.delete(collection, key)),
    create: (collection, key, fields) =>
      transaction((write) => write.ifAbsent(collection, key).put(collection, key, fields)),
    putIfUnchanged: (seen, fields) =>
      transaction((write) => write.ifUnchanged(seen).put(seen.collection, seen.key, fields)),
    transaction,
    subscribe: (scope, listener) => topics.onChange(name, scope, listener),
    status: () => topics.status(name),
    onStatus: (listener) => topics.onStatus(name, listener),
    synced: () => synced(core, name),
    verify() {
      const verified = topics.verified(name);
      core.ask({ type: "verify", space: name });
      return verified;
    },
    signal: (value) => core.ask({ type: "signal", space: name, value: fromPlain(value) }),
    onSignal: (listener) =>
      topics.onSignal(name, ({ from, value }) => listener(toPlain(value), from)),
    showPresence(state) {
      core.presence(name, state === undefined ? undefined : fromPlain(state));
    },
    present: () => presentOf(topics.peers(name)),
    onPresence: (listener) =>
      topics.onPresence(name, ({ from, event }) => {
        const state = event.type === "left" ? undefined : plainOf(event.state);
        listener({ from, state, event: event.type });
      }),
    close: () => core.close(name),
  };
  return space;
}

type Peers = ReturnType<Core["topics"]["peers"]>;

const PRESENT = /* @__PURE__ */ new WeakMap<Peers, readonly Present[]>();

function presentOf(peers: Peers): readonly Present[] {
  let present = PRESENT.get(peers);
  if (present === undefined) {
    present = [...peers.values()].map(({ from, state }) => ({ from, state: plainOf(state) }));
    PRESENT.set(peers, present);
  }
  return present;
}

function plainOf(value: Value | undefined): Plain | undefined {
  return value === undefined ? undefined : toPlain(value);
}

function synced({ topics }: Core, name: SpaceName): Promise<void> {
  return new Promise((resolve, reject) => {
    let stop: Unsubscribe = () => undefined;
    const look = ({ isLive, ended }: SpaceStatus): boolean => {
      if (isLive) {
        resolve();
      } else if (ended !== undefined && !isRetryable(ended.code)) {
        reject(new SyncError(`${ended.code}: ${ended.text}`, ended));
      } else {
        return false;
      }
      stop();
      return true;
    };
    if (!look(topics.status(name))) {
      stop = topics.onStatus(name, look);
    }
  });
}
