// The outbox: own pushes in the order in which they were written, until the copy holds them.
//
//            write                send                ack               cursor >= sequence
//   (app) ---------> waiting ------------> in flight -------> acked ----------------------> gone
//                       ^                     |   reject: final ---------------------------> gone
//                       +---------------------+   retryable, or the connection ended
//
// Nothing here knows records, clocks or sessions; it keeps order, windows and what to save.
import { pushIdToText } from "../delta.js";
import { SortedMap, SortedNumbers } from "../sorted.js";
/** Pushes in flight at most: enough to hide a round trip, few enough to send again. */
const WINDOW_PUSHES = 64;
/** Bytes in flight at most, half of what a hub takes at a time; one push may be larger. */
const WINDOW_BYTES = 2 ** 20;
/** All pushes that are not done with. */
export class Outbox {
    #pushes = new Map();
    #orders = new Map();
    #lanes = new SortedMap();
    #flying = new Map();
    #nextOrder = 0;
    #flyingBytes = 0;
    /** What is to be saved, by order, with the ids of those that are gone. */
    #unsaved = new Map();
    /** Of these, what was written or stamped since: it must be saved before it is sent. */
    #unsavedWrites = new Set();
    get size() {
        return this.#pushes.size;
    }
    /** Takes a push in behind all others; gives its order. */
    push(pending) {
        const order = this.#nextOrder;
        this.restore(order, pending);
        this.#note(order, pending, true);
        return order;
    }
    /** Puts a push back where it was, or behind what stands there; gives its order. */
    restore(wanted, pending) {
        const order = this.#pushes.has(wanted) ? this.#nextOrder : wanted;
        this.#nextOrder = Math.max(this.#nextOrder, order + 1);
        this.#orders.set(pushIdToText(pending.push.id), order);
        const lane = this.#lane(pending.push.space);
        lane.all.add(order);
        if (pending.acked !== undefined) {
            lane.acked.add(order);
        }
        else {
            (pending.isHealing ? lane.dueHealing : lane.due).add(order);
        }
        this.#pushes.set(order, pending);
        return order;
    }
    orderOf(id) {
        return this.#orders.get(pushIdToText(id));
    }
    get(order) {
        return this.#pushes.get(order);
    }
    delta({ order, index }) {
        return this.#pushes.get(order)?.push.deltas[index];
    }
    /** One push to change, which is then saved anew. */
    change(order) {
        const pending = this.#pushes.get(order);
        if (pending !== undefined) {
            this.#note(order, pending, true);
        }
        return pending;
    }
    /** The orders of a space's pushes. */
    ordersOf(space) {
        return this.#lanes.get(space)?.all.all() ?? [];
    }
    /** The orders of a space's pushes that were acknowledged. */
    ackedOf(space) {
        return this.#lanes.get(space)?.acked.all() ?? [];
    }
    /** All pushes, in order. */
    entries() {
        return [...this.#pushes].sort(([a], [b]) => a - b);
    }
    /** Whether a space has pushes that offer back what the hub lost, not sent yet. */
    hasHealing(space) {
        return (this.#lanes.get(space)?.dueHealing.size ?? 0) > 0;
    }
    remove(order) {
        const pending = this.#pushes.get(order);
        if (pending === undefined) {
            return undefined;
        }
        const { space, id } = pending.push;
        this.#pushes.delete(order);
        this.#orders.delete(pushIdToText(id));
        this.#land(order);
        const lane = this.#lane(space);
        for (const orders of [lane.all, lane.acked, lane.due, lane.dueHealing]) {
            orders.delete(order);
        }
        if (lane.all.size === 0) {
            this.#lanes.delete(space);
        }
        this.#note(order, pending, false);
        this.#unsavedWrites.delete(order);
        return pending;
    }
    /** Notes an ack. */
    ack(order, acked) {
        const pending = this.#pushes.get(order);
        if (pending === undefined) {
            return;
        }
        pending.acked = acked;
        pending.flights = 0;
        const lane = this.#lane(pending.push.space);
        lane.due.delete(order);
        lane.dueHealing.delete(order);
        lane.acked.add(order);
        this.#land(order);
        this.#note(order, pending, false);
    }
    /**
     * Counts an answer that was not an ack; whether it answers the push as it stands now, and not as
     * it was before it was stamped anew.
     */
    isLastAnswer(order) {
        const pending = this.#pushes.get(order);
        if (pending === undefined || pending.flights === 0) {
            return false;
        }
        pending.flights -= 1;
        const wasLast = pending.flights === 0;
        const isDue = this.#isDue(order, pending);
        if (wasLast) {
            this.#land(order);
        }
        return wasLast && !isDue;
    }
    /** Whether the answer that comes next is to the push as it stands now: sent once, not changed. */
    isAnsweredAsItStands(order) {
        const pending = this.#pushes.get(order);
        return pending?.flights === 1 && !this.#isDue(order, pending);
    }
    /** Lets a push be sent again; an ack that it had counts no longer. */
    setDue(order) {
        const pending = this.#pushes.get(order);
        if (pending === undefined) {
            return;
        }
        const lane = this.#lane(pending.push.space);
        lane.acked.delete(order);
        (pending.isHealing ? lane.dueHealing : lane.due).add(order);
        if (pending.acked !== undefined) {
            pending.acked = undefined;
            this.#note(order, pending, false);
        }
    }
    /**
     * What may be sent now: of the spaces that are ready, in the order of writing, as far as the
     * window reaches. What it gives counts as sent.
     */
    takeDue(isReady) {
        const orders = [];
        for (const [space, lane] of this.#lanes.entries()) {
            orders.push(...(isReady(space, false) ? lane.due.first(WINDOW_PUSHES) : []));
            orders.push(...(isReady(space, true) ? lane.dueHealing.first(WINDOW_PUSHES) : []));
        }
        const sent = [];
        for (const order of orders.sort((a, b) => a - b)) {
            const push = this.#send(order);
            if (push === undefined) {
                break;
            }
            sent.push(push);
        }
        return sent;
    }
    /** The connection ended: whatever has no answer is sent again in the next session. */
    disconnected() {
        this.#flyingBytes = 0;
        const flying = [...this.#flying.keys()];
        this.#flying.clear();
        for (const order of flying) {
            const pending = this.#pushes.get(order);
            if (pending !== undefined) {
                pending.flights = 0;
                this.setDue(order);
            }
        }
    }
    /** The pushes that are other than when this was last asked, or gone, in order. */
    takeUnsaved() {
        const unsaved = [...this.#unsaved].sort(([a], [b]) => a - b);
        this.#unsaved = new Map();
        this.#unsavedWrites.clear();
        return unsaved;
    }
    hasUnsavedWrites() {
        return this.#unsavedWrites.size > 0;
    }
    isSaved() {
        return this.#unsaved.size === 0;
    }
    /** Sends one push, if the window has room for it. */
    #send(order) {
        const pending = this.#pushes.get(order);
        if (pending === undefined) {
            return undefined;
        }
        const hasRoom = this.#flying.size < WINDOW_PUSHES && this.#flyingBytes + pending.bytes <= WINDOW_BYTES;
        if (this.#flying.size > 0 && !hasRoom) {
            return undefined;
        }
        pending.flights += 1;
        const lane = this.#lane(pending.push.space);
        lane.due.delete(order);
        lane.dueHealing.delete(order);
        this.#flyingBytes += pending.bytes - (this.#flying.get(order) ?? 0);
        this.#flying.set(order, pending.bytes);
        return pending.push;
    }
    #land(order) {
        this.#flyingBytes -= this.#flying.get(order) ?? 0;
        this.#flying.delete(order);
    }
    #note(order, pending, isWrite) {
        this.#unsaved.set(order, pending.push.id);
        if (isWrite) {
            this.#unsavedWrites.add(order);
        }
    }
    #isDue(order, { push }) {
        const lane = this.#lanes.get(push.space);
        return lane !== undefined && (lane.due.has(order) || lane.dueHealing.has(order));
    }
    #lane(space) {
        return this.#lanes.getOrMake(space, () => ({
            all: new SortedNumbers(),
            acked: new SortedNumbers(),
            due: new SortedNumbers(),
            dueHealing: new SortedNumbers(),
        }));
    }
}
