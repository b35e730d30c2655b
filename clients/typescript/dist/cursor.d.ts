import type { Brand } from "./name.js";
/** Names one life of a space's log: drawn when the log begins, and anew after a restore. */
export type Epoch = Brand<string, "Epoch">;
/** What a subscription may see, condensed by the hub; opaque to everyone else. */
export type ViewMark = Brand<string, "ViewMark">;
/** A place in a space's log, as one view shows it. */
export interface Cursor {
    /** Which log. */
    readonly epoch: Epoch;
    /** Everything up to and with this sequence has been read. */
    readonly sequence: number;
    /** Of what. */
    readonly view: ViewMark;
}
/** Where a subscription begins. */
export type Start = 
/** With a snapshot: the replica holds nothing. */
{
    readonly from: "snapshot";
}
/** After what the replica holds; another epoch or view gets a snapshot all the same. */
 | {
    readonly from: "resume";
    readonly cursor: Cursor;
}
/** With the log alone, for a reader that keeps no copy: never a snapshot. */
 | {
    readonly from: "follow";
    /** None for whichever is current. */
    readonly epoch: Epoch | undefined;
    /** None for the end of the log. */
    readonly after: number | undefined;
};
