// Where a replica lives in between runs: IndexedDB in browsers, nowhere elsewhere.
//
//   object store   key                                value
//   meta           "device", "term", "clock"          text, number, bytes
//                  ["ended", term]                    true
//   spaces         space                              saved space
//   records        [space, collection, key]           saved record
//   pushes         replica#counter                    { order, saved push }
//
// What the bytes mean is the replica's business. Every save is one transaction, placed whole and
// committed at once: browsers finish such a one when the page is left, and undo any other. A term
// guards against two writers: who opens last owns the database, and an earlier one may from then
// on only keep its own unanswered pushes, whose keys are nobody else's.

import { pushIdToText } from "./delta.js";
import type { DeviceId } from "./name.js";
import type { Saved, Unsaved } from "./replica/saved.js";

/** What a store held when it was opened. */
export interface Loaded {
  readonly device: DeviceId;
  readonly clock: Uint8Array | undefined;
  readonly spaces: readonly Uint8Array[];
  readonly records: readonly Uint8Array[];
  /** In the order of writing. */
  readonly pushes: readonly { readonly order: number; readonly bytes: Uint8Array }[];
}

/** A place to keep a replica. */
export interface Store {
  /** What it holds; from now on this one owns it. A new one gets the device id. */
  readonly open: (device: DeviceId) => Promise<Loaded>;
  /** Writes what is unsaved, all in one transaction; whether this one still owns it. */
  readonly save: (unsaved: readonly Unsaved[]) => Promise<boolean>;
  readonly close: () => void;
}

/** The store cannot be read or written. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

const VERSION = 1;
const STORES = ["meta", "spaces", "records", "pushes"] as const;

/** So many ended terms are remembered: an owner of before has learned long since that it ended. */
const ENDED_TERMS_MAX = 1_000;

/** A store in IndexedDB. */
export function createStore(factory: IDBFactory, name: string): Store {
  let database: IDBDatabase | undefined;
  let term = 0;
  let isOwner = false;
  return {
    open: async (device) => {
      database ??= await openDatabase(factory, name);
      const opened = await load(database, device);
      term = opened.term;
      isOwner = true;
      return opened.loaded;
    },
    save: async (unsaved) => {
      if (database === undefined) {
        throw new StoreError(`the database ${name} is not open`);
      }
      isOwner &&= await saveAsOwner(database, unsaved, term);
      if (!isOwner) {
        await savePushes(database, unsaved);
      }
      return isOwner;
    },
    close: () => {
      database?.close();
      database = undefined;
    },
  };
}

function openDatabase(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, VERSION);
    request.onupgradeneeded = () => {
      for (const store of STORES) {
        request.result.createObjectStore(store);
      }
    };
    request.onsuccess = () => {
      // Another tab deletes or upgrades the database: it must not wait for this one.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    const fail = (why: string): void => {
      reject(new StoreError(`the database ${name} cannot be opened: ${why}`));
    };
    request.onerror = () => fail(request.error?.message ?? "unknown");
    request.onblocked = () => fail("another tab holds an older version open; close that tab");
  });
}

