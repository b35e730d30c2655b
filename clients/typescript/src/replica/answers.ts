// What the hub answers to pushes and subscriptions, and how stamps are made anew.
//
// An ack never moves a cursor: a push stays readable in the overlay until the copy holds it. A
// stamp is made anew only when the hub has refused the old one, and then in the order of writing.

import type { Delta, PushId } from "../delta.js";
import type { Subject } from "../frame.js";
import type { SpaceName } from "../name.js";
import { isEmptyRecord, readsSame } from "../record.js";
import { isRetryable, type Reject } from "../reject.js";
import { createClock, laterOf, millisOf, stampOf, timeOf } from "../stamp.js";
import { SpaceCopy } from "./copy.js";
import { nameIdOf, namesOf } from "./event.js";
import type { Acked, Pending } from "./outbox.js";
import { IDLE, read, replaceCopy } from "./space.js";
import {
  frameBytes,
  hubTime,
  type Received,
  type ReplicaState,
  stampInOrder,
  tellChanged,
} from "./state.js";

/** The times of a refusal: the hub's clock and this device's, in milliseconds. */
export interface Times {
  readonly hubMs: number;
  readonly nowMs: number;
}

/** The hub has a push on its disk. */
export function acked(state: ReplicaState, push: PushId, sequence: number, out: Received): void {
  const { outbox } = state;
  const order = outbox.orderOf(push);
  const pending = order === undefined ? undefined : outbox.get(order);
  if (order === undefined || pending === undefined || pending.acked !== undefined) {
    return;
  }
  const { space, deltas } = pending.push;
  // An ack of older stamps says nothing about those that took their place.
  if (outbox.isAnsweredAsItStands(order)) {
    state.vouched = deltas.map(({ stamp }) => timeOf(stamp)).reduce(laterOf, state.vouched);
  }
  out.events.push({ type: "acked", space, push, sequence });
  const known = state.spaces.get(space);
  const epoch = known === undefined || known.isClosed ? undefined : known.epoch;
  if (epoch === undefined) {
    // Nothing will tell when the copy holds it.
    leave(state, order, out);
    return;
  }
  outbox.ack(order, { epoch, sequence });
  settle(state, space, out);
}

/** Lets those acknowledged pushes go that the copy holds by now. */
export function settle(state: ReplicaState, space: SpaceName, out: Received): void {
  const cursor = state.spaces.get(space)?.cursor;
  if (cursor === undefined) {
    return;
  }
  const isReached = (at: Acked | undefined): boolean =>
    at?.epoch === cursor.epoch && at.sequence <= cursor.sequence;
  for (const order of state.outbox.ackedOf(space)) {
    if (isReached(state.outbox.get(order)?.acked)) {
      leave(state, order, out);
    }
  }
}

/**
 * The copy is of another log now: what the old one had acknowledged is pushed again when the hub
 * wants to hear what it lost, and is gone otherwise.
 */
export function settleEpochs(
  state: ReplicaState,
  space: SpaceName,
  heals: boolean,
  out: Received,
): void {
  const epoch = state.spaces.get(space)?.cursor?.epoch;
  if (epoch === undefined) {
    return;
  }
  for (const order of state.outbox.ackedOf(space)) {
    const at = state.outbox.get(order)?.acked;
    if (at === undefined || at.epoch === epoch) {
      continue;
    }
    if (heals) {
      state.outbox.setDue(order);
    } else {
      leave(state, order, out);
    }
  }
}

/** Takes a push out of outbox and overlay, and tells what reads differently without it. */
export function leave(state: ReplicaState, order: number, out: Received): void {
  const pending = state.outbox.remove(order);
  const space = pending === undefined ? undefined : state.spaces.get(pending.push.space);
  if (pending === undefined || space === undefined) {
    return;
  }
  const names = namesOf(pending.push);
  const before = names.map(({ collection, key }) => read(space, collection, key));
  space.overlay.remove(order, pending.push, (place) => state.outbox.delta(place));
  const changed = names.filter(({ collection, key }, at) => {
    return !readsSame(before[at], read(space, collection, key));
  });
  tellChanged(pending.push.space, changed, out);
}

