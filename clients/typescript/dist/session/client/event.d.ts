import type { Peer, PresenceEvent } from "../../frame.js";
import type { SpaceName } from "../../name.js";
import type { Reject } from "../../reject.js";
import type { ReplicaEvent } from "../../replica/event.js";
import type { Value } from "../../value.js";
/** What every input brings from outside. */
export interface Moment {
    /** What the device's clock shows, in milliseconds since 1970; it may jump. */
    readonly wallMs: number;
    /** A clock that never goes back, in milliseconds since anything: for waiting. */
    readonly steadyMs: number;
    /** 64 random bits, fresh with each moment. */
    readonly random: bigint;
}
/** Who greets the hub. */
export interface Identity {
    /** The API token. */
    readonly token: string;
    /** The name of the device, for people; at most 128 bytes. */
    readonly deviceName: string;
    /** Anything else worth telling; at most 16 texts of at most 128 bytes. */
    readonly attributes: Readonly<Record<string, string>>;
}
/** How the connection to the hub stands. */
export type SessionState = 
/** Not connected; it tries again by itself. */
{
    readonly type: "offline";
    /** When, by the steady clock. */
    readonly nextTryMs: number;
    /** Why the last connection ended; none before the first. */
    readonly reason: string | undefined;
}
/** On the way to a session. */
 | {
    readonly type: "connecting";
}
/** In a session. */
 | {
    readonly type: "live";
}
/** The hub does not take the token; a new one starts it again. */
 | {
    readonly type: "needs_auth";
    readonly reject: Reject;
}
/** Stopped: by the app when there is no reject, by the hub for good otherwise. */
 | {
    readonly type: "stopped";
    readonly reject: Reject | undefined;
};
/** What an app is told. */
export type ClientEvent = ReplicaEvent
/** The connection stands differently. */
 | {
    readonly type: "state";
    readonly state: SessionState;
}
/** Someone in a space said something. */
 | {
    readonly type: "signal";
    readonly space: SpaceName;
    readonly from: Peer;
    readonly value: Value;
}
/** Someone in a space joined, left or changed their state. */
 | {
    readonly type: "presence";
    readonly space: SpaceName;
    readonly from: Peer;
    readonly event: PresenceEvent;
};
/** What the shell is to do. */
export type Action = 
/** Open a connection, and report it opened or closed. */
{
    readonly type: "connect";
}
/** Send one binary message, after everything unsaved is saved. */
 | {
    readonly type: "send";
    readonly bytes: Uint8Array<ArrayBuffer>;
}
/** Close the connection, and report nothing more of it. */
 | {
    readonly type: "close";
}
/** Tell the app. */
 | {
    readonly type: "event";
    readonly event: ClientEvent;
};
/** Why a signal or a presence was not sent. */
export declare class EphemeralError extends Error {
    readonly name = "EphemeralError";
    readonly reason: "offline" | "too_large";
    constructor(reason: EphemeralError["reason"], text: string);
}
