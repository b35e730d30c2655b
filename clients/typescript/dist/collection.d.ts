import type { Write } from "./core.js";
import { SchemaError, type StandardSchema } from "./schema.js";
import type { Space } from "./space.js";
import type { Unsubscribe } from "./topics.js";
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
    readonly invalid: () => readonly {
        readonly record: RecordView;
        readonly error: SchemaError;
    }[];
    /** Writes a whole record: what it has and `value` has not is dropped. Throws `SchemaError`. */
    readonly put: (key: string, value: Input) => Write;
    /** Sets some fields, and drops those that are `undefined`. Throws `SchemaError`. */
    readonly patch: (key: string, fields: {
        readonly [K in keyof Input]?: Input[K] | undefined;
    }) => Write;
    /** Makes a record unless there is one: the hub decides, `guard_failed` tells. */
    readonly create: (key: string, value: Input) => Write;
    readonly delete: (key: string) => Write;
    /** Hears the keys of records that changed. */
    readonly subscribe: (listener: (keys: readonly string[]) => void, scope?: {
        readonly key?: string;
        readonly prefix?: string;
    }) => Unsubscribe;
}
/** A collection of a space. */
export declare function createCollection<Input extends object, Output>(space: Space, collection: string, schema: StandardSchema<Input, Output> | undefined): Collection<Input, Output>;
