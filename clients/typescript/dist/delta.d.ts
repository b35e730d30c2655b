import type { Epoch } from "./cursor.js";
import type { Guard } from "./guard.js";
import type { CollectionName, FieldName, RecordKey, ReplicaId, SpaceName } from "./name.js";
import type { Stamp } from "./stamp.js";
import type { Value } from "./value.js";
/** One field of a put: a value, or none for dropped. */
export interface PutField {
    readonly name: FieldName;
    readonly value: Value | undefined;
}
/** The fields of a put, sorted by name, each once, at least one. */
export type Fields = readonly PutField[];
/** The two things that can happen to a record. */
export type Op = {
    readonly type: "put";
    readonly fields: Fields;
} | {
    readonly type: "delete";
};
/** What happens to one record, not yet stamped. */
export interface Change {
    readonly collection: CollectionName;
    readonly key: RecordKey;
    readonly op: Op;
}
/** One change of one record under one stamp. */
export interface Delta extends Change {
    readonly stamp: Stamp;
}
/** A delta with the sequence that the hub gave it in its space. */
export interface Applied extends Delta {
    readonly sequence: number;
}
/** Names a push for ever: who sent it, and which one of theirs it is, from 1. */
export interface PushId {
    readonly replica: ReplicaId;
    readonly counter: number;
}
/** Deltas that stand or fall together. */
export interface Push {
    /** Its name; repeating a push under its id is always safe. */
    readonly id: PushId;
    readonly space: SpaceName;
    /** The epoch that `base` counts in; none when the replica had read nothing yet. */
    readonly epoch: Epoch | undefined;
    /** The sequence up to which the replica had read when it wrote. */
    readonly base: number;
    /** What must hold for the push to be applied. */
    readonly guards: readonly Guard[];
    /** The changes, in the order in which they were written. */
    readonly deltas: readonly Delta[];
}
/** A put needs at least one field, and each only once. */
export declare class FieldsError extends Error {
    readonly name = "FieldsError";
}
/** A delete. */
export declare const DELETE: Op;
/** Sorts the fields of a put and checks them. Throws `FieldsError`. */
export declare function toFields(fields: Iterable<PutField>): Fields;
/** A push id as one text, for maps and for people. */
export declare function pushIdToText(id: PushId): string;
/** Compares push ids: by replica, then by counter. */
export declare function comparePushIds(a: PushId, b: PushId): number;
