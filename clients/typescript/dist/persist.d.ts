import type { DeviceId } from "./name.js";
import type { Unsaved } from "./replica/saved.js";
/** What a store held when it was opened. */
export interface Loaded {
    readonly device: DeviceId;
    readonly clock: Uint8Array | undefined;
    readonly spaces: readonly Uint8Array[];
    readonly records: readonly Uint8Array[];
    /** In the order of writing. */
    readonly pushes: readonly {
        readonly order: number;
        readonly bytes: Uint8Array;
    }[];
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
export declare class StoreError extends Error {
    readonly name = "StoreError";
}
/** A store in IndexedDB. */
export declare function createStore(factory: IDBFactory, name: string): Store;
