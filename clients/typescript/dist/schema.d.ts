/** A schema of any library that keeps to the standard. */
export interface StandardSchema<Input = unknown, Output = Input> {
    readonly "~standard": {
        readonly version: 1;
        readonly vendor: string;
        readonly validate: (value: unknown) => Validation<Output> | Promise<Validation<Output>>;
        readonly types?: {
            readonly input: Input;
            readonly output: Output;
        } | undefined;
    };
}
/** What a schema says of a value. */
export type Validation<Output> = {
    readonly value: Output;
    readonly issues?: undefined;
} | {
    readonly issues: readonly Issue[];
};
/** What is wrong, and where. */
export interface Issue {
    readonly message: string;
    readonly path?: readonly (PropertyKey | {
        readonly key: PropertyKey;
    })[] | undefined;
}
/** What is written, by a schema. */
export type InputOf<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["input"];
/** What is read, by a schema. */
export type OutputOf<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["output"];
/** A record that a schema refuses; every issue has the path to it. */
export declare class SchemaError extends Error {
    readonly name = "SchemaError";
    readonly issues: readonly {
        readonly message: string;
        readonly path: readonly string[];
    }[];
    constructor(where: string, issues: readonly Issue[]);
}
/** Validates a value. A schema that answers later cannot guard a write that happens now. */
export declare function validate<Output>(schema: StandardSchema<unknown, Output>, value: unknown): Validation<Output>;
