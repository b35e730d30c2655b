// The outbox: own pushes in the order in which they were written, until the copy holds them.
//
//            write                send                ack               cursor >= sequence
//   (app) ---------> waiting ------------> in flight -------> acked ----------------------> gone
//                       ^                     |   reject: final ---------------------------> gone
//                       +---------------------+   retryable, or the connection ended
//
// Nothing here knows records, clocks or sessions; it keeps order, windows and what to save.

import type { Epoch } from "../cursor.js";
import { type Delta, type Push, type PushId, pushIdToText } from "../delta.js";
import type { SpaceId, SpaceName } from "../name.js";
import { SortedMap, SortedNumbers } from "../sorted.js";
import type { Place } from "./overlay.js";

/** Pushes in flight at most: enough to hide a round trip, few enough to send again. */
const WINDOW_PUSHES = 64;
/** Bytes in flight at most, half of what a hub takes at a time; one push may be larger. */
const WINDOW_BYTES = 2 ** 20;

/** Where the hub put a push. */
export interface Acked {
  readonly epoch: Epoch;
  readonly sequence: number;
}

/** A push and what became of it so far. */
export interface Pending {
  push: Push;
  /** The life of the space that the push was written for, when it was known. */
  readonly spaceId: SpaceId | undefined;
  /** For each delta whether this device created the record: the copy did not show it. */
  created: readonly boolean[];
  /** Whether it offers back what a restored hub has lost, under the stamps that it had. */
  readonly isHealing: boolean;
  acked: Acked | undefined;
  /**
   * How often it was sent in this session without an answer; more than once when it was stamped
   * anew while it was in flight.
   */
  flights: number;
  /** How large its frame is. */
  bytes: number;
}

/** The orders of one space's pushes. */
interface Lane {
  readonly all: SortedNumbers;
  readonly acked: SortedNumbers;
  readonly due: SortedNumbers;
  readonly dueHealing: SortedNumbers;
}

/** All pushes that are not done with. */
export class Outbox {
  readonly #pushes = new Map<number, Pending>();
  readonly #orders = new Map<string, number>();
  readonly #lanes = new SortedMap<SpaceName, Lane>();
  readonly #flying = new Map<number, number>();
  #nextOrder = 0;
  #flyingBytes = 0;
  /** What is to be saved, by order, with the ids of those that are gone. */
  #unsaved = new Map<number, PushId>();
  /** Of these, what was written or stamped since: it must be saved before it is sent. */
  readonly #unsavedWrites = new Set<number>();

  get size(): number {
    return this.#pushes.size;
  }

  /** Takes a push in behind all others; gives its order. */
  push(pending: Pending): number {
    const order = this.#nextOrder;
    this.restore(order, pending);
    this.#note(order, pending, true);
    return order;
  }

  /** Puts a push back where it was, or behind what stands there; gives its order. */
  restore(wanted: number, pending: Pending): number {
    const order = this.#pushes.has(wanted) ? this.#nextOrder : wanted;
    this.#nextOrder = Math.max(this.#nextOrder, order + 1);
    this.#orders.set(pushIdToText(pending.push.id), order);
    const lane = this.#lane(pending.push.space);
    lane.all.add(order);
    if (pending.acked !== undefined) {
      lane.acked.add(order);
    } else {
      (pending.isHealing ? lane.dueHealing : lane.due).add(order);
    }
    this.#pushes.set(order, pending);
    return order;
  }

  orderOf(id: PushId): number | undefined {
    return this.#orders.get(pushIdToText(id));
  }

  get(order: number): Pending | undefined {
    return this.#pushes.get(order);
  }

  delta({ order, index }: Place): Delta | undefined {
    return this.#pushes.get(order)?.push.deltas[index];
  }

  /** One push to change, which is then saved anew. */
  change(order: number): Pending | undefined {
    const pending = this.#pushes.get(order);
    if (pending !== undefined) {
      this.#note(order, pending, true);
    }
    return pending;
  }

  /** The orders of a space's pushes. */
  ordersOf(space: string): number[] {
    return this.#lanes.get(space)?.all.all() ?? [];
  }

  /** The orders of a space's pushes that were acknowledged. */
  ackedOf(space: string): number[] {
    return this.#lanes.get(space)?.acked.all() ?? [];
  }

  /** All pushes, in order. */
  entries(): [number, Pending][] {
    return [...this.#pushes].sort(([a], [b]) => a - b);
  }

  /** Whether a space has pushes that offer back what the hub lost, not sent yet. */
  hasHealing(space: string): boolean {
    return (this.#lanes.get(space)?.dueHealing.size ?? 0) > 0;
  }

  remove(order: number): Pending | undefined {
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
  ack(order: number, acked: Acked): void {
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
  isLastAnswer(order: number): boolean {
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
  isAnsweredAsItStands(order: number): boolean {
    const pending = this.#pushes.get(order);
    return pending?.flights === 1 && !this.#isDue(order, pending);
  }

  /** Lets a push be sent again; an ack that it had counts no longer. */
  setDue(order: number): void {
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
  takeDue(isReady: (space: SpaceName, isHealing: boolean) => boolean): Push[] {
    const orders: number[] = [];
    for (const [space, lane] of this.#lanes.entries()) {
      orders.push(...(isReady(space, false) ? lane.due.first(WINDOW_PUSHES) : []));
      orders.push(...(isReady(space, true) ? lane.dueHealing.first(WINDOW_PUSHES) : []));
    }
    const sent: Push[] = [];
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
  disconnected(): void {
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
  takeUnsaved(): [number, PushId][] {
    const unsaved = [...this.#unsaved].sort(([a], [b]) => a - b);
    this.#unsaved = new Map();
    this.#unsavedWrites.clear();
    return unsaved;
  }

  hasUnsavedWrites(): boolean {
    return this.#unsavedWrites.size > 0;
  }

  isSaved(): boolean {
    return this.#unsaved.size === 0;
  }

  /** Sends one push, if the window has room for it. */
  #send(order: number): Push | undefined {
    const pending = this.#pushes.get(order);
    if (pending === undefined) {
      return undefined;
    }
    const hasRoom =
      this.#flying.size < WINDOW_PUSHES && this.#flyingBytes + pending.bytes <= WINDOW_BYTES;
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

  #land(order: number): void {
    this.#flyingBytes -= this.#flying.get(order) ?? 0;
    this.#flying.delete(order);
  }

  #note(order: number, pending: Pending, isWrite: boolean): void {
    this.#unsaved.set(order, pending.push.id);
    if (isWrite) {
      this.#unsavedWrites.add(order);
    }
  }

  #isDue(order: number, { push }: Pending): boolean {
    const lane = this.#lanes.get(push.space);
    return lane !== undefined && (lane.due.has(order) || lane.dueHealing.has(order));
  }

  #lane(space: SpaceName): Lane {
    return this.#lanes.getOrMake(space, () => ({
      all: new SortedNumbers(),
      acked: new SortedNumbers(),
      due: new SortedNumbers(),
      dueHealing: new SortedNumbers(),
    }));
  }
}
