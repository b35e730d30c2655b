import type { Cursor, Start, ViewMark } from "./cursor.js";
import type { Applied, Push, PushId } from "./delta.js";
import type { Digest } from "./digest.js";
import type { Filter } from "./filter.js";
import type { CollectionName, DeviceId, RecordKey, ReplicaId, SpaceId, SpaceName } from "./name.js";
import type { Reject } from "./reject.js";
import type { Value } from "./value.js";
/** The WebSocket subprotocol. */
export declare const SUBPROTOCOL = "syncline.v1";
/** The version that hello names. */
export declare const VERSION = 1;
/** Who is there. */
export interface Hello {
    readonly version: number;
    /** The replica that will stamp in this session. */
    readonly replica: ReplicaId;
    /** The lasting id of the device. */
    readonly device: DeviceId;
    /** The name of the device, for people; at most 128 bytes. */
    readonly name: string;
    /** The API token. */
    readonly token: string;
    /** What the device's clock shows, in milliseconds since 1970. */
    readonly clockMs: number;
    /** For each replica that has pushes without an answer the first of them. */
    readonly outbox: readonly PushId[];
    /** Anything else worth telling; at most 16 short texts. */
    readonly attributes: Readonly<Record<string, string>>;
}
/** What a client may send. */
export type ClientFrame = ({
    readonly type: "hello";
} & Hello) | {
    readonly type: "subscribe";
    readonly space: SpaceName;
    readonly filter: Filter;
    readonly start: Start;
} | {
    readonly type: "unsubscribe";
    readonly space: SpaceName;
} | {
    readonly type: "push";
    readonly push: Push;
} | {
    readonly type: "seen";
    readonly space: SpaceName;
    readonly sequence: number;
} | {
    readonly type: "verify";
    readonly space: SpaceName;
} | {
    readonly type: "signal";
    readonly space: SpaceName;
    readonly value: Value;
} | {
    readonly type: "presence";
    readonly space: SpaceName;
    readonly value: Value | undefined;
} | {
    readonly type: "ping";
    readonly nonce: number | bigint;
};
/** The answer to a good hello. */
export interface Welcome {
    /** 16 hexadecimal digits. */
    readonly session: string;
    readonly hubMs: number;
    readonly hubReplica: ReplicaId;
    readonly principal: string;
    readonly limits: ReadonlyMap<string, number>;
}
/** What a snapshot means for what the replica holds: gone, or offered back where it is newer. */
export type SnapshotMode = "replace" | "join";
/** How much a snapshot holds, roughly. */
export interface Total {
    readonly records: number;
    readonly bytes: number;
}
/** What was refused: a push, or a subscription, which has ended. */
export type Subject = {
    readonly push: PushId;
} | {
    readonly space: SpaceName;
};
/** An empty stretch (before, last] of a space's log, as a view shows it. */
export interface Stretch {
    readonly space: SpaceName;
    readonly before: number;
    readonly last: number;
}
/** Someone in a space. */
export interface Peer {
    readonly device: DeviceId;
    /** The device's name; comes from another user: escape it before showing it. */
    readonly name: string;
    /** The account. */
    readonly principal: string;
}
/** What happened to someone in a space. */
export type PresenceEvent = 
/** They show a state for the first time, or did when this session came. */
{
    readonly type: "joined";
    readonly state: Value | undefined;
}
/** They went, or show nothing any more. */
 | {
    readonly type: "left";
}
/** They changed their state. */
 | {
    readonly type: "state";
    readonly state: Value;
};
/** What a hub may send. */
export type HubFrame = ({
    readonly type: "welcome";
} & Welcome) | {
    readonly type: "subscribed";
    readonly space: SpaceName;
    readonly id: SpaceId;
    readonly head: Cursor;
    readonly writable: boolean;
} | {
    readonly type: "snapshot_begin";
    readonly space: SpaceName;
    readonly id: SpaceId;
    readonly mode: SnapshotMode;
    readonly total: Total;
} | {
    readonly type: "snapshot_part";
    readonly space: SpaceName;
    readonly part: number;
    readonly deltas: readonly Applied[];
} | {
    readonly type: "snapshot_end";
    readonly space: SpaceName;
    readonly parts: number;
    readonly cursor: Cursor;
} | {
    readonly type: "changes";
    readonly space: SpaceName;
    readonly before: number;
    readonly last: number;
    /** Whether more of the same catch-up follows. */
    readonly more: boolean;
    readonly deltas: readonly Applied[];
} | {
    readonly type: "withdraw";
    readonly space: SpaceName;
    readonly collection: CollectionName;
    readonly keys: readonly RecordKey[];
} | {
    readonly type: "view";
    readonly space: SpaceName;
    readonly mark: ViewMark;
} | {
    readonly type: "ack";
    readonly push: PushId;
    readonly sequence: number;
} | {
    readonly type: "reject";
    readonly subject: Subject;
    readonly reject: Reject;
    readonly hubMs: number;
} | {
    readonly type: "heartbeat";
    readonly hubMs: number;
    readonly stretches: readonly Stretch[];
} | {
    readonly type: "digests";
    readonly space: SpaceName;
    readonly sequence: number;
    readonly digests: ReadonlyMap<CollectionName, Digest>;
} | {
    readonly type: "signal";
    readonly space: SpaceName;
    readonly from: Peer;
    readonly value: Value;
} | {
    readonly type: "presence";
    readonly space: SpaceName;
    readonly from: Peer;
    readonly event: PresenceEvent;
} | {
    readonly type: "pong";
    readonly nonce: number | bigint;
    readonly hubMs: number;
} | {
    readonly type: "goodbye";
    readonly reject: Reject;
    readonly retryAfterMs: number | undefined;
};
