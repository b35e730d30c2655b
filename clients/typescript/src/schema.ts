// The interface of Standard Schema (https://standardschema.dev), version 1, as types: what zod,
// valibot, arktype and others let anybody call. Nothing of them is needed here.

/** A schema of any library that keeps to the standard. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Validation<Output> | Promise<Validation<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type Validation<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/** What is wrong, and where. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What is written, by a schema. */
export type InputOf<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["input"];
/** What is read, by a schema. */
export type OutputOf<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["output"];

/** A record that a schema refuses; every issue has the path to it. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  readonly issues: readonly { readonly message: string; readonly path: readonly string[] }[];

  constructor(where: string, issues: readonly Issue[]) {
    const told = issues.map(({ message, path = [] }) => ({ message, path: path.map(stepOf) }));
    const texts = told.map(({ message, path }) => `${[where, ...path].join(".")}: ${message}`);
    super(texts.join("; "));
    this.issues = told;
  }
}

/** Validates a value. A schema that answers later cannot guard a write that happens now. */
export function validate<Output>(
  schema: StandardSchema<unknown, Output>,
  value: unknown,
): Validation<Output> {
  const validation = schema["~standard"].validate(value);
  if (validation instanceof Promise) {
    throw new TypeError("the schema validates asynchronously; use one that answers at once");
  }
  return validation;
}

function stepOf(step: PropertyKey | { readonly key: PropertyKey }): string {
  return String(typeof step === "object" ? step.key : step);
}
