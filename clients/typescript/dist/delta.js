// Deltas, and the pushes that carry them.
//
// A change says what happens to one record; a delta is a change under a stamp; an applied delta
// also has the sequence that the hub gave it.
import { compareText } from "./sorted.js";
/** A put needs at least one field, and each only once. */
export class FieldsError extends Error {
    name = "FieldsError";
}
/** A delete. */
export const DELETE = { type: "delete" };
/** Sorts the fields of a put and checks them. Throws `FieldsError`. */
export function toFields(fields) {
    const sorted = [...fields].sort((a, b) => compareText(a.name, b.name));
    if (sorted.length === 0) {
        throw new FieldsError("a put needs at least one field");
    }
    const twice = sorted.find((field, at) => field.name === sorted[at + 1]?.name);
    if (twice !== undefined) {
        throw new FieldsError(`the field ${twice.name} is put twice`);
    }
    return sorted;
}
/** A push id as one text, for maps and for people. */
export function pushIdToText(id) {
    return `${id.replica}#${id.counter}`;
}
/** Compares push ids: by replica, then by counter. */
export function comparePushIds(a, b) {
    return compareText(a.replica, b.replica) || a.counter - b.counter;
}