async function load(
  database: IDBDatabase,
  device: DeviceId,
): Promise<{ loaded: Loaded; term: number }> {
  const transaction = database.transaction(STORES, "readwrite");
  const done = completion(transaction);
  const [meta, pushes] = [transaction.objectStore("meta"), transaction.objectStore("pushes")];
  const all = (store: (typeof STORES)[number]): IDBRequest =>
    transaction.objectStore(store).getAll();
  const requests = {
    device: meta.get("device"),
    term: meta.get("term"),
    clock: meta.get("clock"),
    spaces: all("spaces"),
    records: all("records"),
    pushes: pushes.getAll(),
    ids: pushes.getAllKeys(),
  };
  requests.term.onsuccess = () => {
    const ended = termOf(requests.term);
    meta.put(ended + 1, "term");
    meta.put(true, ["ended", ended]);
    meta.delete(IDBKeyRange.bound(["ended"], ["ended", ended - ENDED_TERMS_MAX]));
  };
  requests.device.onsuccess = () => {
    if (requests.device.result === undefined) {
      meta.put(device, "device");
    }
  };
  await done;
  const ids = requests.ids.result as string[];
  const rows = (requests.pushes.result as { order: number; bytes: Uint8Array }[])
    .map((row, at) => ({ ...row, id: ids[at] ?? "" }))
    .sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  const loaded: Loaded = {
    device: (requests.device.result as DeviceId | undefined) ?? device,
    clock: requests.clock.result as Uint8Array | undefined,
    spaces: requests.spaces.result as Uint8Array[],
    records: requests.records.result as Uint8Array[],
    pushes: rows,
  };
  return { loaded, term: termOf(requests.term) + 1 };
}

function termOf(request: IDBRequest): number {
  return (request.result as number | undefined) ?? 0;
}

/** Saves everything, unless the term has ended; whether it goes on. */
async function saveAsOwner(
  database: IDBDatabase,
  unsaved: readonly Unsaved[],
  term: number,
): Promise<boolean> {
  const transaction = database.transaction(STORES, "readwrite");
  const done = completion(transaction);
  const guard = guardTerm(transaction, term);
  for (const one of unsaved) {
    writeCopy(transaction, one);
    writePushes(transaction, one);
  }
  transaction.commit();
  try {
    await done;
    return true;
  } catch (error) {
    if (guard.error?.name === "ConstraintError") {
      return false;
    }
    throw error;
  }
}

/**
 * Fails, and the transaction with it, when the term has ended. To read the term and then decide
 * would need an answer in between, and until it came nothing could be committed.
 */
function guardTerm(transaction: IDBTransaction, term: number): IDBRequest {
  const meta = transaction.objectStore("meta");
  const request = meta.add(true, ["ended", term]);
  meta.delete(["ended", term]);
  return request;
}

async function savePushes(database: IDBDatabase, unsaved: readonly Unsaved[]): Promise<void> {
  const transaction = database.transaction("pushes", "readwrite");
  const done = completion(transaction);
  for (const one of unsaved) {
    writePushes(transaction, one);
  }
  transaction.commit();
  await done;
}

function writeCopy(transaction: IDBTransaction, unsaved: Unsaved): void {
  const [spaces, records] = [transaction.objectStore("spaces"), transaction.objectStore("records")];
  for (const space of [...unsaved.forgotten, ...unsaved.emptied]) {
    // An array sorts after every text: this is the range of all keys of one space.
    records.delete(IDBKeyRange.bound([space], [space, []]));
  }
  for (const space of unsaved.forgotten) {
    spaces.delete(space);
  }
  for (const { space, bytes } of unsaved.spaces) {
    spaces.put(bytes, space);
  }
  for (const { space, collection, key, bytes } of unsaved.records) {
    put(records, [space, collection, key], bytes);
  }
  if (unsaved.clock !== undefined) {
    transaction.objectStore("meta").put(unsaved.clock, "clock");
  }
}

function writePushes(transaction: IDBTransaction, unsaved: Unsaved): void {
  const pushes = transaction.objectStore("pushes");
  for (const { id, order, bytes } of unsaved.pushes) {
    put(pushes, pushIdToText(id), bytes === undefined ? undefined : { order, bytes });
  }
}

type Row = Saved | { readonly order: number; readonly bytes: Saved } | undefined;

function put(store: IDBObjectStore, key: IDBValidKey, row: Row): void {
  if (row === undefined) {
    store.delete(key);
  } else {
    store.put(row, key);
  }
}

function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      const why = transaction.error?.message ?? "the transaction was ended";
      reject(new StoreError(`the local data cannot be kept: ${why}`));
    };
    transaction.oncomplete = () => resolve();
    transaction.onerror = fail;
    transaction.onabort = fail;
  });
}
