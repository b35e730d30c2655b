import { type PushId } from "./delta.js";
import type { Peer } from "./frame.js";
import type { CollectionName, DeviceId, SpaceName } from "./name.js";
import { type Connection, type News, type Notice, type PresenceNews, type SpaceStatus } from "./news.js";
import type { Reject } from "./reject.js";
import type { RecordName } from "./replica/event.js";
import type { Value } from "./value.js";
/** Ends what it was given for. Calling it twice does no harm. */
export type Unsubscribe = () => void;
/** Where the hub put a write. */
export interface Ack {
    readonly push: PushId;
    /** Its place in the space's log. */
    readonly sequence: number;
}
/** Why a write will not be acknowledged. */
export declare class AckError extends Error {
    readonly name = "AckError";
    /** The hub's refusal; none when the client was closed, or the space forgotten, before. */
    readonly reject: Reject | undefined;
    constructor(text: string, reject?: Reject);
}
/** Why waiting for a space has ended without success. */
export declare class SyncError extends Error {
    readonly name = "SyncError";
    /** The hub's refusal, when it is one. */
    readonly reject: Reject | undefined;
    constructor(text: string, reject?: Reject);
}
/** What a comparison with the hub showed. */
export type Verified = {
    readonly type: "equal";
    readonly sequence: number;
} | {
    readonly type: "different";
    readonly collections: readonly CollectionName[];
    /** Whether a fresh snapshot is on its way. */
    readonly isRepairing: boolean;
};
/** What a listener wants to hear of: everything of a space, or a part of it. */
export interface Scope {
    readonly collection?: string;
    readonly key?: string;
    /** How keys begin. */
    readonly prefix?: string;
}
type Listener<T> = (news: T) => void;
interface Topic {
    readonly changes: Set<{
        readonly scope: Scope;
        readonly listener: Listener<readonly RecordName[]>;
    }>;
    readonly signals: Set<Listener<{
        readonly from: Peer;
        readonly value: Value;
    }>>;
    readonly presences: Set<Listener<PresenceNews>>;
    readonly statuses: Set<Listener<SpaceStatus>>;
    readonly verifying: Set<(result: Verified | SyncError) => void>;
    /** Who shows what here now. */
    peers: ReadonlyMap<DeviceId, {
        readonly from: Peer;
        readonly state: Value | undefined;
    }>;
    status: SpaceStatus;
}
/** All listeners of one client in one tab. */
export declare class Topics {
    #private;
    connection(): Connection;
    status(space: SpaceName): SpaceStatus;
    peers(space: SpaceName): Topic["peers"];
    onConnection(listener: Listener<Connection>): Unsubscribe;
    onWaiting(listener: Listener<number>): Unsubscribe;
    /** The first listener also hears what came before it, as when a database could not be opened. */
    onNotice(listener: Listener<Notice>): Unsubscribe;
    onChange(space: SpaceName, scope: Scope, listener: Listener<readonly RecordName[]>): Unsubscribe;
    onSignal(space: SpaceName, listener: Listener<{
        readonly from: Peer;
        readonly value: Value;
    }>): Unsubscribe;
    onPresence(space: SpaceName, listener: Listener<PresenceNews>): Unsubscribe;
    onStatus(space: SpaceName, listener: Listener<SpaceStatus>): Unsubscribe;
    /** Waits for the next comparison of a space with the hub. */
    verified(space: SpaceName): Promise<Verified>;
    /** Waits for what becomes of a push. Nobody has to look at the promise. */
    acked(push: PushId): Promise<Ack>;
    /** Ends the waiting for pushes of which `isWaiting` knows nothing. */
    dropUnanswerable(isWaiting: (push: string) => boolean): void;
    /** The client is closed: whoever waits is told so. */
    end(): void;
    tell(news: News): void;
}
export {};
