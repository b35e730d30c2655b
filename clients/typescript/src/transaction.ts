// Changes that stand or fall together, and conditions that they depend on.
//
// The hub judges the conditions in the order of its log; if one does not hold it refuses the whole
// with `guard_failed`. Until then the changes are read here as if they held.

import { type Change, DELETE, type PutField, toFields } from "./delta.js";
import type { Condition, Guard } from "./guard.js";
import { toCollectionName, toFieldName, toRecordKey } from "./name.js";
import { fromPlain } from "./plain.js";
import type { Value } from "./value.js";
import type { RecordView } from "./view.js";

/** The fields of a put: plain values by name. `undefined` drops the field. */
export type PlainFields = { readonly [field: string]: unknown };

/** Collects changes and conditions; each call gives the transaction back. */
export interface Transaction {
  /** Sets fields of a record, and drops those that are `undefined`; others stay. */
  readonly put: (collection: string, key: string, fields: PlainFields) => Transaction;
  /** Drops fields of a record. */
  readonly drop: (collection: string, key: string, fields: readonly string[]) => Transaction;
  /** Deletes a record, with all that was written to it before. */
  readonly delete: (collection: string, key: string) => Transaction;
  /** Only if no field of the record shows. */
  readonly ifAbsent: (collection: string, key: string) => Transaction;
  /** Only if the hub has changed nothing of the record since it was read. */
  readonly ifUnchanged: (seen: RecordView) => Transaction;
  /** Only if a field shows exactly this value. */
  readonly ifEquals: (
    collection: string,
    key: string,
    field: string,
    value: unknown,
  ) => Transaction;
  /** Only if a field does not show. */
  readonly ifFieldAbsent: (collection: string, key: string, field: string) => Transaction;
}

/** What a transaction collected. */
export interface Collected {
  readonly changes: readonly Change[];
  readonly guards: readonly Guard[];
}

/** Runs `collect`. Throws what it throws, and errors of names, fields and values. */
export function collectChanges(collect: (write: Transaction) => unknown): Collected {
  const [changes, guards]: [Change[], Guard[]] = [[], []];
  const guard = (collection: string, key: string, condition: Condition): void => {
    const [at, record] = [toCollectionName(collection), toRecordKey(key)];
    guards.push({ collection: at, key: record, condition });
  };
  const change = (collection: string, key: string, op: Change["op"]): void => {
    const [at, record] = [toCollectionName(collection), toRecordKey(key)];
    changes.push({ collection: at, key: record, op });
  };
  const write: Transaction = {
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

function putField([field, plain]: readonly [string, unknown]): PutField {
  const value: Value | undefined = plain === undefined ? undefined : fromPlain(plain, [field]);
  return { name: toFieldName(field), value };
}
