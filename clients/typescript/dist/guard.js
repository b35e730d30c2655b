// Guards: conditions that a push may carry, judged in log order against the hub's records.
//
// They are the only conditional write. A guard speaks of what a reader sees: a dropped field and a
// deleted record are absent.
import { isVisible, newestSequence, registerOf } from "./record.js";
import { isSameValue } from "./value.js";
/** Whether a condition holds of a record. */
export function holds(condition, record) {
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
