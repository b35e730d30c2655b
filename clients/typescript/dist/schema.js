// The interface of Standard Schema (https://standardschema.dev), version 1, as types: what zod,
// valibot, arktype and others let anybody call. Nothing of them is needed here.
/** A record that a schema refuses; every issue has the path to it. */
export class SchemaError extends Error {
    name = "SchemaError";
    issues;
    constructor(where, issues) {
        const told = issues.map(({ message, path = [] }) => ({ message, path: path.map(stepOf) }));
        const texts = told.map(({ message, path }) => `${[where, ...path].join(".")}: ${message}`);
        super(texts.join("; "));
        this.issues = told;
    }
}
/** Validates a value. A schema that answers later cannot guard a write that happens now. */
export function validate(schema, value) {
    const validation = schema["~standard"].validate(value);
    if (validation instanceof Promise) {
        throw new TypeError("the schema validates asynchronously; use one that answers at once");
    }
    return validation;
}
function stepOf(step) {
    return String(typeof step === "object" ? step.key : step);
}
