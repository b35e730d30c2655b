import type { Cursor, ViewMark } from "../cursor.js";
import type { Applied } from "../delta.js";
import type { SnapshotMode, Total } from "../frame.js";
import { SpaceCopy } from "./copy.js";
import type { RecordName } from "./event.js";
/** A snapshot in the making. */
export interface Snapshot {
    readonly type: "snapshot";
    readonly mode: SnapshotMode;
    readonly total: Total;
    readonly copy: SpaceCopy;
    parts: number;
    records: number;
}
/** One thing that happens to a copy. */
export type Step = {
    readonly type: "merge";
    readonly applied: Applied;
} | {
    readonly type: "remove";
    readonly name: RecordName;
};
/** What is applied together at the end of a catch-up. */
export interface Staged {
    readonly type: "following";
    /** What takes the place of the copy, if anything does. */
    readonly snapshot: {
        readonly mode: SnapshotMode;
        readonly copy: SpaceCopy;
    } | undefined;
    /** Where the catch-up stands. */
    cursor: Cursor;
    /** What happens to the copy, in order; empty when there is a snapshot to do it to. */
    readonly steps: Step[];
}
/** Where a subscription stands in its stream. */
export type Reading = 
/** The hub has answered; whether only a snapshot can follow: the copy is of another log. */
{
    readonly type: "beginning";
    readonly snapshotOnly: boolean;
} | Snapshot | Staged
/** Every frame is applied as it comes. */
 | {
    readonly type: "live";
};
/** What a frame that belongs to the stream does; with where the stream stands then. */
export type Taken = 
/** Nothing: it repeats what is known, or belongs to an older subscription. */
{
    readonly type: "ignored";
}
/** It is staged. */
 | {
    readonly type: "staged";
    readonly reading: Reading;
}
/** A catch-up is whole. */
 | {
    readonly type: "whole";
    readonly staged: Staged;
}
/** Something is missing before it: subscribe again from the cursor. */
 | {
    readonly type: "resubscribe";
}
/** The same; parts of two snapshots in one session could be taken for each other. */
 | {
    readonly type: "reconnect";
};
export declare const LIVE: Reading;
/** How a frame that covers (before, last] relates to a cursor at `at`. */
export declare function cover(at: number, before: number, last: number): "old" | "new" | "gap";
/** A snapshot begins. One that nobody waits for is a repeat. */
export declare function takeBegin(reading: Reading, mode: SnapshotMode, total: Total): Taken;
/** Records of a snapshot: parts come in order, each once. */
export declare function takePart(reading: Reading, part: number, deltas: readonly Applied[]): Taken;
/** A snapshot ends; what was applied since it began follows. */
export declare function takeEnd(reading: Reading, parts: number, cursor: Cursor): Taken;
/** What a frame of changes covers, and whether more of the same catch-up follows. */
export interface Covers {
    readonly before: number;
    readonly last: number;
    readonly more: boolean;
}
/** Changes, told where the copy's cursor stands. */
export declare function takeChanges(reading: Reading, cursor: Cursor | undefined, { before, last, more }: Covers, deltas: readonly Applied[]): Taken;
/** The view has another mark; whether the catch-up under way takes care of it. */
export declare function takeView(reading: Reading, view: ViewMark): boolean;
/** A record leaves the view; whether the catch-up under way takes care of it. */
export declare function takeWithdraw(reading: Reading, name: RecordName): boolean;
