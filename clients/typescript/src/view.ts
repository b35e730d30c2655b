// A record as an app reads it: fields and plain values, without the bytes.
//
// A view is made once for each state of a record, so that what did not change is the same object,
// and a page that compares by identity draws only what is new.

import type { CollectionName, RecordKey } from "./name.js";
import { type Plain, toPlain } from "./plain.js";
import { newestSequence, newestStamp, type RecordState, visibleOf } from "./record.js";
import type { Stamp } from "./stamp.js";
import type { Value } from "./value.js";

/** A record at one moment. */
export interface RecordView {
  readonly collection: CollectionName;
  readonly key: RecordKey;
  /** What shows, by field. */
  readonly fields: { readonly [field: string]: Plain };
  /** The sequence under which the hub last changed it; zero when the hub does not have it yet. */
  readonly sequence: number;
  /** The newest stamp in it: when it was last written, and by which replica. */
  readonly stamp: Stamp | undefined;
  /** The fields in the bytes that they came in, for who needs every width. */
  readonly values: ReadonlyMap<string, Value>;
}

const VIEWS = /* @__PURE__ */ new WeakMap<RecordState, RecordView>();

/** The view of a record; `copied` is what the hub sent of it. */
export function viewOf(
  collection: CollectionName,
  key: RecordKey,
  record: RecordState,
  copied: RecordState | undefined,
): RecordView {
  const known = VIEWS.get(record);
  if (known !== undefined) {
    return known;
  }
  const values = new Map(visibleOf(record).map(({ name, value }) => [name as string, value]));
  const view: RecordView = {
    collection,
    key,
    fields: Object.fromEntries([...values].map(([name, value]) => [name, toPlain(value)])),
    sequence: copied === undefined ? 0 : newestSequence(copied),
    stamp: newestStamp(record),
    values,
  };
  VIEWS.set(record, view);
  return view;
}
