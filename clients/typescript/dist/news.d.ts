import type { Delta, PushId } from "./delta.js";
import type { Peer, PresenceEvent } from "./frame.js";
import type { CollectionName, SpaceName } from "./name.js";
import type { Reject } from "./reject.js";
import type { HubLimits } from "./replica/limits.js";
import type { ClientEvent } from "./session/client/event.js";
/** How the connection to the hub stands. */
export type Connection = 
/** On the way to a session. */
{
    readonly type: "connecting";
}
/** In a session. */
 | {
    readonly type: "live";
}
/** Not connected; it tries again by itself. */
 | {
    readonly type: "offline";
    /** Why the last connection ended; none before the first. */
    readonly reason: string | undefined;
    /** When it tries again, in milliseconds since 1970. */
    readonly nextTryAt: number;
}
/** The hub does not take the token; `setToken` starts it again. */
 | {
    readonly type: "needs-auth";
    readonly reason: Reject;
}
/** Stopped: by the app when there is no reason, by the hub for good otherwise. */
 | {
    readonly type: "stopped";
    readonly reason: Reject | undefined;
};
/** How far a first copy has come. */
export interface Progress {
    /** Records received. */
    readonly received: number;
    /** Records that there were when the snapshot began. */
    readonly records: number;
}
/** How a space stands. */
export interface SpaceStatus {
    /** Whether the copy holds all that the hub has, and follows what comes. */
    readonly isLive: boolean;
    /** Whether this account may write here; none when the hub has not said. */
    readonly isWritable: boolean | undefined;
    /** How far a first copy has come; none when none is on its way. */
    readonly progress: Progress | undefined;
    /** Why the hub will not send the space. */
    readonly ended: Reject | undefined;
}
/** Of a space that nothing is known of. */
export declare const UNKNOWN_STATUS: SpaceStatus;
/** What a person or a log should hear of. */
export type Notice = 
/** The hub refused a write for good; it is no longer read. */
{
    readonly type: "rejected";
    readonly space: SpaceName;
    readonly push: PushId;
    readonly reject: Reject;
}
/** Writes came too late: what they change was deleted long ago. */
 | {
    readonly type: "conflict";
    readonly space: SpaceName;
    readonly push: PushId;
    readonly deltas: readonly Delta[];
}
/** The copy was found different from the hub's. */
 | {
    readonly type: "diverged";
    readonly space: SpaceName;
    readonly collections: readonly CollectionName[];
    readonly isRepairing: boolean;
}
/** The hub will not send a space. */
 | {
    readonly type: "subscription_ended";
    readonly space: SpaceName;
    readonly reject: Reject;
}
/** Copies and writes are no longer kept on this device, only in memory. */
 | {
    readonly type: "store_lost";
    readonly reason: string;
};
/** Everything that may be told, within a tab and from the leading one to the others. */
export type News = Exclude<ClientEvent, {
    readonly type: "state";
}> | {
    readonly type: "connection";
    readonly connection: Connection;
} | {
    readonly type: "status";
    readonly space: SpaceName;
    readonly status: SpaceStatus;
} | {
    readonly type: "store_lost";
    readonly reason: string;
}
/** What the hub takes, and how far its clock is ahead: for the tabs that follow. */
 | {
    readonly type: "hub";
    readonly limits: HubLimits;
    readonly offsetMs: number;
}
/** So many writes wait for the hub now. */
 | {
    readonly type: "waiting";
    readonly count: number;
};
/** Someone who shows a state in a space. */
export interface PresenceNews {
    readonly from: Peer;
    readonly event: PresenceEvent;
}
/** The notice that an event is, if it is one. */
export declare function noticeOf(news: News): Notice | undefined;
