// Guards: conditions that a push may carry, judged in log order against the hub's records.
//
// They are the only conditional write. A guard speaks of what a reader sees: a dropped field and a
// deleted record are absent.

import type { CollectionName, FieldName, RecordKey } from "./name.js";
import { isVisible, newestSequence, type RecordState, registerOf } from "./record.js";
import { isSameValue, type Value } from "./value.js";

/** What can be asked of a record. */
export type Condition =
  /** No field shows. */
  | { readonly type: "absent" }
  /** Nothing of the record has changed after this sequence. */
  | { readonly type: "unchanged_since"; readonly sequence: number }
  /** The field shows exactly these bytes. */
  | { readonly type: "field_equals"; readonly field: FieldName; readonly value: Value }
  /** The field does not show. */
  | { readonly type: "field_absent"; readonly field: FieldName };

/** A condition on one record. */
export interface Guard {
  readonly collection: CollectionName;
  readonly key: RecordKey;
  readonly condition: Condition;
}

/** Whether a condition holds of a record. */
export function holds(condition: Condition, record: RecordState): boolean {
  switch (condition.type) {
    case "absent":
      return !isVisible(record);
    case "unchanged_since":
      return newestSequence(record) <= condition.sequence;
    case "field_equals":
      return isSameValue(registerOf(record, condition.field)?.value, condition.value);
    case "field_absent":
      return registerOf(record, condition.field)?.value === undefined;
  }
}
