import type { PushId } from "../delta.js";
import type { SpaceName } from "../name.js";
import { type RecordName, type ReplicaEvent } from "./event.js";
import type { Pending } from "./outbox.js";
import { type Unsaved } from "./saved.js";
import { type ReplicaState } from "./state.js";
/** Records that read differently now, by space. */
export type Changed = Map<SpaceName, RecordName[]>;
/** Applies what another replica called unsaved. Throws `SavedError`. */
export declare function applyUnsaved(state: ReplicaState, unsaved: Unsaved): Changed;
/**
 * Takes a push of another replica of this device into the outbox, once. What was written for
 * another life of its space, or for one that is not open any more, is refused.
 */
export declare function adopt(state: ReplicaState, pending: Pending): ReplicaEvent[];
/** Takes a push out again that nobody will send; gives what reads differently without it. */
export declare function withdrawPush(state: ReplicaState, id: PushId): Changed;
/** The records that two replicas show differently. */
export declare function differences(one: ReplicaState, other: ReplicaState): Changed;
