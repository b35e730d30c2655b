// What the hub's frames do to a replica.
//
// Only frames move cursors, only a whole catch-up reaches the copy, and a gap is never papered
// over. Answers to pushes have a room of their own.

import type { Cursor } from "../cursor.js";
import type { Applied, Delta, Push } from "../delta.js";
import { type Digest, isSameDigest } from "../digest.js";
import type { HubFrame, Stretch } from "../frame.js";
import {
  type CollectionName,
  type RecordKey,
  type SpaceId,
  type SpaceName,
  utf8Length,
} from "../name.js";
import { readsSame } from "../record.js";
import { toReject } from "../reject.js";
import { compareText } from "../sorted.js";
import { laterOf, timeOf } from "../stamp.js";
import { acked, leave, rejected, settle, settleEpochs } from "./answers.js";
import type { RecordName } from "./event.js";
import { offers } from "./heal.js";
import {
  cover,
  LIVE,
  type Reading,
  type Staged,
  type Taken,
  takeBegin,
  takeChanges,
  takeEnd,
  takePart,
  takeView,
  takeWithdraw,
} from "./reading.js";
import { applyStaged, IDLE, isLive, openOf, read, wantDigests } from "./space.js";
import {
  frameBytes,
  hubTime,
  nothingReceived,
  queue,
  type Received,
  type ReplicaState,
  tellChanged,
} from "./state.js";

/** Deltas in one offer at most: small pushes leave room for what people write meanwhile. */
const OFFER_DELTAS_MAX = 500;
/** Bytes of one offer at most. */
const OFFER_BYTES_MAX = 256 * 1024;

/**
 * Takes a frame of a session that is welcome. Frames that only a session understands do nothing
 * here.
 */
export function receive(state: ReplicaState, frame: HubFrame, nowMs: number): Received {
  const out = nothingReceived();
  switch (frame.type) {
    case "subscribed":
      subscribed(state, frame, out);
      break;
    case "snapshot_begin":
      take(state, frame.space, (reading) => takeBegin(reading, frame.mode, frame.total), out);
      break;
    case "snapshot_part":
      observe(state, frame.deltas, nowMs);
      take(state, frame.space, (reading) => takePart(reading, frame.part, frame.deltas), out);
      tellProgress(state, frame.space, out);
      break;
    case "snapshot_end":
      take(state, frame.space, (reading) => takeEnd(reading, frame.parts, frame.cursor), out);
      break;
    case "changes":
      observe(state, frame.deltas, nowMs);
      take(state, frame.space, (reading, at) => takeChanges(reading, at, frame, frame.deltas), out);
      break;
    case "withdraw":
      withdraw(state, frame.space, frame.collection, frame.keys, out);
      break;
    case "view":
      changeView(state, frame);
      break;
    case "heartbeat":
      heartbeat(state, frame.stretches, out);
      break;
    case "digests":
      compare(state, frame, out);
      break;
    case "ack":
      acked(state, frame.push, frame.sequence, out);
      break;
    case "reject":
      rejected(state, frame.subject, frame.reject, { hubMs: frame.hubMs, nowMs }, out);
      break;
    default:
  }
  return out;
}

/** The hub answers a subscribe. */
function subscribed(
  state: ReplicaState,
  { space: name, id, head, writable }: Extract<HubFrame, { type: "subscribed" }>,
  out: Received,
): void {
  const space = state.spaces.get(name);
  if (space?.subscription.type !== "asked") {
    return;
  }
  const isHeld = space.subscription.hasCursor && space.id === id;
  const held = isHeld ? space.cursor : undefined;
  const joins =
    held?.epoch === head.epoch && held.view === head.view && held.sequence <= head.sequence;
  const reading: Reading = { type: "beginning", snapshotOnly: !joins };
  space.epoch = head.epoch;
  space.subscription = { type: "open", id, writable, reading };
  rejectStrangers(state, name, id, out);
  if (state.outbox.hasHealing(name)) {
    out.heal.push(name);
  }
}

