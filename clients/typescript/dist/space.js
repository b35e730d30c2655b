// The handle for one space: read, write, listen, verify.
//
// Reads and writes answer at once and never touch the network.
import { createCollection } from "./collection.js";
import { toCollectionName } from "./name.js";
import { fromPlain, toPlain } from "./plain.js";
import { isRetryable } from "./reject.js";
import { SyncError } from "./topics.js";
import { collectChanges } from "./transaction.js";
import { viewOf } from "./view.js";
/** The handle for a space that is open. */
export function createSpace(core, name, conflicts) {
    const { topics } = core;
    const transaction = (collect) => {
        const { changes, guards } = collectChanges(collect);
        return core.write(name, changes, guards);
    };
    const space = {
        name,
        conflicts,
        get(collection, key) {
            const record = core.replica().get(name, collection, key);
            if (record === undefined) {
                return undefined;
            }
            const copied = core.replica().copied(name, collection, key);
            return viewOf(collection, key, record, copied);
        },
        list(collection, prefix = "") {
            const replica = core.replica();
            const at = toCollectionName(collection);
            return replica.list(name, at, prefix).map(([key, record]) => {
                return viewOf(at, key, record, replica.copied(name, at, key));
            });
        },
        collections: () => core.replica().collections(name),
        collection: (collection, schema) => createCollection(space, collection, schema),
        put: (collection, key, fields) => transaction((write) => write.put(collection, key, fields)),
        delete: (collection, key) => transaction((write) => write.delete(collection, key)),
        create: (collection, key, fields) => transaction((write) => write.ifAbsent(collection, key).put(collection, key, fields)),
        putIfUnchanged: (seen, fields) => transaction((write) => write.ifUnchanged(seen).put(seen.collection, seen.key, fields)),
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
        onSignal: (listener) => topics.onSignal(name, ({ from, value }) => listener(toPlain(value), from)),
        showPresence(state) {
            core.presence(name, state === undefined ? undefined : fromPlain(state));
        },
        present: () => presentOf(topics.peers(name)),
        onPresence: (listener) => topics.onPresence(name, ({ from, event }) => {
            const state = event.type === "left" ? undefined : plainOf(event.state);
            listener({ from, state, event: event.type });
        }),
        close: () => core.close(name),
    };
    return space;
}
const PRESENT = /* @__PURE__ */ new WeakMap();
function presentOf(peers) {
    let present = PRESENT.get(peers);
    if (present === undefined) {
        present = [...peers.values()].map(({ from, state }) => ({ from, state: plainOf(state) }));
        PRESENT.set(peers, present);
    }
    return present;
}
function plainOf(value) {
    return value === undefined ? undefined : toPlain(value);
}
function synced({ topics }, name) {
    return new Promise((resolve, reject) => {
        let stop = () => undefined;
        const look = ({ isLive, ended }) => {
            if (isLive) {
                resolve();
            }
            else if (ended !== undefined && !isRetryable(ended.code)) {
                reject(new SyncError(`${ended.code}: ${ended.text}`, ended));
            }
            else {
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
