// One space of a replica: its copy, its overlay, its cursor and its subscription.
//
//          subscribe sent        subscribed              rejected
//   Idle ----------------> Asked ----------> Open -------------------> Ended
//    ^                       |   rejected                                |
//    |                       +-------------------------------------------+
//    +---- gap, divergence, another filter, the connection ended --------+
//
// Reads join copy and overlay here. It sends nothing and knows no clock.

import type { Cursor, Epoch, Start } from "../cursor.js";
import { FILTER_ALL, type Filter } from "../filter.js";
import type { CollectionName, RecordKey, SpaceId } from "../name.js";
import { isVisible, join, type RecordState, readsSame } from "../record.js";
import type { Reject } from "../reject.js";
import { compareText } from "../sorted.js";
import { SpaceCopy } from "./copy.js";
import { type RecordName, sortNames } from "./event.js";
import { Overlay } from "./overlay.js";
import type { Reading, Staged, Step } from "./reading.js";

/** How often digests are asked for until they speak of the moment that the copy is at. */
const VERIFY_TRIES = 5;

/** What the hub answered to a subscribe, and where its stream stands. */
export interface Open {
  readonly type: "open";
  readonly id: SpaceId;
  readonly writable: boolean;
  reading: Reading;
}

/** Where the subscription of a space stands. */
export type Subscription =
  /**
   * To be asked for. Asking takes the place of an older subscription in the same session: to end
   * that one first would let a doubled message end the new one.
   */
  | { readonly type: "idle" }
  /** Asked for; nothing that arrives before the answer counts. */
  | { readonly type: "asked"; readonly hasCursor: boolean }
  /** The hub sends. */
  | Open
  /** The hub will not send. */
  | { readonly type: "ended"; readonly reject: Reject };

export const IDLE: Subscription = { type: "idle" };

/** A space as one replica knows it. */
export interface SpaceState {
  filter: Filter;
  /** The life of the space that the copy is of. */
  id: SpaceId | undefined;
  /** How far the copy has read. */
  cursor: Cursor | undefined;
  /** The epoch that the hub last named: acks count in it. */
  epoch: Epoch | undefined;
  copy: SpaceCopy;
  readonly overlay: Overlay;
  subscription: Subscription;
  /** The app does not want it read any more; its copy stays. */
  isClosed: boolean;
  /** Pushes wait until the session lets them go again. */
  isHeld: boolean;
  /** What a restored hub lost may be offered now. */
  mayHeal: boolean;
  /** A repair was tried, and no digest has matched since. */
  wasRepaired: boolean;
  /** The digests are to be asked for. */
  verifyDue: boolean;
  /** How often they may still be asked for until they speak of the copy's moment. */
  verifyTries: number;
  unsaved: UnsavedSpace;
}

/** What of a space differs from what was saved. */
export interface UnsavedSpace {
  meta: boolean;
  /** All of the copy was replaced. */
  whole: boolean;
  readonly records: RecordName[];
}

/** Nothing to save. */
export function allSaved(): UnsavedSpace {
  return { meta: false, whole: false, records: [] };
}

/** A space that nothing is known of. */
export function createSpace(): SpaceState {
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

export function openOf(space: SpaceState | undefined): Open | undefined {
  return space?.subscription.type === "open" ? space.subscription : undefined;
}

/** Whether the copy holds all that the hub had, and follows what comes. */
export function isLive(space: SpaceState | undefined): boolean {
  return openOf(space)?.reading.type === "live";
}

/** The life of the space that writes are for: as the hub names it now, or as it was. */
export function currentId(space: SpaceState): SpaceId | undefined {
  return openOf(space)?.id ?? space.id;
}

/** Where a subscription begins. */
export function startOf({ cursor }: SpaceState): Start {
  return cursor === undefined ? { from: "snapshot" } : { from: "resume", cursor };
}

/** Wants the digests, again if they come too early or too late. */
export function wantDigests(space: SpaceState): void {
  space.verifyDue = true;
  space.verifyTries = VERIFY_TRIES;
}

/** What the app reads under a key: copy and overlay joined, if anything shows. */
export function read(space: SpaceState, collection: string, key: string): RecordState | undefined {
  return joined(space.copy.get(collection, key), space.overlay.get(collection, key));
}

/** The keys under which something may show, in order. */
export function keysOf(space: SpaceState, collection: string, prefix: string): RecordKey[] {
  const below = space.copy.collection(collection)?.keysFrom(prefix) ?? [];
  const above = space.overlay.keysFrom(collection, prefix);
  if (above.length === 0) {
    return below;
  }
  return [...new Set([...below, ...above])].sort(compareText);
}

/** The collections that may show something, in order. */
export function collectionsOf({ copy, overlay }: SpaceState): CollectionName[] {
  return [...new Set([...copy.collections(), ...overlay.collections()])].sort(compareText);
}

/** Applies a catch-up or a frame; gives the records that read differently now. */
export function applyStaged(space: SpaceState, staged: Staged): RecordName[] {
  space.cursor = staged.cursor;
  space.unsaved.meta = true;
  if (staged.snapshot !== undefined) {
    return replaceCopy(space, staged.snapshot.copy);
  }
  const changed: RecordName[] = [];
  for (const step of staged.steps) {
    const name = nameOf(step);
    const before = read(space, name.collection, name.key);
    const isOther =
      step.type === "merge"
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
export function replaceCopy(space: SpaceState, copy: SpaceCopy): RecordName[] {
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

function nameOf(step: Step): RecordName {
  const { collection, key } = step.type === "merge" ? step.applied : step.name;
  return { collection, key };
}

/** Joins once for each pair, so that what did not change stays the same object. */
const JOINS = /* @__PURE__ */ new WeakMap<RecordState, { below: RecordState; both: RecordState }>();

/** The join of what the hub sent and what was written over it, if anything shows. */
function joined(
  below: RecordState | undefined,
  above: RecordState | undefined,
): RecordState | undefined {
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
