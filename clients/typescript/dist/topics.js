// Who listens to what, and who waits for which write. Listeners hear only what they asked for, and
// one that throws disturbs nobody else.
import { pushIdToText } from "./delta.js";
import { noticeOf, UNKNOWN_STATUS, } from "./news.js";
/** Why a write will not be acknowledged. */
export class AckError extends Error {
    name = "AckError";
    /** The hub's refusal; none when the client was closed, or the space forgotten, before. */
    reject;
    constructor(text, reject) {
        super(text);
        this.reject = reject;
    }
}
/** Why waiting for a space has ended without success. */
export class SyncError extends Error {
    name = "SyncError";
    /** The hub's refusal, when it is one. */
    reject;
    constructor(text, reject) {
        super(text);
        this.reject = reject;
    }
}
/** Notices that are kept at most until somebody listens. */
const UNHEARD_MAX = 100;
/** All listeners of one client in one tab. */
export class Topics {
    #topics = new Map();
    #acks = new Map();
    #connections = new Set();
    #notices = new Set();
    #waitings = new Set();
    #waiting = 0;
    #unheard = [];
    #connection = { type: "offline", reason: undefined, nextTryAt: 0 };
    connection() {
        return this.#connection;
    }
    status(space) {
        return this.#topic(space).status;
    }
    peers(space) {
        return this.#topic(space).peers;
    }
    onConnection(listener) {
        return enter(this.#connections, listener);
    }
    onWaiting(listener) {
        return enter(this.#waitings, listener);
    }
    /** The first listener also hears what came before it, as when a database could not be opened. */
    onNotice(listener) {
        const unheard = this.#unheard.splice(0);
        queueMicrotask(() => {
            for (const notice of unheard) {
                tellAll([listener], notice);
            }
        });
        return enter(this.#notices, listener);
    }
    onChange(space, scope, listener) {
        return enter(this.#topic(space).changes, { scope, listener });
    }
    onSignal(space, listener) {
        return enter(this.#topic(space).signals, listener);
    }
    onPresence(space, listener) {
        return enter(this.#topic(space).presences, listener);
    }
    onStatus(space, listener) {
        return enter(this.#topic(space).statuses, listener);
    }
    /** Waits for the next comparison of a space with the hub. */
    verified(space) {
        return new Promise((resolve, reject) => {
            this.#topic(space).verifying.add((result) => {
                if (result instanceof SyncError) {
                    reject(result);
                }
                else {
                    resolve(result);
                }
            });
        });
    }
    /** Waits for what becomes of a push. Nobody has to look at the promise. */
    acked(push) {
        const promise = new Promise((acked, failed) => {
            this.#acks.set(pushIdToText(push), { acked, failed });
        });
        promise.catch(() => undefined);
        return promise;
    }
    /** Ends the waiting for pushes of which `isWaiting` knows nothing. */
    dropUnanswerable(isWaiting) {
        for (const [id, waiting] of this.#acks) {
            if (!isWaiting(id)) {
                this.#acks.delete(id);
                const text = "the client was closed, or the space forgotten, before the hub answered";
                waiting.failed(new AckError(text));
            }
        }
    }
    /** The client is closed: whoever waits is told so. */
    end() {
        this.dropUnanswerable(() => false);
        for (const { verifying } of this.#topics.values()) {
            settle(verifying, new SyncError("the client is closed"));
        }
    }
    tell(news) {
        const notice = noticeOf(news);
        if (notice !== undefined) {
            tellAll(this.#notices, notice);
            if (this.#notices.size === 0 && this.#unheard.length < UNHEARD_MAX) {
                this.#unheard.push(notice);
            }
        }
        switch (news.type) {
            case "connection":
                this.#connection = news.connection;
                if (news.connection.type !== "live") {
                    this.#forgetPeers();
                }
                tellAll(this.#connections, news.connection);
                break;
            case "acked":
                this.#take(news.push)?.acked({ push: news.push, sequence: news.sequence });
                break;
            case "rejected": {
                const { reject } = news;
                this.#take(news.push)?.failed(new AckError(`${reject.code}: ${reject.text}`, reject));
                break;
            }
            case "waiting":
                if (this.#waiting !== news.count) {
                    this.#waiting = news.count;
                    tellAll(this.#waitings, news.count);
                }
                break;
            case "hub":
            case "store_lost":
                break;
            default:
                this.#tellSpace(this.#topic(news.space), news);
        }
    }
    #tellSpace(topic, news) {
        switch (news.type) {
            case "changed":
                for (const { scope, listener } of [...topic.changes]) {
                    const records = news.records.filter((name) => holds(scope, name));
                    if (records.length > 0) {
                        tellAll([listener], records);
                    }
                }
                break;
            case "signal":
                tellAll(topic.signals, { from: news.from, value: news.value });
                break;
            case "presence":
                topic.peers = peersAfter(topic.peers, news);
                tellAll(topic.presences, { from: news.from, event: news.event });
                break;
            case "status":
                topic.status = news.status;
                tellAll(topic.statuses, news.status);
                break;
            case "verified":
                settle(topic.verifying, { type: "equal", sequence: news.sequence });
                break;
            case "diverged": {
                const { collections, isRepairing } = news;
                settle(topic.verifying, { type: "different", collections, isRepairing });
                break;
            }
            case "unverified": {
                const text = "the space changes too fast to be verified now; try again when it is quieter";
                settle(topic.verifying, new SyncError(text));
                break;
            }
            case "subscription_ended": {
                const { reject } = news;
                settle(topic.verifying, new SyncError(`${reject.code}: ${reject.text}`, reject));
                break;
            }
            default:
        }
    }
    /** Whoever was there is announced again by the next session. */
    #forgetPeers() {
        for (const topic of this.#topics.values()) {
            const peers = topic.peers;
            topic.peers = new Map();
            for (const { from } of peers.values()) {
                tellAll(topic.presences, { from, event: { type: "left" } });
            }
        }
    }
    #take(push) {
        const id = pushIdToText(push);
        const waiting = this.#acks.get(id);
        this.#acks.delete(id);
        return waiting;
    }
    #topic(space) {
        let topic = this.#topics.get(space);
        if (topic === undefined) {
            topic = {
                changes: new Set(),
                signals: new Set(),
                presences: new Set(),
                statuses: new Set(),
                verifying: new Set(),
                peers: new Map(),
                status: UNKNOWN_STATUS,
            };
            this.#topics.set(space, topic);
        }
        return topic;
    }
}
function holds({ collection, key, prefix = "" }, name) {
    return ((collection === undefined || collection === name.collection) &&
        (key === undefined || key === name.key) &&
        name.key.startsWith(prefix));
}
function peersAfter(peers, { from, event }) {
    const next = new Map(peers);
    if (event.type === "left") {
        next.delete(from.device);
    }
    else {
        next.set(from.device, { from, state: event.state });
    }
    return next;
}
function enter(listeners, listener) {
    listeners.add(listener);
    return () => {
        listeners.delete(listener);
    };
}
function settle(waiting, result) {
    const all = [...waiting];
    waiting.clear();
    tellAll(all, result);
}
function tellAll(listeners, news) {
    for (const listener of [...listeners]) {
        try {
            listener(news);
        }
        catch (error) {
            // The app's own fault reaches whoever watches for errors, and the other listeners their news.
            queueMicrotask(() => {
                throw error;
            });
        }
    }
}
