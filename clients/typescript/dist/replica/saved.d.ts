import { type PushId } from "../delta.js";
import { type DeviceId, type ReplicaId, type SpaceName } from "../name.js";
import { type RecordName } from "./event.js";
import type { Pending } from "./outbox.js";
import { type ReplicaState } from "./state.js";
/** Bytes that a store keeps. */
export type Saved = Uint8Array<ArrayBuffer>;
/** A space, with its bytes. */
export interface SavedSpace {
    readonly space: SpaceName;
    readonly bytes: Saved;
}
/** A record, with its bytes; none to remove it. */
export interface SavedRecord extends RecordName {
    readonly space: SpaceName;
    readonly bytes: Saved | undefined;
}
/** A push, with its place in the outbox and its bytes; none to remove it. */
export interface SavedPush {
    readonly id: PushId;
    readonly order: number;
    readonly bytes: Saved | undefined;
}
/** What differs from what was saved before; to be written in this order, all in one commit. */
export interface Unsaved {
    /** Spaces whose every trace goes. */
    readonly forgotten: readonly SpaceName[];
    /** Spaces whose records all go, before those below come. */
    readonly emptied: readonly SpaceName[];
    readonly spaces: readonly SavedSpace[];
    readonly records: readonly SavedRecord[];
    readonly pushes: readonly SavedPush[];
    readonly clock: Saved | undefined;
}
/** A store's bytes are not what a replica saved. */
export declare class SavedError extends Error {
    readonly name = "SavedError";
    constructor(what: string, why: string);
}
/** Whether everything is saved. */
export declare function isSaved(state: ReplicaState): boolean;
/** What differs from what was saved before, and counts as saved from now on. */
export declare function takeUnsaved(state: ReplicaState): Unsaved;
/** Everything, as an empty store would have to be told it. Counts nothing as saved. */
export declare function dump(state: ReplicaState): Unsaved;
/** Counts everything as saved, for a replica that lives in memory only. */
export declare function discardUnsaved(state: ReplicaState): void;
/**
 * A replica that begins with what was saved, under a new id and the device's lasting one. What
 * follows are the other `restore` functions: spaces before records, records before pushes.
 */
export declare function restoreState(id: ReplicaId, device: DeviceId, clock: Uint8Array | undefined): ReplicaState;
/** Moves the clock past a saved one. */
export declare function restoreClock(state: ReplicaState, bytes: Uint8Array): void;
/** Brings back a space. Throws `SavedError`. */
export declare function restoreSpace(state: ReplicaState, bytes: Uint8Array): SpaceName;
/** Brings back a record of a copy. Throws `SavedError`. */
export declare function restoreRecord(state: ReplicaState, bytes: Uint8Array): void;
/** Brings back a push at its place in the outbox, or behind; its id and its stamps stay. */
export declare function restorePush(state: ReplicaState, order: number, bytes: Uint8Array): Pending;
/** Reads a saved push. Throws `SavedError`. */
export declare function decodePush(bytes: Uint8Array): Pending;
/** A push in the bytes of `decodePush`. */
export declare function encodePush({ push, spaceId, acked, isHealing, created }: Pending): Saved;
