import type { Op } from "./delta.js";
import type { FieldName } from "./name.js";
import type { Stamp } from "./stamp.js";
import { type Value } from "./value.js";
/** One field of a record: a last-write-wins register. */
export interface Register {
    readonly name: FieldName;
    /** When and by whom it was written. */
    readonly stamp: Stamp;
    /** Where in the space's log; zero where no hub has numbered it yet. Not part of the merge. */
    readonly sequence: number;
    /** What was written; none is dropped. */
    readonly value: Value | undefined;
}
/** A register that shows. */
export interface Visible extends Register {
    readonly value: Value;
}
/** What a delete leaves: everything at or below its stamp is gone. */
export interface Tombstone {
    readonly stamp: Stamp;
    readonly sequence: number;
}
/** A key's fields, sorted by name, and the greatest delete that it has seen. */
export interface RecordState {
    readonly tombstone: Tombstone | undefined;
    readonly registers: readonly Register[];
}
/** What a merge did, for those who keep digests beside the record. */
export interface Merged {
    /** The record as it is now; the same object when nothing changed. */
    readonly record: RecordState;
    /** Registers that were replaced or hidden. */
    readonly displaced: readonly Register[];
    /** Registers that now show, or are dropped, by the merge. */
    readonly won: readonly Register[];
}
/** A record of which nothing is known. */
export declare const EMPTY_RECORD: RecordState;
/** Merges one operation under its stamp; the heart of everything. */
export declare function merge(record: RecordState, stamp: Stamp, sequence: number, op: Op): Merged;
/** Merges all that another record holds: the join of the two. */
export declare function join(record: RecordState, other: RecordState): RecordState;
/** The merge law of one field: stamp first, then bytes, dropped before every value. */
export declare function precedence(a: Register, b: Register): number;
/** One register, dropped or not. */
export declare function registerOf(record: RecordState, field: string): Register | undefined;
/** The registers that show, in the order of their names. */
export declare function visibleOf(record: RecordState): readonly Visible[];
/** Whether any field shows. A record of which none does is absent to everyone who reads. */
export declare function isVisible(record: RecordState): boolean;
/** Whether there is nothing at all to remember. */
export declare function isEmptyRecord(record: RecordState): boolean;
/** The greatest stamp in the record, shown or not. */
export declare function newestStamp(record: RecordState): Stamp | undefined;
/** The greatest sequence in the record: when the hub last changed it. */
export declare function newestSequence(record: RecordState): number;
/** Whether two records, or their absence, read the same: names, stamps and values that show. */
export declare function readsSame(a: RecordState | undefined, b: RecordState | undefined): boolean;