/** Writes made for another life of the space speak of other records: they never reach this one. */
function rejectStrangers(state: ReplicaState, space: SpaceName, id: SpaceId, out: Received): void {
  for (const order of state.outbox.ordersOf(space)) {
    const pending = state.outbox.get(order);
    if (pending?.spaceId === undefined || pending.spaceId === id) {
      continue;
    }
    const wasAcked = pending.acked !== undefined;
    leave(state, order, out);
    if (!wasAcked) {
      const what = "the space was deleted and made again after this was written";
      const reject = toReject("unknown_space", what);
      out.events.push({ type: "rejected", space, push: pending.push.id, reject });
    }
  }
}

/** Hands a frame of the stream to the subscription, and does what comes of it. */
function take(
  state: ReplicaState,
  name: SpaceName,
  how: (reading: Reading, cursor: Cursor | undefined) => Taken,
  out: Received,
): void {
  const space = state.spaces.get(name);
  const open = openOf(space);
  if (space === undefined || open === undefined) {
    return;
  }
  const wasLive = open.reading.type === "live";
  const taken = how(open.reading, space.cursor);
  switch (taken.type) {
    case "ignored":
      break;
    case "staged":
      open.reading = taken.reading;
      break;
    case "resubscribe":
      space.subscription = IDLE;
      break;
    case "reconnect":
      out.mustReconnect = true;
      break;
    case "whole":
      open.reading = LIVE;
      complete(state, name, taken.staged, out);
      if (!wasLive) {
        out.events.push({ type: "caught_up", space: name });
      }
  }
}

function tellProgress(state: ReplicaState, space: SpaceName, out: Received): void {
  const reading = openOf(state.spaces.get(space))?.reading;
  if (reading?.type === "snapshot") {
    const { records: received, total } = reading;
    out.events.push({ type: "progress", space, received, total });
  }
}

/** Applies a catch-up, or a live frame, whole. */
function complete(state: ReplicaState, name: SpaceName, staged: Staged, out: Received): void {
  const space = state.spaces.get(name);
  const open = openOf(space);
  if (space === undefined || open === undefined) {
    return;
  }
  let heals = false;
  if (staged.snapshot !== undefined) {
    heals =
      staged.snapshot.mode === "join" &&
      open.writable &&
      space.id === open.id &&
      space.cursor !== undefined &&
      space.cursor.epoch !== staged.cursor.epoch;
    space.id = open.id;
    if (heals) {
      // Laid over the copy before it is replaced, so that nothing blinks.
      offer(state, name, offers(space.copy, staged.snapshot.copy), staged.cursor);
      out.heal.push(name);
    }
  }
  tellChanged(name, applyStaged(space, staged), out);
  if (staged.snapshot !== undefined) {
    settleEpochs(state, name, heals, out);
  }
  settle(state, name, out);
}

/** Queues what a restored hub lost, in pushes that it can take. */
function offer(state: ReplicaState, space: SpaceName, lost: Delta[], cursor: Cursor): void {
  const deltasMax = Math.min(OFFER_DELTAS_MAX, state.limits.deltasPerPush);
  const bytesMax = Math.min(state.limits.frameBytes, OFFER_BYTES_MAX);
  const spaceId = state.spaces.get(space)?.id;
  for (const deltas of chunks(lost, deltasMax, bytesMax)) {
    state.counter += 1;
    const id = { replica: state.id, counter: state.counter };
    const { epoch, sequence: base } = cursor;
    const push: Push = { id, space, epoch, base, guards: [], deltas };
    queue(state, {
      push,
      spaceId,
      created: deltas.map(() => false),
      isHealing: true,
      acked: undefined,
      flights: 0,
      bytes: frameBytes(push),
    });
  }
}

function withdraw(
  state: ReplicaState,
  name: SpaceName,
  collection: CollectionName,
  keys: readonly RecordKey[],
  out: Received,
): void {
  const space = state.spaces.get(name);
  const open = openOf(space);
  if (space === undefined || open === undefined) {
    return;
  }
  const changed: RecordName[] = [];
  for (const key of keys) {
    const record: RecordName = { collection, key };
    if (takeWithdraw(open.reading, record)) {
      continue;
    }
    const before = read(space, collection, key);
    if (space.copy.remove(record) !== undefined) {
      space.unsaved.records.push(record);
      if (!readsSame(before, read(space, collection, key))) {
        changed.push(record);
      }
    }
  }
  tellChanged(name, changed, out);
}

