import type { Delta, Push } from "../delta.js";
import type { CollectionName, RecordKey } from "../name.js";
import { type RecordState } from "../record.js";
/** Where a delta stands in the outbox: the push's order, and its index in the push. */
export interface Place {
    readonly order: number;
    readonly index: number;
}
/** The joined own writes of one space that its copy does not hold yet. */
export declare class Overlay {
    #private;
    get(collection: string, key: string): RecordState | undefined;
    collections(): readonly CollectionName[];
    /** The keys of a collection under a prefix, in order. */
    keysFrom(collection: string, prefix: string): readonly RecordKey[];
    /** Lays a push over what is there. */
    add(order: number, push: Push): void;
    /** Takes a push away; `find` gives the deltas of those that stay. */
    remove(order: number, push: Push, find: (place: Place) => Delta | undefined): void;
}
