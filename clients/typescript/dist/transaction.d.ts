import { type Change } from "./delta.js";
import type { Guard } from "./guard.js";
import type { RecordView } from "./view.js";
/** The fields of a put: plain values by name. `undefined` drops the field. */
export type PlainFields = {
    readonly [field: string]: unknown;
};
/** Collects changes and conditions; each call gives the transaction back. */
export interface Transaction {
    /** Sets fields of a record, and drops those that are `undefined`; others stay. */
    readonly put: (collection: string, key: string, fields: PlainFields) => Transaction;
    /** Drops fields of a record. */
    readonly drop: (collection: string, key: string, fields: readonly string[]) => Transaction;
    /** Deletes a record, with all that was written to it before. */
    readonly delete: (collection: string, key: string) => Transaction;
    /** Only if no field of the record shows. */
    readonly ifAbsent: (collection: string, key: string) => Transaction;
    /** Only if the hub has changed nothing of the record since it was read. */
    readonly ifUnchanged: (seen: RecordView) => Transaction;
    /** Only if a field shows exactly this value. */
    readonly ifEquals: (collection: string, key: string, field: string, value: unknown) => Transaction;
    /** Only if a field does not show. */
    readonly ifFieldAbsent: (collection: string, key: string, field: string) => Transaction;
}
/** What a transaction collected. */
export interface Collected {
    readonly changes: readonly Change[];
    readonly guards: readonly Guard[];
}
/** Runs `collect`. Throws what it throws, and errors of names, fields and values. */
export declare function collectChanges(collect: (write: Transaction) => unknown): Collected;
