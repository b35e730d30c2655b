import type { Brand } from "./name.js";
/** One MessagePack item, checked for form once and kept encoded. Its bytes never change. */
export type Value = Brand<Uint8Array, "Value">;
/** Deepest nesting of arrays and maps that a value may have. */
export declare const NESTING_MAX = 32;
/** What is wrong with bytes that are not a value. */
export type ValueFault = "cut" | "trailing" | "reserved" | "utf8" | "nesting";
/** Why bytes are not a value. */
export declare class ValueError extends Error {
    readonly name = "ValueError";
    readonly fault: ValueFault;
    constructor(fault: ValueFault);
}
/** Checks that the bytes are exactly one value and keeps a copy. Throws `ValueError`. */
export declare function toValue(bytes: Uint8Array): Value;
/** Compares values as bytes: the first difference decides, and a prefix is less. */
export declare function compareValues(a: Value, b: Value): number;
/** Whether two values, or drops, are the same bytes. */
export declare function isSameValue(a: Value | undefined, b: Value | undefined): boolean;
/**
 * The length in bytes of the one value that begins at `start`. Walks without recursion: what is
 * left to read at each level stands in an array of fixed length, so that hostile nesting costs
 * nothing. Throws `ValueError`.
 */
export declare function measure(bytes: Uint8Array, start: number): number;
/** The text that bytes are as UTF-8; none when they are not. */
export declare function decodeUtf8(bytes: Uint8Array): string | undefined;
