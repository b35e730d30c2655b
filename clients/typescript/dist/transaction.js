// Changes that stand or fall together, and conditions that they depend on.
//
// The hub judges the conditions in the order of its log; if one does not hold it refuses the whole
// with `guard_failed`. Until then the changes are read here as if they held.
import { DELETE, toFields } from "./delta.js";
import { toCollectionName, toFieldName, toRecordKey } from "./name.js";
import { fromPlain } from "./plain.js";
/** Runs `collect`. Throws what it throws, and errors of names, fields and values. */
export function collectChanges(collect) {
    const [changes, guards] = [[], []];
    const guard = (collection, key, condition) => {
        const [at, record] = [toCollectionName(collection), toRecordKey(key)];
        guards.push({ collection: at, key: record, condition });
    };
    const change = (collection, key, op) => {
        const [at, record] = [toCollectionName(collection), toRecordKey(key)];
        changes.push({ collection: at, key: record, op });
    };
    const write = {
        put(collection, key, fields) {
            const all = Object.entries(fields).map(putField);
            change(collection, key, { type: "put", fields: toFields(all) });
            return write;
        },
        drop(collection, key, fields) {
            const all = fields.map((field) => putField([field, undefined]));
            change(collection, key, { type: "put", fields: toFields(all) });
            return write;
        },
        delete(collection, key) {
            change(collection, key, DELETE);
            return write;
        },
        ifAbsent(collection, key) {
            guard(collection, key, { type: "absent" });
            return write;
        },
        ifUnchanged({ collection, key, sequence }) {
            guard(collection, key, { type: "unchanged_since", sequence });
            return write;
        },
        ifEquals(collection, key, field, value) {
            const name = toFieldName(field);
            guard(collection, key, {
                type: "field_equals",
                field: name,
                value: fromPlain(value, [field]),
            });
            return write;
        },
        ifFieldAbsent(collection, key, field) {
            guard(collection, key, { type: "field_absent", field: toFieldName(field) });
            return write;
        },
    };
    collect(write);
    return { changes, guards };
}
function putField([field, plain]) {
    const value = plain === undefined ? undefined : fromPlain(plain, [field]);
    return { name: toFieldName(field), value };
}
