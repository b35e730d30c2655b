// One space of a replica: its copy, its overlay, its cursor and its subscription.
//
//          subscribe sent        subscribed              rejected
//   Idle ----------------> Asked ----------> Open -------------------> Ended
//    ^                       |   rejected                                |
//    |                       +-------------------------------------------+
//    +---- gap, divergence, another filter, the connection ended --------+
//
// Reads join copy and overlay here. It sends nothing and knows no clock.
import { FILTER_ALL } from "../filter.js";
import { isVisible, join, readsSame } from "../record.js";
import { compareText } from "../sorted.js";
import { SpaceCopy } from "./copy.js";
import { sortNames } from "./event.js";
import { Overlay } from "./overlay.js";
/** How often digests are asked for until they speak of the moment that the copy is at. */
const VERIFY_TRIES = 5;
export const IDLE = { type: "idle" };
/** Nothing to save. */
export function allSaved() {
    return { meta: false, whole: false, records: [] };
}
/** A space that nothing is known of. */
export function createSpace() {
    return {
        filter: FILTER_ALL,
        id: undefined,
        cursor: undefined,
        epoch: undefined,
        copy: new SpaceCopy(),
        overlay: new Overlay(),
        subscription: IDLE,
        isClosed: false,
        isHeld: false,
        mayHeal: false,
        wasRepaired: false,
        verifyDue: false,
        verifyTries: 0,
        unsaved: allSaved(),
    };
}
export function openOf(space) {
    return space?.subscription.type === "open" ? space.subscription : undefined;
}
/** Whether the copy holds all that the hub had, and follows what comes. */
export function isLive(space) {
    return openOf(space)?.reading.type === "live";
}
/** The life of the space that writes are for: as the hub names it now, or as it was. */
export function currentId(space) {
    return openOf(space)?.id ?? space.id;
}
/** Where a subscription begins. */
export function startOf({ cursor }) {
    return cursor === undefined ? { from: "snapshot" } : { from: "resume", cursor };
}
/** Wants the digests, again if they come too early or too late. */
export function wantDigests(space) {
    space.verifyDue = true;
    space.verifyTries = VERIFY_TRIES;
}
/** What the app reads under a key: copy and overlay joined, if anything shows. */
export function read(space, collection, key) {
    return joined(space.copy.get(collection, key), space.overlay.get(collection, key));
}
/** The keys under which something may show, in order. */
export function keysOf(space, collection, prefix) {
    const below = space.copy.collection(collection)?.keysFrom(prefix) ?? [];
    const above = space.overlay.keysFrom(collection, prefix);
    if (above.length === 0) {
        return below;
    }
    return [...new Set([...below, ...above])].sort(compareText);
}
/** The collections that may show something, in order. */
export function collectionsOf({ copy, overlay }) {
    return [...new Set([...copy.collections(), ...overlay.collections()])].sort(compareText);
}
/** Applies a catch-up or a frame; gives the records that read differently now. */
export function applyStaged(space, staged) {
    space.cursor = staged.cursor;
    space.unsaved.meta = true;
    if (staged.snapshot !== undefined) {
        return replaceCopy(space, staged.snapshot.copy);
    }
    const changed = [];
    for (const step of staged.steps) {
        const name = nameOf(step);
        const before = read(space, name.collection, name.key);
        const isOther = step.type === "merge"
            ? space.copy.merge(step.applied)
            : space.copy.remove(name) !== undefined;
        if (!isOther) {
            continue;
        }
        space.unsaved.records.push(name);
        // Only under an own write may a merge change nothing that the app reads.
        const isCovered = space.overlay.get(name.collection, name.key) !== undefined;
        if (!isCovered || !readsSame(before, read(space, name.collection, name.key))) {
            changed.push(name);
        }
    }
    return changed;
}
/** Puts another copy in the place of this one; gives the records that read differently now. */
export function replaceCopy(space, copy) {
    const old = space.copy;
    space.copy = copy;
    space.unsaved.whole = true;
    space.unsaved.records.length = 0;
    const names = sortNames([...old.entries(), ...copy.entries()].map(([name]) => name));
    return names.filter(({ collection, key }) => {
        const before = joined(old.get(collection, key), space.overlay.get(collection, key));
        return !readsSame(before, read(space, collection, key));
    });
}
function nameOf(step) {
    const { collection, key } = step.type === "merge" ? step.applied : step.name;
    return { collection, key };
}
/** Joins once for each pair, so that what did not change stays the same object. */
const JOINS = /* @__PURE__ */ new WeakMap();
/** The join of what the hub sent and what was written over it, if anything shows. */
function joined(below, above) {
    if (below === undefined || above === undefined) {
        const one = below ?? above;
        return one !== undefined && isVisible(one) ? one : undefined;
    }
    let known = JOINS.get(above);
    if (known?.below !== below) {
        known = { below, both: join(below, above) };
        JOINS.set(above, known);
    }
    return isVisible(known.both) ? known.both : undefined;
}
