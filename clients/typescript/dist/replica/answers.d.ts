import type { PushId } from "../delta.js";
import type { Subject } from "../frame.js";
import type { SpaceName } from "../name.js";
import { type Reject } from "../reject.js";
import { type Received, type ReplicaState } from "./state.js";
/** The times of a refusal: the hub's clock and this device's, in milliseconds. */
export interface Times {
    readonly hubMs: number;
    readonly nowMs: number;
}
/** The hub has a push on its disk. */
export declare function acked(state: ReplicaState, push: PushId, sequence: number, out: Received): void;
/** Lets those acknowledged pushes go that the copy holds by now. */
export declare function settle(state: ReplicaState, space: SpaceName, out: Received): void;
/**
 * The copy is of another log now: what the old one had acknowledged is pushed again when the hub
 * wants to hear what it lost, and is gone otherwise.
 */
export declare function settleEpochs(state: ReplicaState, space: SpaceName, heals: boolean, out: Received): void;
/** Takes a push out of outbox and overlay, and tells what reads differently without it. */
export declare function leave(state: ReplicaState, order: number, out: Received): void;
/** Something was refused. */
export declare function rejected(state: ReplicaState, subject: Subject, reject: Reject, times: Times, out: Received): void;
/**
 * Learns how far this device's clock is behind the hub's. If the clock of the replica has run ahead
 * of what the hub takes, it starts again from what the hub has vouched for, and all writes without
 * an answer are stamped anew in their order. Gives whether they were.
 */
export declare function learnOffset(state: ReplicaState, offsetMs: number, nowMs: number): boolean;
