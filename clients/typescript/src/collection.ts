// A collection of one kind of records: typed, and checked on the way in and out by its schema.
//
// What is written is what the schema takes (its input), what is read is what it makes of that (its
// output). Other programs may write what the schema refuses: such records are not listed, and
// `invalid` tells them.

import type { Write } from "./core.js";
import { toCollectionName } from "./name.js";
import { SchemaError, type StandardSchema, type Validation, validate } from "./schema.js";
import type { Space } from "./space.js";
import type { Unsubscribe } from "./topics.js";
import type { PlainFields, Transaction } from "./transaction.js";
import type { RecordView } from "./view.js";

/** A record of a collection. */
export interface Item<T> {
  readonly key: string;
  readonly value: T;
  /** The record as it is kept. */
  readonly record: RecordView;
}

/** A collection of records that are written as `Input` and read as `Output`. */
export interface Collection<Input extends object, Output = Input> {
  readonly name: string;
  readonly space: Space;
  /** One record; the same object for as long as nothing changes it. */
  readonly get: (key: string) => Output | undefined;
  /** The records whose keys begin with `prefix`, in order; the same array until one changes. */
  readonly list: (prefix?: string) => readonly Item<Output>[];
  /** Records that the schema refuses, each with why. */
  readonly invalid: () => readonly { readonly record: RecordView; readonly error: SchemaError }[];
  /** Writes a whole record: what it has and `value` has not is dropped. Throws `SchemaError`. */
  readonly put: (key: string, value: Input) => Write;
  /** Sets some fields, and drops those that are `undefined`. Throws `SchemaError`. */
  readonly patch: (
    key: string,
    fields: { readonly [K in keyof Input]?: Input[K] | undefined },
  ) => Write;
  /** Makes a record unless there is one: the hub decides, `guard_failed` tells. */
  readonly create: (key: string, value: Input) => Write;
  readonly delete: (key: string) => Write;
  /** Hears the keys of records that changed. */
  readonly subscribe: (
    listener: (keys: readonly string[]) => void,
    scope?: { readonly key?: string; readonly prefix?: string },
  ) => Unsubscribe;
}

/** A collection of a space. */
export function createCollection<Input extends object, Output>(
  space: Space,
  collection: string,
  schema: StandardSchema<Input, Output> | undefined,
): Collection<Input, Output> {
  const name = toCollectionName(collection);
  const reading = createReading<Output>(name, schema as StandardSchema<unknown, Output>);
  const lists = new Map<string, readonly Item<Output>[]>();

  const check = (key: string, value: PlainFields): void => {
    const issues = schema === undefined ? undefined : validate(schema, value).issues;
    if (issues !== undefined) {
      throw new SchemaError(`${name}/${key}`, issues);
    }
  };
  const put = (write: Transaction, key: string, value: PlainFields): void => {
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
    invalid: () =>
      space.list(name).flatMap((record) => {
        const { error } = reading(record);
        return error === undefined ? [] : [{ record, error }];
      }),
    put(key, value) {
      check(key, value as PlainFields);
      return space.transaction((write) => put(write, key, value as PlainFields));
    },
    patch(key, fields) {
      const merged = { ...space.get(name, key)?.fields, ...fields };
      check(key, Object.fromEntries(Object.entries(merged).filter(([, it]) => it !== undefined)));
      return space.put(name, key, fields as PlainFields);
    },
    create(key, value) {
      check(key, value as PlainFields);
      return space.create(name, key, value as PlainFields);
    },
    delete: (key) => space.delete(name, key),
    subscribe: (listener, scope = {}) =>
      space.subscribe({ ...scope, collection: name }, (records) => {
        listener(records.map(({ key }) => key));
      }),
  };
}

interface Reading<Output> {
  readonly item?: Item<Output>;
  readonly error?: SchemaError;
}

/** Reads a record once for each state that it is in. */
function createReading<Output>(
  name: string,
  schema: StandardSchema<unknown, Output> | undefined,
): (record: RecordView) => Reading<Output> {
  const known = new WeakMap<RecordView, Reading<Output>>();
  return (record) => {
    let reading = known.get(record);
    if (reading === undefined) {
      const { key, fields } = record;
      const validation: Validation<Output> =
        schema === undefined ? { value: fields as Output } : validate(schema, fields);
      reading =
        validation.issues === undefined
          ? { item: { key, value: validation.value, record } }
          : { error: new SchemaError(`${name}/${key}`, validation.issues) };
      known.set(record, reading);
    }
    return reading;
  };
}
