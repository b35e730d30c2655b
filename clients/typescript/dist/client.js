// The handle for a hub, and how it is opened.
import { LABEL_BYTES_MAX, TOKEN_BYTES_MAX } from "./codec/limits.js";
import { createConflicts } from "./conflicts.js";
import { Core } from "./core.js";
import { environmentOf } from "./environment.js";
import { FILTER_ALL, toFilter } from "./filter.js";
import { toCollectionName, toSpaceName, utf8Length, } from "./name.js";
import { toAddress } from "./socket.js";
import { createSpace } from "./space.js";
/** What was given to `connect` cannot be used; says what to do. */
export class ConnectError extends Error {
    name = "ConnectError";
}
const VERSION = "typescript/0.1.0";
/**
 * Opens a client. It waits for the local data, never for the network: until the hub is reached, and
 * whenever it cannot be, the client works offline. Fails with `AddressError`, `ConnectError`, and
 * `SavedError` when the local data is damaged.
 */
export async function connect(options) {
    const { url, token, getToken, deviceName = "", store = "default" } = options;
    const address = toAddress(url);
    if ((token === undefined) === (getToken === undefined)) {
        throw new ConnectError("give either `token` or `getToken`");
    }
    check("token", token ?? "", TOKEN_BYTES_MAX);
    check("device name", deviceName, LABEL_BYTES_MAX);
    const environment = environmentOf(options.environment);
    let current = token ?? "";
    const core = new Core({
        environment,
        address,
        identity: { token: current, deviceName, attributes: { client: VERSION } },
        getToken,
        name: store === false ? undefined : localName(address.socket, store),
    });
    try {
        await core.begin();
    }
    catch (error) {
        await core.end();
        throw error;
    }
    const tokenNow = () => getToken?.() ?? current;
    return {
        space(name, { collections = [], prefix = "" } = {}) {
            const space = toSpaceName(name);
            const isAll = collections.length === 0 && prefix === "";
            const filter = isAll ? FILTER_ALL : toFilter(collections.map(toCollectionName), prefix);
            core.open(space, filter);
            return createSpace(core, space, createConflicts(environment, address, tokenNow, space));
        },
        spaces: () => core.replica().spaces(),
        forget: (name) => core.forget(toSpaceName(name)),
        device: () => core.replica().device,
        connection: () => core.topics.connection(),
        onConnection: (listener) => core.topics.onConnection(listener),
        onNotice: (listener) => core.topics.onNotice(listener),
        waiting: () => core.replica().outboxSize(),
        onWaiting: (listener) => core.topics.onWaiting(listener),
        settled: () => settled(core),
        clockOffsetMs: () => core.replica().offsetMs(),
        leads: () => core.leads(),
        retryNow: () => core.ask({ type: "retry" }),
        setToken(next) {
            check("token", next, TOKEN_BYTES_MAX);
            current = next;
            core.ask({ type: "token", token: next });
        },
        stop: () => core.ask({ type: "stop" }),
        start: () => core.ask({ type: "start" }),
        close: () => core.end(),
    };
}
function settled(core) {
    return new Promise((resolve) => {
        if (core.replica().outboxSize() === 0) {
            resolve();
            return;
        }
        const stop = core.topics.onWaiting((count) => {
            if (count === 0) {
                stop();
                resolve();
            }
        });
    });
}
/** Deletes what this device keeps of a hub under a name. Close its clients before. */
export function deleteLocalData(options) {
    const { indexedDB } = environmentOf(options.environment);
    const name = localName(toAddress(options.url).socket, options.store || "default");
    return new Promise((resolve, reject) => {
        const request = indexedDB?.deleteDatabase(`syncline ${name}`);
        if (request === undefined) {
            resolve();
            return;
        }
        request.onsuccess = () => resolve();
        request.onerror = () => reject(new ConnectError(String(request.error)));
        request.onblocked = () => reject(new ConnectError("the local data is in use; close its tabs"));
    });
}
function localName(socket, store) {
    return `${socket} ${store}`;
}
function check(what, text, bytesMax) {
    if (utf8Length(text) > bytesMax) {
        throw new ConnectError(`the ${what} is longer than ${bytesMax} bytes; use a shorter one`);
    }
}
