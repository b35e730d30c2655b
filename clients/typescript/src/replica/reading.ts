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

import type { Cursor, ViewMark } from "../cursor.js";
import type { Applied } from "../delta.js";
import type { SnapshotMode, Total } from "../frame.js";
import { SpaceCopy } from "./copy.js";
import type { RecordName } from "./event.js";

/** A snapshot in the making. */
export interface Snapshot {
  readonly type: "snapshot";
  readonly mode: SnapshotMode;
  readonly total: Total;
  readonly copy: SpaceCopy;
  parts: number;
  records: number;
}

/** One thing that happens to a copy. */
export type Step =
  | { readonly type: "merge"; readonly applied: Applied }
  | { readonly type: "remove"; readonly name: RecordName };

/** What is applied together at the end of a catch-up. */
export interface Staged {
  readonly type: "following";
  /** What takes the place of the copy, if anything does. */
  readonly snapshot: { readonly mode: SnapshotMode; readonly copy: SpaceCopy } | undefined;
  /** Where the catch-up stands. */
  cursor: Cursor;
  /** What happens to the copy, in order; empty when there is a snapshot to do it to. */
  readonly steps: Step[];
}

/** Where a subscription stands in its stream. */
export type Reading =
  /** The hub has answered; whether only a snapshot can follow: the copy is of another log. */
  | { readonly type: "beginning"; readonly snapshotOnly: boolean }
  | Snapshot
  | Staged
  /** Every frame is applied as it comes. */
  | { readonly type: "live" };

/** What a frame that belongs to the stream does; with where the stream stands then. */
export type Taken =
  /** Nothing: it repeats what is known, or belongs to an older subscription. */
  | { readonly type: "ignored" }
  /** It is staged. */
  | { readonly type: "staged"; readonly reading: Reading }
  /** A catch-up is whole. */
  | { readonly type: "whole"; readonly staged: Staged }
  /** Something is missing before it: subscribe again from the cursor. */
  | { readonly type: "resubscribe" }
  /** The same; parts of two snapshots in one session could be taken for each other. */
  | { readonly type: "reconnect" };

export const LIVE: Reading = { type: "live" };
const IGNORED: Taken = { type: "ignored" };
const RECONNECT: Taken = { type: "reconnect" };

/** How a frame that covers (before, last] relates to a cursor at `at`. */
export function cover(at: number, before: number, last: number): "old" | "new" | "gap" {
  if (before > at || last < before) {
    return "gap";
  }
  return last < at ? "old" : "new";
}

/** A snapshot begins. One that nobody waits for is a repeat. */
export function takeBegin(reading: Reading, mode: SnapshotMode, total: Total): Taken {
  if (reading.type !== "beginning") {
    return IGNORED;
  }
  const copy = new SpaceCopy();
  return staged({ type: "snapshot", mode, total, copy, parts: 0, records: 0 });
}

/** Records of a snapshot: parts come in order, each once. */
export function takePart(reading: Reading, part: number, deltas: readonly Applied[]): Taken {
  if (reading.type !== "snapshot") {
    // In the beginning its own beginning was lost.
    return reading.type === "beginning" ? RECONNECT : IGNORED;
  }
  if (part !== reading.parts) {
    return part < reading.parts ? IGNORED : RECONNECT;
  }
  reading.parts += 1;
  let previous: Applied | undefined;
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
export function takeEnd(reading: Reading, parts: number, cursor: Cursor): Taken {
  if (reading.type === "snapshot" && reading.parts === parts) {
    const { mode, copy } = reading;
    return staged({ type: "following", snapshot: { mode, copy }, cursor, steps: [] });
  }
  return reading.type === "snapshot" || reading.type === "beginning" ? RECONNECT : IGNORED;
}

/** What a frame of changes covers, and whether more of the same catch-up follows. */
export interface Covers {
  readonly before: number;
  readonly last: number;
  readonly more: boolean;
}

/** Changes, told where the copy's cursor stands. */
export function takeChanges(
  reading: Reading,
  cursor: Cursor | undefined,
  { before, last, more }: Covers,
  deltas: readonly Applied[],
): Taken {
  const isJoining =
    reading.type === "live" || (reading.type === "beginning" && !reading.snapshotOnly);
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
  const next: Staged =
    reading.type === "following"
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
export function takeView(reading: Reading, view: ViewMark): boolean {
  if (reading.type === "following") {
    reading.cursor = { ...reading.cursor, view };
    return true;
  }
  // The cursor at the snapshot's end carries the mark.
  return reading.type === "snapshot" || (reading.type === "beginning" && reading.snapshotOnly);
}

/** A record leaves the view; whether the catch-up under way takes care of it. */
export function takeWithdraw(reading: Reading, name: RecordName): boolean {
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

function staged(reading: Reading): Taken {
  return { type: "staged", reading };
}

function stage({ snapshot, steps }: Staged, step: Step): void {
  if (snapshot === undefined) {
    steps.push(step);
  } else if (step.type === "merge") {
    snapshot.copy.merge(step.applied);
  } else {
    snapshot.copy.remove(step.name);
  }
}
