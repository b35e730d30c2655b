import { type Environment } from "./environment.js";
import { type DeviceId, type SpaceName } from "./name.js";
import type { Connection, Notice } from "./news.js";
import { type Space } from "./space.js";
import type { Unsubscribe } from "./topics.js";
/** Which hub, who greets it, and where copies live. */
export interface ConnectOptions {
    /** The hub: `ws://`, `wss://`, `http://` or `https://`, a host, a port where it needs one. */
    readonly url: string;
    /** The API token. */
    readonly token?: string;
    /** Gives the API token for each new connection, in the place of `token`. */
    readonly getToken?: () => string | Promise<string>;
    /** The name under which people know this device; at most 128 bytes. */
    readonly deviceName?: string;
    /**
     * Names the local data, so that two accounts of one hub do not share it. Tabs with the same hub
     * and name share one connection. False keeps copies and unsent writes in memory only.
     */
    readonly store?: string | false;
    /** Stands in for parts of the world: clocks, sockets, storage. For tests and odd platforms. */
    readonly environment?: Partial<Environment>;
}
/** A part of a space. */
export interface SpaceOptions {
    /** The collections to keep up; all when there are none. */
    readonly collections?: readonly string[];
    /** Only records whose keys begin so. */
    readonly prefix?: string;
}
/** A hub as one device knows it. */
export interface Client {
    /**
     * A space of the hub. Its copy is kept up from now on, in later runs, too. A space has one filter
     * at a time: the latest holds for all its handles. Throws `NameError`, `FilterError`.
     */
    readonly space: (name: string, options?: SpaceOptions) => Space;
    /** The spaces that are kept up, those of earlier runs among them. */
    readonly spaces: () => SpaceName[];
    /** Drops all that this device knows of a space, unsent writes too. */
    readonly forget: (name: string) => void;
    /** The lasting id of this device. */
    readonly device: () => DeviceId;
    /** How the connection stands; the same object until that changes. */
    readonly connection: () => Connection;
    readonly onConnection: (listener: (connection: Connection) => void) => Unsubscribe;
    /** Refusals, conflicts, divergences, lost rights: what a person or a log should hear of. */
    readonly onNotice: (listener: (notice: Notice) => void) => Unsubscribe;
    /** How many writes wait for the hub. */
    readonly waiting: () => number;
    readonly onWaiting: (listener: (count: number) => void) => Unsubscribe;
    /** Waits until none does: the copies hold what was written, in its place in the hub's log. */
    readonly settled: () => Promise<void>;
    /** How far the hub's clock is ahead of this device's, in milliseconds, as measured last. */
    readonly clockOffsetMs: () => number;
    /** Whether this tab keeps the connection; another tab of the browser does otherwise. */
    readonly leads: () => boolean;
    /** Connects at once instead of at the next try: the app knows that the network is back. */
    readonly retryNow: () => void;
    /** Greets with another token from now on, and starts again if the last one was refused. */
    readonly setToken: (token: string) => void;
    /** Works offline until `start`. */
    readonly stop: () => void;
    /** Goes online again after a stop, by the app or by the hub. */
    readonly start: () => void;
    /** Keeps everything, and leaves the hub. Handles throw `ClosedError` from then on. */
    readonly close: () => Promise<void>;
}
/** What was given to `connect` cannot be used; says what to do. */
export declare class ConnectError extends Error {
    readonly name = "ConnectError";
}
/**
 * Opens a client. It waits for the local data, never for the network: until the hub is reached, and
 * whenever it cannot be, the client works offline. Fails with `AddressError`, `ConnectError`, and
 * `SavedError` when the local data is damaged.
 */
export declare function connect(options: ConnectOptions): Promise<Client>;
/** Deletes what this device keeps of a hub under a name. Close its clients before. */
export declare function deleteLocalData(options: Pick<ConnectOptions, "url" | "store" | "environment">): Promise<void>;
