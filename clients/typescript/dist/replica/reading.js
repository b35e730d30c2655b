// How a subscription reads: which frame joins which, and what waits until a catch-up is whole.
//
//              begin             part 0, 1, ..             end
//   Beginning -------> Snapshot ---------------> Snapshot ------> Following --+
//       |                                                    changes, more    | changes, no more:
//       |     changes, more                                          ^--------+ applied whole
//       +------------------------------------------> Following                v
//       |     changes, no more                           ^------------------ Live
//       +----------------------------------------------------more-----------> ^
//
// A frame covers (before, last]. It is taken when `before` is at or below the cursor; beyond is a
// gap. This room holds what is staged and touches neither the copy nor the app's view of it.
import { SpaceCopy } from "./copy.js";
export const LIVE = { type: "live" };
const IGNORED = { type: "ignored" };
const RECONNECT = { type: "reconnect" };
/** How a frame that covers (before, last] relates to a cursor at `at`. */
export function cover(at, before, last) {
    if (before > at || last < before) {
        return "gap";
    }
    return last < at ? "old" : "new";
}
/** A snapshot begins. One that nobody waits for is a repeat. */
export function takeBegin(reading, mode, total) {
    if (reading.type !== "beginning") {
        return IGNORED;
    }
    const copy = new SpaceCopy();
    return staged({ type: "snapshot", mode, total, copy, parts: 0, records: 0 });
}
/** Records of a snapshot: parts come in order, each once. */
export function takePart(reading, part, deltas) {
    if (reading.type !== "snapshot") {
        // In the beginning its own beginning was lost.
        return reading.type === "beginning" ? RECONNECT : IGNORED;
    }
    if (part !== reading.parts) {
        return part < reading.parts ? IGNORED : RECONNECT;
    }
    reading.parts += 1;
    let previous;
    for (const applied of deltas) {
        // The deltas of one record stand together.
        const isSame = previous?.collection === applied.collection && previous.key === applied.key;
        reading.records += isSame ? 0 : 1;
        previous = applied;
        reading.copy.merge(applied);
    }
    return staged(reading);
}
/** A snapshot ends; what was applied since it began follows. */
export function takeEnd(reading, parts, cursor) {
    if (reading.type === "snapshot" && reading.parts === parts) {
        const { mode, copy } = reading;
        return staged({ type: "following", snapshot: { mode, copy }, cursor, steps: [] });
    }
    return reading.type === "snapshot" || reading.type === "beginning" ? RECONNECT : IGNORED;
}
/** Changes, told where the copy's cursor stands. */
export function takeChanges(reading, cursor, { before, last, more }, deltas) {
    const isJoining = reading.type === "live" || (reading.type === "beginning" && !reading.snapshotOnly);
    const from = reading.type === "following" ? reading.cursor : isJoining ? cursor : undefined;
    if (from === undefined) {
        // The snapshot that was to come first has lost its beginning or its end.
        return RECONNECT;
    }
    const at = from.sequence;
    switch (cover(at, before, last)) {
        case "gap": {
            const hasSnapshot = reading.type === "following" && reading.snapshot !== undefined;
            return hasSnapshot ? RECONNECT : { type: "resubscribe" };
        }
        case "old":
            return IGNORED;
        default:
    }
    const next = reading.type === "following"
        ? reading
        : { type: "following", snapshot: undefined, cursor: from, steps: [] };
    // What joins a view arrives in a frame that covers nothing and counts whole; otherwise what lies
    // at or below the cursor was received before, and may have been withdrawn since.
    for (const applied of deltas) {
        if (before === last || applied.sequence > at) {
            stage(next, { type: "merge", applied });
        }
    }
    next.cursor = { ...next.cursor, sequence: last };
    return more ? staged(next) : { type: "whole", staged: next };
}
/** The view has another mark; whether the catch-up under way takes care of it. */
export function takeView(reading, view) {
    if (reading.type === "following") {
        reading.cursor = { ...reading.cursor, view };
        return true;
    }
    // The cursor at the snapshot's end carries the mark.
    return reading.type === "snapshot" || (reading.type === "beginning" && reading.snapshotOnly);
}
/** A record leaves the view; whether the catch-up under way takes care of it. */
export function takeWithdraw(reading, name) {
    switch (reading.type) {
        case "following":
            stage(reading, { type: "remove", name });
            return true;
        case "snapshot":
            reading.copy.remove(name);
            return true;
        case "beginning":
            return reading.snapshotOnly;
        case "live":
            return false;
    }
}
function staged(reading) {
    return { type: "staged", reading };
}
function stage({ snapshot, steps }, step) {
    if (snapshot === undefined) {
        steps.push(step);
    }
    else if (step.type === "merge") {
        snapshot.copy.merge(step.applied);
    }
    else {
        snapshot.copy.remove(step.name);
    }
}