function changeView(state: ReplicaState, frame: Extract<HubFrame, { type: "view" }>): void {
  const space = state.spaces.get(frame.space);
  const open = openOf(space);
  if (space?.cursor === undefined || open === undefined || takeView(open.reading, frame.mark)) {
    return;
  }
  space.cursor = { ...space.cursor, view: frame.mark };
  space.unsaved.meta = true;
  // What joins the view covers nothing, so that only digests show it is whole.
  wantDigests(space);
}

/** An empty stretch moves a live cursor as empty changes would. */
function heartbeat(state: ReplicaState, stretches: readonly Stretch[], out: Received): void {
  for (const { space: name, before, last } of stretches) {
    const space = state.spaces.get(name);
    if (space?.cursor === undefined || !isLive(space)) {
      continue;
    }
    switch (cover(space.cursor.sequence, before, last)) {
      case "old":
        break;
      case "gap":
        space.subscription = IDLE;
        break;
      case "new":
        space.unsaved.meta ||= space.cursor.sequence !== last;
        space.cursor = { ...space.cursor, sequence: last };
        settle(state, name, out);
    }
  }
}

/** Compares the hub's digests with the copy's, if both speak of one moment. */
function compare(
  state: ReplicaState,
  frame: Extract<HubFrame, { type: "digests" }>,
  { events }: Received,
): void {
  const { space: name, sequence, digests: theirs } = frame;
  const space = state.spaces.get(name);
  if (space === undefined) {
    return;
  }
  if (!isLive(space) || space.cursor?.sequence !== sequence) {
    const wasAsked = space.verifyTries > 0 && !space.verifyDue;
    space.verifyTries -= wasAsked ? 1 : 0;
    space.verifyDue ||= wasAsked && space.verifyTries > 0;
    if (wasAsked && space.verifyTries === 0) {
      events.push({ type: "unverified", space: name });
    }
    return;
  }
  space.verifyTries = 0;
  const collections = differing(space.copy.digests(), theirs);
  if (collections.length === 0) {
    space.wasRepaired = false;
    events.push({ type: "verified", space: name, sequence });
    return;
  }
  // One repair: if a fresh snapshot differs too, another would.
  const isRepairing = !space.wasRepaired;
  space.wasRepaired = true;
  if (isRepairing) {
    space.cursor = undefined;
    space.unsaved.meta = true;
    space.subscription = IDLE;
  }
  events.push({ type: "diverged", space: name, collections, isRepairing });
}

function differing(
  ours: ReadonlyMap<CollectionName, Digest>,
  theirs: ReadonlyMap<CollectionName, Digest>,
): CollectionName[] {
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort(compareText);
  return names.filter((name) => !isSameDigest(ours.get(name), theirs.get(name)));
}

/** Moves the clock past the stamps of others, unless they run ahead of the hub. */
function observe(state: ReplicaState, deltas: readonly Applied[], nowMs: number): void {
  const hubMs = hubTime(state, nowMs);
  for (const { stamp } of deltas) {
    const time = timeOf(stamp);
    if (state.clock.observeWithin(time, hubMs, state.limits.maxClockDriftMs)) {
      state.vouched = laterOf(state.vouched, time);
    }
  }
}

/** Cuts deltas into runs within a count and a size; a single delta may be larger. */
function chunks(deltas: readonly Delta[], deltasMax: number, bytesMax: number): Delta[][] {
  const runs: Delta[][] = [];
  let bytes = 0;
  for (const delta of deltas) {
    const size = deltaBytes(delta);
    let run = runs.at(-1);
    if (run === undefined || run.length >= deltasMax || bytes + size > bytesMax) {
      run = [];
      runs.push(run);
      bytes = 0;
    }
    bytes += size;
    run.push(delta);
  }
  return runs;
}

/** What a delta takes in a frame, rounded up. */
function deltaBytes({ collection, key, op }: Delta): number {
  let bytes = 32 + utf8Length(collection) + utf8Length(key);
  for (const { name, value } of op.type === "put" ? op.fields : []) {
    bytes += 5 + utf8Length(name) + (value?.length ?? 0);
  }
  return bytes;
}
