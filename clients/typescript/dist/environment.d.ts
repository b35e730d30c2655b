import type { OpenWebSocket } from "./websocket.js";
/** The lock manager's one call that is used. */
export interface Locks {
    readonly request: (name: string, options: {
        readonly signal?: AbortSignal;
    }, hold: () => Promise<void>) => Promise<unknown>;
}
/** A channel between the tabs of one browser. */
export interface Channel {
    onmessage: ((event: {
        readonly data: unknown;
    }) => void) | null;
    postMessage: (message: unknown) => void;
    close: () => void;
}
/** The world. */
export interface Environment {
    /** What the device's clock shows, in milliseconds since 1970. */
    readonly now: () => number;
    /** A clock that never goes back, in milliseconds. */
    readonly steady: () => number;
    /** 64 random bits. */
    readonly random: () => bigint;
    /** Runs something later; gives what takes that back. */
    readonly later: (run: () => void, delayMs: number) => () => void;
    readonly openWebSocket: OpenWebSocket;
    readonly fetch: typeof fetch | undefined;
    readonly indexedDB: IDBFactory | undefined;
    readonly locks: Locks | undefined;
    readonly openChannel: ((name: string) => Channel) | undefined;
    /** Tells when the network is back, when the page is looked at again, and when it is left. */
    readonly watch: (happened: (what: "online" | "visible" | "hidden") => void) => () => void;
}
/** The platform's own world, with what is handed in in its place. */
export declare function environmentOf(given?: Partial<Environment>): Environment;
