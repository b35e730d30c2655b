import type { CollectionName, FieldName, RecordKey } from "./name.js";
import { type RecordState } from "./record.js";
import { type Value } from "./value.js";
/** What can be asked of a record. */
export type Condition = 
/** No field shows. */
{
    readonly type: "absent";
}
/** Nothing of the record has changed after this sequence. */
 | {
    readonly type: "unchanged_since";
    readonly sequence: number;
}
/** The field shows exactly these bytes. */
 | {
    readonly type: "field_equals";
    readonly field: FieldName;
    readonly value: Value;
}
/** The field does not show. */
 | {
    readonly type: "field_absent";
    readonly field: FieldName;
};
/** A condition on one record. */
export interface Guard {
    readonly collection: CollectionName;
    readonly key: RecordKey;
    readonly condition: Condition;
}
/** Whether a condition holds of a record. */
export declare function holds(condition: Condition, record: RecordState): boolean;
