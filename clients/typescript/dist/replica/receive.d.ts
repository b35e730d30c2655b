import type { HubFrame } from "../frame.js";
import { type Received, type ReplicaState } from "./state.js";
/**
 * Takes a frame of a session that is welcome. Frames that only a session understands do nothing
 * here.
 */
export declare function receive(state: ReplicaState, frame: HubFrame, nowMs: number): Received;
