// Where a replica lives in between runs: IndexedDB in browsers, nowhere elsewhere.
//
//   object store   key                                value
//   meta           "device", "term", "clock"          text, number, bytes
//   spaces         space                              saved space
//   records        [space, collection, key]           saved record
//   pushes         replica#counter                    { order, saved push }
//
// What the bytes mean is the replica's business. Every save is one transaction. A term guards
// against two writers: who opens last owns the database, and an earlier one may from then on only
// keep its own unanswered pushes, whose keys are nobody else's.
import { pushIdToText } from "./delta.js";
/** The store cannot be read or written. */
export class StoreError extends Error {
    name = "StoreError";
}
const VERSION = 1;
const STORES = ["meta", "spaces", "records", "pushes"];
/** A store in IndexedDB. */
export function createStore(factory, name) {
    let database;
    let term = 0;
    return {
        open: async (device) => {
            database ??= await openDatabase(factory, name);
            const opened = await load(database, device);
            term = opened.term;
            return opened.loaded;
        },
        save: async (unsaved) => {
            if (database === undefined) {
                throw new StoreError(`the database ${name} is not open`);
            }
            return await save(database, unsaved, term);
        },
        close: () => {
            database?.close();
            database = undefined;
        },
    };
}
function openDatabase(factory, name) {
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
        const fail = (why) => {
            reject(new StoreError(`the database ${name} cannot be opened: ${why}`));
        };
        request.onerror = () => fail(request.error?.message ?? "unknown");
        request.onblocked = () => fail("another tab holds an older version open; close that tab");
    });
}
async function load(database, device) {
    const transaction = database.transaction(STORES, "readwrite");
    const done = completion(transaction);
    const [meta, pushes] = [transaction.objectStore("meta"), transaction.objectStore("pushes")];
    const all = (store) => transaction.objectStore(store).getAll();
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
        meta.put(termOf(requests.term) + 1, "term");
    };
    requests.device.onsuccess = () => {
        if (requests.device.result === undefined) {
            meta.put(device, "device");
        }
    };
    await done;
    const ids = requests.ids.result;
    const rows = requests.pushes.result
        .map((row, at) => ({ ...row, id: ids[at] ?? "" }))
        .sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
    const loaded = {
        device: requests.device.result ?? device,
        clock: requests.clock.result,
        spaces: requests.spaces.result,
        records: requests.records.result,
        pushes: rows,
    };
    return { loaded, term: termOf(requests.term) + 1 };
}
function termOf(request) {
    return request.result ?? 0;
}
async function save(database, unsaved, term) {
    const transaction = database.transaction(STORES, "readwrite");
    const done = completion(transaction);
    const request = transaction.objectStore("meta").get("term");
    let isOwner = false;
    request.onsuccess = () => {
        isOwner = termOf(request) === term;
        for (const one of unsaved) {
            if (isOwner) {
                writeCopy(transaction, one);
            }
            writePushes(transaction, one);
        }
    };
    await done;
    return isOwner;
}
function writeCopy(transaction, unsaved) {
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
function writePushes(transaction, unsaved) {
    const pushes = transaction.objectStore("pushes");
    for (const { id, order, bytes } of unsaved.pushes) {
        put(pushes, pushIdToText(id), bytes === undefined ? undefined : { order, bytes });
    }
}
function put(store, key, row) {
    if (row === undefined) {
        store.delete(key);
    }
    else {
        store.put(row, key);
    }
}
function completion(transaction) {
    return new Promise((resolve, reject) => {
        const fail = () => {
            const why = transaction.error?.message ?? "the transaction was ended";
            reject(new StoreError(`the local data cannot be kept: ${why}`));
        };
        transaction.oncomplete = () => resolve();
        transaction.onerror = fail;
        transaction.onabort = fail;
    });
}
