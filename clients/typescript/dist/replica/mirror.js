// A replica that follows another one of the same device: tabs read their own copy of what one of
// them keeps up.
//
// What the leading tab calls unsaved is what the others apply, in the same order. Own writes of a
// following tab are pushes like any other; the leading one adopts them into its outbox.
import { readsSame } from "../record.js";
import { toReject } from "../reject.js";
import { SortedMap } from "../sorted.js";
import { timeOf } from "../stamp.js";
import { SpaceCopy } from "./copy.js";
import { nameIdOf, namesOf } from "./event.js";
import { decodePush, discardUnsaved, restoreClock, restorePush, restoreRecord, restoreSpace, } from "./saved.js";
import { currentId, read } from "./space.js";
import { queue } from "./state.js";
/** Applies what another replica called unsaved. Throws `SavedError`. */
export function applyUnsaved(state, unsaved) {
    const before = readAll(state, touchedBy(state, unsaved));
    for (const space of unsaved.forgotten) {
        for (const order of state.outbox.ordersOf(space)) {
            removePush(state, order);
        }
        state.spaces.delete(space);
    }
    for (const name of unsaved.emptied) {
        const space = state.spaces.get(name);
        if (space !== undefined) {
            space.copy = new SpaceCopy();
        }
    }
    for (const { bytes } of unsaved.spaces) {
        restoreSpace(state, bytes);
    }
    for (const { space, collection, key, bytes } of unsaved.records) {
        if (bytes === undefined) {
            state.spaces.get(space)?.copy.remove({ collection, key });
        }
        else {
            restoreRecord(state, bytes);
        }
    }
    for (const { id, order, bytes } of unsaved.pushes) {
        const known = state.outbox.orderOf(id);
        if (known !== undefined) {
            removePush(state, known);
        }
        if (bytes !== undefined) {
            restorePush(state, known ?? order, bytes);
        }
    }
    if (unsaved.clock !== undefined) {
        restoreClock(state, unsaved.clock);
    }
    // The leading tab saves; nothing of it is this one's to save.
    discardUnsaved(state);
    return differing(state, before);
}
/**
 * Takes a push of another replica of this device into the outbox, once. What was written for
 * another life of its space, or for one that is not open any more, is refused.
 */
export function adopt(state, pending) {
    const { id, space: name, deltas } = pending.push;
    if (state.outbox.orderOf(id) !== undefined) {
        return [];
    }
    const space = state.spaces.get(name);
    const known = space === undefined ? undefined : currentId(space);
    const isStrange = pending.spaceId !== undefined && known !== undefined && pending.spaceId !== known;
    if (space === undefined || isStrange) {
        const what = "the space is closed, or was made again after this was written";
        return [{ type: "rejected", space: name, push: id, reject: toReject("unknown_space", what) }];
    }
    for (const { stamp } of deltas) {
        state.clock.observe(timeOf(stamp));
    }
    queue(state, { ...pending, flights: 0 });
    return [{ type: "changed", space: name, records: namesOf(pending.push) }];
}
/** Takes a push out again that nobody will send; gives what reads differently without it. */
export function withdrawPush(state, id) {
    const order = state.outbox.orderOf(id);
    if (order === undefined) {
        return new Map();
    }
    const names = new Map();
    notePush(names, state.outbox.get(order));
    const before = readAll(state, names);
    removePush(state, order);
    discardUnsaved(state);
    return differing(state, before);
}
/** The records that two replicas show differently. */
export function differences(one, other) {
    const names = new Map();
    for (const state of [one, other]) {
        for (const [space] of state.spaces.entries()) {
            noteSpace(names, state, space);
        }
    }
    return differing(other, readAll(one, names));
}
function note(names, space, { collection, key }) {
    const known = names.get(space) ?? new Map();
    names.set(space, known.set(nameIdOf({ collection, key }), { collection, key }));
}
function noteSpace(names, state, space) {
    for (const [name] of state.spaces.get(space)?.copy.entries() ?? []) {
        note(names, space, name);
    }
    for (const order of state.outbox.ordersOf(space)) {
        notePush(names, state.outbox.get(order));
    }
}
function notePush(names, pending) {
    for (const name of pending === undefined ? [] : namesOf(pending.push)) {
        note(names, pending?.push.space, name);
    }
}
function touchedBy(state, unsaved) {
    const names = new Map();
    for (const space of [...unsaved.forgotten, ...unsaved.emptied]) {
        noteSpace(names, state, space);
    }
    for (const record of unsaved.records) {
        note(names, record.space, record);
    }
    for (const { id, bytes } of unsaved.pushes) {
        notePush(names, pendingOf(state, id));
        notePush(names, bytes === undefined ? undefined : decodePush(bytes));
    }
    return names;
}
function pendingOf(state, id) {
    const order = state.outbox.orderOf(id);
    return order === undefined ? undefined : state.outbox.get(order);
}
function readAll(state, names) {
    const readings = new Map();
    for (const [space, records] of names) {
        const all = [...records.values()];
        readings.set(space, all.map((name) => [name, readOf(state, space, name)]));
    }
    return readings;
}
function readOf(state, space, { collection, key }) {
    const known = state.spaces.get(space);
    return known === undefined ? undefined : read(known, collection, key);
}
function differing(state, before) {
    const changed = new Map();
    for (const [space, readings] of before) {
        const names = new SortedMap();
        for (const [name, reading] of readings) {
            if (!readsSame(reading, readOf(state, space, name))) {
                names.set(nameIdOf(name), name);
            }
        }
        if (names.size > 0) {
            changed.set(space, [...names.values()]);
        }
    }
    return changed;
}
function removePush(state, order) {
    const pending = state.outbox.remove(order);
    if (pending !== undefined) {
        const overlay = state.spaces.get(pending.push.space)?.overlay;
        overlay?.remove(order, pending.push, (place) => state.outbox.delta(place));
    }
}
