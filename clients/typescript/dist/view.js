// A record as an app reads it: fields and plain values, without the bytes.
//
// A view is made once for each state of a record, so that what did not change is the same object,
// and a page that compares by identity draws only what is new.
import { toPlain } from "./plain.js";
import { newestSequence, newestStamp, visibleOf } from "./record.js";
const VIEWS = /* @__PURE__ */ new WeakMap();
/** The view of a record; `copied` is what the hub sent of it. */
export function viewOf(collection, key, record, copied) {
    const known = VIEWS.get(record);
    if (known !== undefined) {
        return known;
    }
    const values = new Map(visibleOf(record).map(({ name, value }) => [name, value]));
    const view = {
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
