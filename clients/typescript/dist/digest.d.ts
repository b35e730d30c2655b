import { type RecordState, type Register } from "./record.js";
/** The sum of the fields' hashes, modulo 2^128, and how many fields show. */
export interface Digest {
    readonly sum: bigint;
    readonly fields: number;
}
/** Of a collection in which nothing shows. */
export declare const EMPTY_DIGEST: Digest;
/** Counts the registers that show in, or out. */
export declare function count(digest: Digest, names: readonly [collection: string, key: string], registers: readonly Register[], sign: 1 | -1): Digest;
/** Counts all fields of a record that show in, or out. */
export declare function countRecord(digest: Digest, names: readonly [collection: string, key: string], record: RecordState, sign: 1 | -1): Digest;
/** Whether two digests, or their absence, are the same. */
export declare function isSameDigest(a: Digest | undefined, b: Digest | undefined): boolean;
/** The hash of one field: the first 16 bytes of SHA-256 over `hashedBytes`, as a number. */
export declare function hashField(names: readonly [collection: string, key: string], register: Register): bigint;
/** `length, collection, length, key, length, field, stamp, value`, lengths as 16-bit big-endian. */
export declare function hashedBytes([collection, key]: readonly [collection: string, key: string], { name, stamp, value }: Register): Uint8Array;
