import type { Delta, Push } from "../delta.js";
import type { DeviceId, ReplicaId, SpaceName } from "../name.js";
import { SortedMap } from "../sorted.js";
import { type Clock, type HlcTime, type Stamp } from "../stamp.js";
import { type RecordName, type ReplicaEvent } from "./event.js";
import { type HubLimits } from "./limits.js";
import { Outbox, type Pending } from "./outbox.js";
import type { SpaceState } from "./space.js";
/** Everything that one client knows. */
export interface ReplicaState {
    readonly id: ReplicaId;
    readonly device: DeviceId;
    clock: Clock;
    /** The greatest time that the hub has vouched for: received from it, or acknowledged by it. */
    vouched: HlcTime;
    /** The hub's time minus this device's, in milliseconds. */
    offsetMs: number;
    counter: number;
    limits: HubLimits;
    readonly spaces: SortedMap<SpaceName, SpaceState>;
    readonly outbox: Outbox;
    readonly forgotten: Set<SpaceName>;
    readonly left: Set<SpaceName>;
    savedClock: readonly [last: HlcTime, vouched: HlcTime];
}
/** What a frame led to. */
export interface Received {
    /** For the app. */
    readonly events: ReplicaEvent[];
    /** Something is missing that only a new session can bring: close this one. */
    mustReconnect: boolean;
    /** Spaces to release after a while: the hub asked to try again later. */
    readonly retry: SpaceName[];
    /** Spaces to release the healing of after a random delay. */
    readonly heal: SpaceName[];
}
export declare function createState(id: ReplicaId, device: DeviceId): ReplicaState;
export declare function nothingReceived(): Received;
/** The hub's time for this device's `nowMs`, both in milliseconds since 1970. */
export declare function hubTime(state: ReplicaState, nowMs: number): number;
/** Takes a push into outbox and overlay. */
export declare function queue(state: ReplicaState, pending: Pending): void;
/** A delta that has no stamp yet, or may get another. */
export type Stampable = Omit<Delta, "stamp"> & {
    readonly stamp?: Stamp;
};
/**
 * Stamps deltas in their order: one stamp for as long as no record repeats, so that a hub's
 * refusal of one stamp speaks for all records under it.
 */
export declare function stampInOrder(deltas: readonly Stampable[], tick: () => Stamp): Delta[];
/** How large the frame of a push is. */
export declare function frameBytes(push: Push): number;
export declare function tellChanged(space: SpaceName, changed: readonly RecordName[], { events }: Received): void;
