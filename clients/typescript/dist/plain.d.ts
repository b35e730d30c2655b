import { type Value } from "./value.js";
/** An application's own type, or one that this library does not know. */
export declare class Extension {
    /** From -128 to 127; what is negative belongs to MessagePack. */
    readonly type: number;
    readonly data: Uint8Array;
    constructor(type: number, data: Uint8Array);
}
/** What a field can hold. */
export type Plain = null | boolean | number | bigint | string | Date | Uint8Array | Extension | readonly Plain[] | ReadonlyMap<Plain, Plain> | {
    readonly [name: string]: Plain | undefined;
};
/** A value that no field can hold; says where in it, and what to do. */
export declare class PlainError extends Error {
    readonly name = "PlainError";
    /** The way to what is wrong: names of members, places in arrays. */
    readonly path: readonly (string | number)[];
    constructor(text: string, path: readonly (string | number)[]);
}
type Path = readonly (string | number)[];
/** A plain value in its bytes. Throws `PlainError`. */
export declare function fromPlain(plain: unknown, path?: Path): Value;
/** What a value's bytes mean. A value was checked at its birth, so that this cannot fail. */
export declare function toPlain(value: Value): Plain;
export {};
