// What a replica holds, and the small steps that several of its rooms take.
//
// The rooms beside this one are functions over this state; the handle in `replica.ts` is the only
// way in for everybody else.
import { encodeClient } from "../codec.js";
import { SortedMap } from "../sorted.js";
import { createClock, HLC_ZERO } from "../stamp.js";
import { nameIdOf, sortNames } from "./event.js";
import { HUB_LIMITS } from "./limits.js";
import { Outbox } from "./outbox.js";
export function createState(id, device) {
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
export function nothingReceived() {
    return { events: [], mustReconnect: false, retry: [], heal: [] };
}
/** The hub's time for this device's `nowMs`, both in milliseconds since 1970. */
export function hubTime(state, nowMs) {
    return Math.max(0, nowMs + state.offsetMs);
}
/** Takes a push into outbox and overlay. */
export function queue(state, pending) {
    const space = state.spaces.get(pending.push.space);
    if (space !== undefined) {
        space.overlay.add(state.outbox.push(pending), pending.push);
    }
}
/**
 * Stamps deltas in their order: one stamp for as long as no record repeats, so that a hub's
 * refusal of one stamp speaks for all records under it.
 */
export function stampInOrder(deltas, tick) {
    let stamp;
    const underIt = new Set();
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
export function frameBytes(push) {
    return encodeClient({ type: "push", push }).length;
}
export function tellChanged(space, changed, { events }) {
    if (changed.length > 0) {
        events.push({ type: "changed", space, records: sortNames(changed) });
    }
}
