// What a subscription asks for: some collections, and keys with a prefix.
import { isReserved, RECORD_KEY_BYTES_MAX, utf8Length } from "./name.js";
import { compareText } from "./sorted.js";
/** Most collections that a filter may name. */
export const FILTER_COLLECTIONS_MAX = 64;
/** Why something is not a filter. */
export class FilterError extends Error {
    name = "FilterError";
}
/** The whole space. */
export const FILTER_ALL = { collections: [], prefix: "" };
/** These collections (all, when there are none) under a key prefix. Throws `FilterError`. */
export function toFilter(collections, prefix = "") {
    const sorted = [...new Set(collections)].sort(compareText);
    if (sorted.length > FILTER_COLLECTIONS_MAX) {
        throw new FilterError(`a filter names at most ${FILTER_COLLECTIONS_MAX} collections`);
    }
    if (sorted.some(isReserved)) {
        throw new FilterError("collections that begin with `.` are the hub's own");
    }
    if (utf8Length(prefix) > RECORD_KEY_BYTES_MAX || !prefix.isWellFormed()) {
        throw new FilterError(`a key prefix is a text of at most ${RECORD_KEY_BYTES_MAX} bytes`);
    }
    return { collections: sorted, prefix };
}
/** Whether a record is asked for. Reserved collections never are. */
export function selects(filter, collection, key) {
    const { collections, prefix } = filter;
    const isAsked = collections.length === 0 || collections.includes(collection);
    return isAsked && !isReserved(collection) && key.startsWith(prefix);
}
/** Whether two filters ask for the same. */
export function isSameFilter(a, b) {
    const isSame = a.collections.every((name, at) => name === b.collections[at]);
    return isSame && a.collections.length === b.collections.length && a.prefix === b.prefix;
}
