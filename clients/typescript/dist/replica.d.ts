import type { Cursor } from "./cursor.js";
import { type Change, type PushId } from "./delta.js";
import type { Digest } from "./digest.js";
import { type Filter } from "./filter.js";
import type { ClientFrame, HubFrame, Welcome } from "./frame.js";
import type { Guard } from "./guard.js";
import { type CollectionName, type DeviceId, type RecordKey, type ReplicaId, type SpaceId, type SpaceName } from "./name.js";
import { type RecordState } from "./record.js";
import { type RecordName } from "./replica/event.js";
import { type HubLimits } from "./replica/limits.js";
import { type Unsaved } from "./replica/saved.js";
import { type Received, type ReplicaState } from "./replica/state.js";
/** Unanswered pushes that a replica keeps at most: a bound on what a program can pile up. */
export declare const OUTBOX_PUSHES_MAX = 100000;
/** Everything that one client knows. */
export interface Replica {
    readonly id: ReplicaId;
    readonly device: DeviceId;
    /** What it holds, for who saves and mirrors it. */
    readonly state: ReplicaState;
    readonly limits: () => HubLimits;
    /** The hub's time minus this device's, in milliseconds. */
    readonly offsetMs: () => number;
    /**
     * Wants a space, or another part of it: its copy is kept up from the next frames on. Gives
     * whether anything is to be sent for it.
     */
    readonly open: (space: SpaceName, filter: Filter) => boolean;
    /** Ends the subscription of a space; its copy and its unsent writes stay. */
    readonly close: (space: SpaceName) => void;
    /** Drops all that is known of a space, unsent writes too. */
    readonly forget: (space: SpaceName) => void;
    /** The spaces that are open, in order. */
    readonly spaces: () => SpaceName[];
    /** What the app reads under a key; the same object for as long as nothing changes it. */
    readonly get: (space: string, collection: string, key: string) => RecordState | undefined;
    /** What the app reads of a collection under a key prefix, in the order of the keys. */
    readonly list: (space: string, collection: string, prefix?: string) => [key: RecordKey, record: RecordState][];
    /** The collections of a space that may show something, in order. */
    readonly collections: (space: string) => CollectionName[];
    /** What the hub sent under a key, own writes and tombstones left as they are. */
    readonly copied: (space: string, collection: string, key: string) => RecordState | undefined;
    /** All that the hub sent of a space, tombstones too, in order. */
    readonly records: (space: string) => [RecordName, RecordState][];
    /** The digests of the copy, without collections that show nothing. */
    readonly digests: (space: string) => Map<CollectionName, Digest>;
    readonly cursor: (space: string) => Cursor | undefined;
    readonly spaceId: (space: string) => SpaceId | undefined;
    /** Whether the copy holds all that the hub had, and follows what comes. */
    readonly isLive: (space: string) => boolean;
    /** Whether the hub is sending what the copy lacks. */
    readonly isCatchingUp: (space: string) => boolean;
    /** Whether the hub lets this principal write to the space; none when it has not said. */
    readonly isWritable: (space: string) => boolean | undefined;
    /** How many pushes wait for an answer or for the cursor to reach them. */
    readonly outboxSize: () => number;
    /** Whether a push is still in the outbox without an answer. */
    readonly isWaiting: (push: PushId) => boolean;
    /**
     * Writes to a space: the changes stand or fall together, are read at once, and are pushed when a
     * session can. They get stamps of hub time. Throws `WriteError`; nothing is written then.
     */
    readonly write: (space: SpaceName, changes: readonly Change[], guards: readonly Guard[], nowMs: number) => PushId;
    /** For each replica whose pushes wait for an answer the first of them, for the hello. */
    readonly helloOutbox: () => PushId[];
    /** The frames to send now, in order; what is given counts as sent. */
    readonly takeFrames: () => ClientFrame[];
    /** Takes the hub's welcome, told how far this device's clock is behind the hub's. */
    readonly welcomed: (welcome: Welcome, offsetMs: number, nowMs: number) => void;
    /** Takes a frame of a session that is welcome. */
    readonly receive: (frame: HubFrame, nowMs: number) => Received;
    /** Learns how far this device's clock is behind the hub's. */
    readonly learnOffset: (offsetMs: number, nowMs: number) => boolean;
    /** Asks for the digests of a space with the next frames. Whether the space is open. */
    readonly verify: (space: string) => boolean;
    /** Lets the pushes of a space go that the hub had asked to send later. */
    readonly release: (space: string) => void;
    /** Lets the offers of a space go: the session has waited its random delay. */
    readonly releaseHealing: (space: string) => void;
    /** The connection ended: what waited for an answer is asked and pushed again in the next. */
    readonly disconnected: () => void;
    /** Forgets deletes older than the hub's retention; to be called now and then. */
    readonly purge: (nowMs: number) => void;
    readonly isSaved: () => boolean;
    /** Whether writes wait to be saved; no push may be sent before they are. */
    readonly hasUnsavedWrites: () => boolean;
    /** What differs from what was saved before, and counts as saved from now on. */
    readonly takeUnsaved: () => Unsaved;
    /** Everything, for who begins to mirror this replica. */
    readonly dump: () => Unsaved;
    /** Counts everything as saved, for a replica that lives in memory only. */
    readonly discardUnsaved: () => void;
}
/** A replica that knows nothing. The id is drawn anew each time; the device id lasts. */
export declare function createReplica(id: ReplicaId, device: DeviceId): Replica;
/** The handle for a state, fresh or restored. */
export declare function replicaOver(state: ReplicaState): Replica;