/** Something was refused. */
export function rejected(
  state: ReplicaState,
  subject: Subject,
  reject: Reject,
  times: Times,
  out: Received,
): void {
  if ("space" in subject) {
    spaceRejected(state, subject.space, reject, out);
    return;
  }
  const order = state.outbox.orderOf(subject.push);
  if (order !== undefined && state.outbox.isLastAnswer(order)) {
    pushRejected(state, order, reject, times, out);
  }
}

function spaceRejected(state: ReplicaState, name: SpaceName, reject: Reject, out: Received): void {
  const space = state.spaces.get(name);
  const was = space?.subscription.type;
  if (space === undefined || (was !== "asked" && was !== "open")) {
    return;
  }
  space.subscription = { type: "ended", reject };
  if (reject.code === "unknown_cursor" && space.cursor !== undefined) {
    // Once: a hub that knows no snapshot either has nothing to give.
    space.cursor = undefined;
    space.unsaved.meta = true;
    space.subscription = IDLE;
  } else if (isRetryable(reject.code)) {
    out.retry.push(name);
  } else if (reject.code === "forbidden") {
    // The right to see it is gone, and so is what was seen.
    space.cursor = undefined;
    space.epoch = undefined;
    space.unsaved.meta = true;
    tellChanged(name, replaceCopy(space, new SpaceCopy()), out);
  }
  out.events.push({ type: "subscription_ended", space: name, reject });
}

function pushRejected(
  state: ReplicaState,
  order: number,
  reject: Reject,
  { hubMs, nowMs }: Times,
  out: Received,
): void {
  const pending = state.outbox.get(order);
  if (pending === undefined) {
    return;
  }
  const { space, id: push } = pending.push;
  if (reject.code === "clock_drift") {
    state.outbox.setDue(order);
    if (!learnOffset(state, hubMs - nowMs, nowMs)) {
      // The clock is right, so it is the hub's that has to come round.
      hold(state, space, out);
    }
  } else if (reject.code === "expired") {
    expired(state, order, reject, nowMs, out);
  } else if (isRetryable(reject.code)) {
    state.outbox.setDue(order);
    hold(state, space, out);
  } else {
    leave(state, order, out);
    out.events.push({ type: "rejected", space, push, reject });
  }
}

function hold(state: ReplicaState, name: SpaceName, out: Received): void {
  const space = state.spaces.get(name);
  if (space !== undefined && !space.isHeld) {
    space.isHeld = true;
    out.retry.push(name);
  }
}

/**
 * Learns how far this device's clock is behind the hub's. If the clock of the replica has run ahead
 * of what the hub takes, it starts again from what the hub has vouched for, and all writes without
 * an answer are stamped anew in their order. Gives whether they were.
 */
export function learnOffset(state: ReplicaState, offsetMs: number, nowMs: number): boolean {
  state.offsetMs = offsetMs;
  const latestMs = hubTime(state, nowMs) + state.limits.maxClockDriftMs;
  if (millisOf(state.clock.last()) <= latestMs || millisOf(state.vouched) > latestMs) {
    return false;
  }
  state.clock = createClock(state.vouched);
  for (const [order, pending] of state.outbox.entries()) {
    if (pending.acked === undefined && !pending.isHealing) {
      stampAnew(state, order, nowMs, () => true);
    }
  }
  return true;
}

