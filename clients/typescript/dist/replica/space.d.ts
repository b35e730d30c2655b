import type { Cursor, Epoch, Start } from "../cursor.js";
import { type Filter } from "../filter.js";
import type { CollectionName, RecordKey, SpaceId } from "../name.js";
import { type RecordState } from "../record.js";
import type { Reject } from "../reject.js";
import { SpaceCopy } from "./copy.js";
import { type RecordName } from "./event.js";
import { Overlay } from "./overlay.js";
import type { Reading, Staged } from "./reading.js";
/** What the hub answered to a subscribe, and where its stream stands. */
export interface Open {
    readonly type: "open";
    readonly id: SpaceId;
    readonly writable: boolean;
    reading: Reading;
}
/** Where the subscription of a space stands. */
export type Subscription = 
/**
 * To be asked for. Asking takes the place of an older subscription in the same session: to end
 * that one first would let a doubled message end the new one.
 */
{
    readonly type: "idle";
}
/** Asked for; nothing that arrives before the answer counts. */
 | {
    readonly type: "asked";
    readonly hasCursor: boolean;
}
/** The hub sends. */
 | Open
/** The hub will not send. */
 | {
    readonly type: "ended";
    readonly reject: Reject;
};
export declare const IDLE: Subscription;
/** A space as one replica knows it. */
export interface SpaceState {
    filter: Filter;
    /** The life of the space that the copy is of. */
    id: SpaceId | undefined;
    /** How far the copy has read. */
    cursor: Cursor | undefined;
    /** The epoch that the hub last named: acks count in it. */
    epoch: Epoch | undefined;
    copy: SpaceCopy;
    readonly overlay: Overlay;
    subscription: Subscription;
    /** The app does not want it read any more; its copy stays. */
    isClosed: boolean;
    /** Pushes wait until the session lets them go again. */
    isHeld: boolean;
    /** What a restored hub lost may be offered now. */
    mayHeal: boolean;
    /** A repair was tried, and no digest has matched since. */
    wasRepaired: boolean;
    /** The digests are to be asked for. */
    verifyDue: boolean;
    /** How often they may still be asked for until they speak of the copy's moment. */
    verifyTries: number;
    unsaved: UnsavedSpace;
}
/** What of a space differs from what was saved. */
export interface UnsavedSpace {
    meta: boolean;
    /** All of the copy was replaced. */
    whole: boolean;
    readonly records: RecordName[];
}
/** Nothing to save. */
export declare function allSaved(): UnsavedSpace;
/** A space that nothing is known of. */
export declare function createSpace(): SpaceState;
export declare function openOf(space: SpaceState | undefined): Open | undefined;
/** Whether the copy holds all that the hub had, and follows what comes. */
export declare function isLive(space: SpaceState | undefined): boolean;
/** The life of the space that writes are for: as the hub names it now, or as it was. */
export declare function currentId(space: SpaceState): SpaceId | undefined;
/** Where a subscription begins. */
export declare function startOf({ cursor }: SpaceState): Start;
/** Wants the digests, again if they come too early or too late. */
export declare function wantDigests(space: SpaceState): void;
/** What the app reads under a key: copy and overlay joined, if anything shows. */
export declare function read(space: SpaceState, collection: string, key: string): RecordState | undefined;
/** The keys under which something may show, in order. */
export declare function keysOf(space: SpaceState, collection: string, prefix: string): RecordKey[];
/** The collections that may show something, in order. */
export declare function collectionsOf({ copy, overlay }: SpaceState): CollectionName[];
/** Applies a catch-up or a frame; gives the records that read differently now. */
export declare function applyStaged(space: SpaceState, staged: Staged): RecordName[];
/** Puts another copy in the place of this one; gives the records that read differently now. */
export declare function replaceCopy(space: SpaceState, copy: SpaceCopy): RecordName[];
