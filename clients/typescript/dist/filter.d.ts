import { type CollectionName } from "./name.js";
/** Most collections that a filter may name. */
export declare const FILTER_COLLECTIONS_MAX = 64;
/** Selects records of a space. */
export interface Filter {
    /** The collections, sorted; none for all. */
    readonly collections: readonly CollectionName[];
    /** How the keys begin; empty for all. */
    readonly prefix: string;
}
/** Why something is not a filter. */
export declare class FilterError extends Error {
    readonly name = "FilterError";
}
/** The whole space. */
export declare const FILTER_ALL: Filter;
/** These collections (all, when there are none) under a key prefix. Throws `FilterError`. */
export declare function toFilter(collections: Iterable<CollectionName>, prefix?: string): Filter;
/** Whether a record is asked for. Reserved collections never are. */
export declare function selects(filter: Filter, collection: string, key: string): boolean;
/** Whether two filters ask for the same. */
export declare function isSameFilter(a: Filter, b: Filter): boolean;
