// What a replica tells the app, and why it refuses a write. Only words, no behaviour.

import type { Delta, Push, PushId } from "../delta.js";
import type { Total } from "../frame.js";
import type { CollectionName, RecordKey, SpaceName } from "../name.js";
import type { Reject } from "../reject.js";
import { compareText } from "../sorted.js";

/** Names a record within its space. */
export interface RecordName {
  readonly collection: CollectionName;
  readonly key: RecordKey;
}

/** What happened to a replica, as its app should know it. */
export type ReplicaEvent =
  /** Records read differently now: all of one frame, one catch-up or one write, at once. */
  | {
      readonly type: "changed";
      readonly space: SpaceName;
      /** Each once, in order. */
      readonly records: readonly RecordName[];
    }
  /** The copy holds all that the hub had when it answered. */
  | { readonly type: "caught_up"; readonly space: SpaceName }
  /** A snapshot is on its way. */
  | {
      readonly type: "progress";
      readonly space: SpaceName;
      /** Records received so far. */
      readonly received: number;
      readonly total: Total;
    }
  /** The hub has a push on its disk. */
  | {
      readonly type: "acked";
      readonly space: SpaceName;
      readonly push: PushId;
      readonly sequence: number;
    }
  /** The hub refused a push for good: what it wrote is no longer read. */
  | {
      readonly type: "rejected";
      readonly space: SpaceName;
      readonly push: PushId;
      readonly reject: Reject;
    }
  /** Writes were taken out of a push: what they change was deleted too long ago. */
  | {
      readonly type: "conflict";
      readonly space: SpaceName;
      readonly push: PushId;
      readonly deltas: readonly Delta[];
    }
  /** The copy was proved equal to what the hub shows. */
  | { readonly type: "verified"; readonly space: SpaceName; readonly sequence: number }
  /** The copy was found different from what the hub shows. */
  | {
      readonly type: "diverged";
      readonly space: SpaceName;
      readonly collections: readonly CollectionName[];
      /** Whether a fresh snapshot was asked for; not when the last one did not help. */
      readonly isRepairing: boolean;
    }
  /** The digests never spoke of the moment that the copy was at: too much was going on. */
  | { readonly type: "unverified"; readonly space: SpaceName }
  /** The hub would not begin, or has ended, the subscription. */
  | { readonly type: "subscription_ended"; readonly space: SpaceName; readonly reject: Reject };

/** Why a write was not taken into the outbox; the text says what to do. */
export class WriteError extends Error {
  override readonly name = "WriteError";
  readonly reason: "not_open" | "empty" | "reserved" | "too_large" | "outbox_full";

  constructor(reason: WriteError["reason"], text: string) {
    super(text);
    this.reason = reason;
  }
}

/** A record's name as one text. No name holds a control character, so that it sorts as names do. */
export function nameIdOf({ collection, key }: RecordName): string {
  return `${collection}\0${key}`;
}

/** Names, each once, in order. */
export function sortNames(names: Iterable<RecordName>): RecordName[] {
  const unique = new Map<string, RecordName>();
  for (const name of names) {
    unique.set(nameIdOf(name), { collection: name.collection, key: name.key });
  }
  const sorted = [...unique].sort(([a], [b]) => compareText(a, b));
  return sorted.map(([, name]) => name);
}

/** The records that a push touches, each once, in order. */
export function namesOf(push: Push): RecordName[] {
  return sortNames(push.deltas);
}