/** Stamps deltas of a push anew, in their order, and lets it be sent again. */
function stampAnew(
  state: ReplicaState,
  order: number,
  nowMs: number,
  which: (delta: Delta) => boolean,
): void {
  const hubMs = hubTime(state, nowMs);
  modify(state, order, (pending) => {
    const tick = () => stampOf(state.clock.tick(hubMs), state.id);
    const fresh = stampInOrder(pending.push.deltas.filter(which), tick);
    const deltas = pending.push.deltas.map((delta) => {
      return which(delta) ? (fresh.shift() ?? delta) : delta;
    });
    pending.push = { ...pending.push, deltas };
  });
  state.outbox.setDue(order);
}

/** Changes a push where it stands, and the overlay with it. */
function modify(state: ReplicaState, order: number, change: (pending: Pending) => void): void {
  const pending = state.outbox.change(order);
  if (pending === undefined) {
    return;
  }
  const old = pending.push;
  change(pending);
  pending.bytes = frameBytes(pending.push);
  const overlay = state.spaces.get(old.space)?.overlay;
  overlay?.remove(order, old, (place) => state.outbox.delta(place));
  overlay?.add(order, pending.push);
}

/**
 * A record that the push writes to was deleted so long ago that nobody remembers: what this device
 * created itself is stamped anew, the rest is a conflict.
 */
function expired(
  state: ReplicaState,
  order: number,
  reject: Reject,
  nowMs: number,
  out: Received,
): void {
  const pending = state.outbox.get(order);
  if (pending === undefined) {
    return;
  }
  const { space, id: push, deltas, guards } = pending.push;
  const created = new Set<string>();
  const lost = new Set<number>();
  for (const [index, delta] of faultsOf(state, pending, reject.index)) {
    if (pending.created[index] === true && !pending.isHealing) {
      created.add(nameIdOf(delta));
    } else {
      lost.add(index);
    }
  }
  // A push with guards was decided as one, and is not pushed in part.
  const isOver = lost.size === deltas.length || (lost.size > 0 && guards.length > 0);
  tellConflict(pending, lost, isOver, out);
  if (isOver) {
    leave(state, order, out);
    out.events.push({ type: "rejected", space, push, reject });
    return;
  }
  modify(state, order, (stays) => {
    stays.push = { ...stays.push, deltas: deltas.filter((_, index) => !lost.has(index)) };
    stays.created = stays.created.filter((_, index) => !lost.has(index));
  });
  state.outbox.setDue(order);
  // Later writes to the same records follow, or they would be older than what they change.
  const isTouched = (delta: Delta): boolean => created.has(nameIdOf(delta));
  for (const other of state.outbox.ordersOf(space).filter((later) => later >= order)) {
    const later = state.outbox.get(other);
    if (later !== undefined && later.acked === undefined && later.push.deltas.some(isTouched)) {
      stampAnew(state, other, nowMs, isTouched);
    }
  }
}

/**
 * Which deltas an `expired` speaks of: the one named, and with it all that are no later and whose
 * records do not exist either; all of the push when none is named.
 */
function faultsOf(
  state: ReplicaState,
  { push }: Pending,
  named: number | undefined,
): [number, Delta][] {
  const all = [...push.deltas.entries()];
  const fault = named === undefined ? undefined : push.deltas[named];
  if (fault === undefined) {
    return all;
  }
  const copy = state.spaces.get(push.space)?.copy;
  const isAbsent = ({ collection, key }: Delta): boolean => {
    const record = copy?.get(collection, key);
    return record === undefined || isEmptyRecord(record);
  };
  return all.filter(([index, delta]) => {
    return index === named || (delta.stamp <= fault.stamp && isAbsent(delta));
  });
}

/** Tells the app which writes are lost. That an old delete found nothing to delete is no loss. */
function tellConflict(
  { push, isHealing }: Pending,
  lost: ReadonlySet<number>,
  isOver: boolean,
  out: Received,
): void {
  const gone = push.deltas.filter((_, index) => isOver || lost.has(index));
  const deltas = gone.filter(({ op }) => !(isHealing && op.type === "delete"));
  if (deltas.length > 0) {
    out.events.push({ type: "conflict", space: push.space, push: push.id, deltas });
  }
}
