// A collection of one kind of records: typed, and checked on the way in and out by its schema.
//
// What is written is what the schema takes (its input), what is read is what it makes of that (its
// output). Other programs may write what the schema refuses: such records are not listed, and
// `invalid` tells them.
import { toCollectionName } from "./name.js";
import { SchemaError, validate } from "./schema.js";
/** A collection of a space. */
export function createCollection(space, collection, schema) {
    const name = toCollectionName(collection);
    const reading = createReading(name, schema);
    const lists = new Map();
    const check = (key, value) => {
        const issues = schema === undefined ? undefined : validate(schema, value).issues;
        if (issues !== undefined) {
            throw new SchemaError(`${name}/${key}`, issues);
        }
    };
    const put = (write, key, value) => {
        const known = Object.keys(space.get(name, key)?.fields ?? {});
        const dropped = known.filter((field) => !Object.hasOwn(value, field));
        const gone = Object.fromEntries(dropped.map((field) => [field, undefined]));
        write.put(name, key, { ...gone, ...value });
    };
    return {
        name,
        space,
        get(key) {
            const record = space.get(name, key);
            return record === undefined ? undefined : reading(record).item?.value;
        },
        list(prefix = "") {
            const items = space
                .list(name, prefix)
                .map((record) => reading(record).item)
                .filter((item) => item !== undefined);
            const known = lists.get(prefix);
            if (known?.length === items.length && items.every((item, at) => item === known[at])) {
                return known;
            }
            lists.set(prefix, items);
            return items;
        },
        invalid: () => space.list(name).flatMap((record) => {
            const { error } = reading(record);
            return error === undefined ? [] : [{ record, error }];
        }),
        put(key, value) {
            check(key, value);
            return space.transaction((write) => put(write, key, value));
        },
        patch(key, fields) {
            const merged = { ...space.get(name, key)?.fields, ...fields };
            check(key, Object.fromEntries(Object.entries(merged).filter(([, it]) => it !== undefined)));
            return space.put(name, key, fields);
        },
        create(key, value) {
            check(key, value);
            return space.create(name, key, value);
        },
        delete: (key) => space.delete(name, key),
        subscribe: (listener, scope = {}) => space.subscribe({ ...scope, collection: name }, (records) => {
            listener(records.map(({ key }) => key));
        }),
    };
}
/** Reads a record once for each state that it is in. */
function createReading(name, schema) {
    const known = new WeakMap();
    return (record) => {
        let reading = known.get(record);
        if (reading === undefined) {
            const { key, fields } = record;
            const validation = schema === undefined ? { value: fields } : validate(schema, fields);
            reading =
                validation.issues === undefined
                    ? { item: { key, value: validation.value, record } }
                    : { error: new SchemaError(`${name}/${key}`, validation.issues) };
            known.set(record, reading);
        }
        return reading;
    };
}
