// What a replica holds, and the small steps that several of its rooms take.
//
// The rooms beside this one are functions over this state; the handle in `replica.ts` is the only
// way in for everybody else.

import { encodeClient } from "../codec.js";
import type { Delta, Push } from "../delta.js";
import type { DeviceId, ReplicaId, SpaceName } from "../name.js";
import { SortedMap } from "../sorted.js";
import { type Clock, createClock, HLC_ZERO, type HlcTime, type Stamp } from "../stamp.js";
import { nameIdOf, type RecordName, type ReplicaEvent, sortNames } from "./event.js";
import { HUB_LIMITS, type HubLimits } from "./limits.js";
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

export function createState(id: ReplicaId, device: DeviceId): ReplicaState {
  return {
    id,
    device,
    clock: createClock(),
    vouched: HLC_ZERO,
    offsetMs: 0,
    counter: 0,
    limits: HUB_LIMITS,
    spaces: new SortedMap(),
    outbox: new Outbox(),
    forgotten: new Set(),
    left: new Set(),
    savedClock: [HLC_ZERO, HLC_ZERO],
  };
}

export function nothingReceived(): Received {
  return { events: [], mustReconnect: false, retry: [], heal: [] };
}

/** The hub's time for this device's `nowMs`, both in milliseconds since 1970. */
export function hubTime(state: ReplicaState, nowMs: number): number {
  return Math.max(0, nowMs + state.offsetMs);
}

/** Takes a push into outbox and overlay. */
export function queue(state: ReplicaState, pending: Pending): void {
  const space = state.spaces.get(pending.push.space);
  if (space !== undefined) {
    space.overlay.add(state.outbox.push(pending), pending.push);
  }
}

/** A delta that has no stamp yet, or may get another. */
export type Stampable = Omit<Delta, "stamp"> & { readonly stamp?: Stamp };

/**
 * Stamps deltas in their order: one stamp for as long as no record repeats, so that a hub's
 * refusal of one stamp speaks for all records under it.
 */
export function stampInOrder(deltas: readonly Stampable[], tick: () => Stamp): Delta[] {
  let stamp: Stamp | undefined;
  const underIt = new Set<string>();
  return deltas.map((delta) => {
    const name = nameIdOf(delta);
    if (underIt.has(name)) {
      underIt.clear();
      stamp = undefined;
    }
    stamp ??= tick();
    underIt.add(name);
    return { ...delta, stamp };
  });
}

/** How large the frame of a push is. */
export function frameBytes(push: Push): number {
  return encodeClient({ type: "push", push }).length;
}

export function tellChanged(
  space: SpaceName,
  changed: readonly RecordName[],
  { events }: Received,
): void {
  if (changed.length > 0) {
    events.push({ type: "changed", space, records: sortNames(changed) });
  }
}
