import type { Epoch } from "../cursor.js";
import { type Delta, type Push, type PushId } from "../delta.js";
import type { SpaceId, SpaceName } from "../name.js";
import type { Place } from "./overlay.js";
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
/** All pushes that are not done with. */
export declare class Outbox {
    #private;
    get size(): number;
    /** Takes a push in behind all others; gives its order. */
    push(pending: Pending): number;
    /** Puts a push back where it was, or behind what stands there; gives its order. */
    restore(wanted: number, pending: Pending): number;
    orderOf(id: PushId): number | undefined;
    get(order: number): Pending | undefined;
    delta({ order, index }: Place): Delta | undefined;
    /** One push to change, which is then saved anew. */
    change(order: number): Pending | undefined;
    /** The orders of a space's pushes. */
    ordersOf(space: string): number[];
    /** The orders of a space's pushes that were acknowledged. */
    ackedOf(space: string): number[];
    /** All pushes, in order. */
    entries(): [number, Pending][];
    /** Whether a space has pushes that offer back what the hub lost, not sent yet. */
    hasHealing(space: string): boolean;
    remove(order: number): Pending | undefined;
    /** Notes an ack. */
    ack(order: number, acked: Acked): void;
    /**
     * Counts an answer that was not an ack; whether it answers the push as it stands now, and not as
     * it was before it was stamped anew.
     */
    isLastAnswer(order: number): boolean;
    /** Whether the answer that comes next is to the push as it stands now: sent once, not changed. */
    isAnsweredAsItStands(order: number): boolean;
    /** Lets a push be sent again; an ack that it had counts no longer. */
    setDue(order: number): void;
    /**
     * What may be sent now: of the spaces that are ready, in the order of writing, as far as the
     * window reaches. What it gives counts as sent.
     */
    takeDue(isReady: (space: SpaceName, isHealing: boolean) => boolean): Push[];
    /** The connection ended: whatever has no answer is sent again in the next session. */
    disconnected(): void;
    /** The pushes that are other than when this was last asked, or gone, in order. */
    takeUnsaved(): [number, PushId][];
    hasUnsavedWrites(): boolean;
    isSaved(): boolean;
}
