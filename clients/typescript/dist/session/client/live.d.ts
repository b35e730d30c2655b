import { type PushId } from "../../delta.js";
import type { ClientFrame, HubFrame } from "../../frame.js";
import type { SpaceName } from "../../name.js";
import type { HubLimits } from "../../replica/limits.js";
import { SortedMap } from "../../sorted.js";
import type { Action, Moment } from "./event.js";
/** Anything expected that does not come within this time ends the connection, in milliseconds. */
export declare const ANSWER_MS = 30000;
/** How often the hub is told how far the copies have read, in milliseconds. */
export declare const SEEN_MS = 60000;
/** A restored hub is offered what it lost after up to this, so that not all offer at once. */
export declare const HEAL_MS_MAX = 5000;
/** What the hub asked to send later is sent after a delay from this, in milliseconds .. */
export declare const RETRY_MS_MIN = 1000;
/** .. to this. */
export declare const RETRY_MS_MAX = 10000;
/** A pong that took longer says too little about the hub's clock, in milliseconds. */
export declare const PONG_MS_MAX = 5000;
/** What exists only while a session is live. All times are of the steady clock. */
export interface Live {
    readonly type: "live";
    readonly sinceMs: number;
    heardMs: number;
    sentMs: number;
    /** The ping that waits for its pong. */
    ping: {
        readonly nonce: number;
        readonly sentMs: number;
    } | undefined;
    pings: number;
    pongAtMs: number | undefined;
    /** When the next frame of a catch-up is due, its first included. */
    readonly catchUps: SortedMap<SpaceName, number>;
    readonly digests: SortedMap<SpaceName, number>;
    /** The pushes without an answer. */
    readonly pushes: Map<string, {
        readonly id: PushId;
        dueMs: number;
        bytes: number;
    }>;
    flyingBytes: number;
    readonly retries: SortedMap<SpaceName, number>;
    readonly heals: SortedMap<SpaceName, number>;
    readonly seen: Map<SpaceName, number>;
    seenAtMs: number;
}
/**
 * The hub's time minus this device's, in milliseconds: what the hub showed, plus half of the round
 * trip, minus what the device shows (Cristian, "Probabilistic clock synchronization", 1989).
 */
export declare function offsetOf(hubMs: number, sentMs: number, now: Moment): number;
export declare function createLive({ steadyMs }: Moment): Live;
/** When there is something to do. */
export declare function wakeAtMs(live: Live, limits: HubLimits): number;
/** When to ping: after a heartbeat of silence, and before the hub takes this end for dead. */
export declare function pingAtMs(live: Live, limits: HubLimits): number;
/** What the hub owes and did not give in time, in words. */
export declare function overdue(live: Live, limits: HubLimits, nowMs: number): string | undefined;
/** Sends a frame, and notes what the hub owes for it. */
export declare function send(live: Live, frame: ClientFrame, now: Moment): Action;
/** When an answer to what is sent now is due. */
export declare function answerAtMs({ flyingBytes }: Live, now: Moment): number;
/** Notes what a frame gives of what the hub owes. */
export declare function heard(live: Live, frame: HubFrame, now: Moment): void;
/** Takes the pong that was waited for; gives when its ping was sent. */
export declare function takePong(live: Live, nonce: number | bigint): number | undefined;
