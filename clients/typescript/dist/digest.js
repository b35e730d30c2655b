// The digest of a collection: proof that two copies are equal.
//
// The sum modulo 2^128 of a hash over every field that shows, so that it can be kept as records
// change and does not depend on their order (after Bellare and Micciancio, "A New Paradigm for
// Collision-Free Hashing", 1997). It finds faults, not forgers.
import { utf8Length } from "./name.js";
import { visibleOf } from "./record.js";
import { sha256 } from "./sha256.js";
/** Of a collection in which nothing shows. */
export const EMPTY_DIGEST = { sum: 0n, fields: 0 };
const SUM_BITS = 128;
/** Counts the registers that show in, or out. */
export function count(digest, names, registers, sign) {
    let { sum, fields } = digest;
    for (const register of registers) {
        if (register.value !== undefined) {
            sum += BigInt(sign) * hashField(names, register);
            fields += sign;
        }
    }
    return { sum: BigInt.asUintN(SUM_BITS, sum), fields };
}
/** Counts all fields of a record that show in, or out. */
export function countRecord(digest, names, record, sign) {
    return count(digest, names, visibleOf(record), sign);
}
/** Whether two digests, or their absence, are the same. */
export function isSameDigest(a, b) {
    return a?.sum === b?.sum && a?.fields === b?.fields;
}
/** The hash of one field: the first 16 bytes of SHA-256 over `hashedBytes`, as a number. */
export function hashField(names, register) {
    const hash = new DataView(sha256(hashedBytes(names, register)).buffer);
    return (hash.getBigUint64(0) << 64n) | hash.getBigUint64(8);
}
/** `length, collection, length, key, length, field, stamp, value`, lengths as 16-bit big-endian. */
export function hashedBytes([collection, key], { name, stamp, value }) {
    const texts = [collection, key, name];
    const lengths = texts.map(utf8Length);
    const namesBytes = lengths.reduce((all, length) => all + 2 + length, 0);
    const bytes = new Uint8Array(namesBytes + 16 + (value?.length ?? 0));
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [place, text] of texts.entries()) {
        const length = lengths[place] ?? 0;
        view.setUint16(at, length);
        ENCODER.encodeInto(text, bytes.subarray(at + 2));
        at += 2 + length;
    }
    view.setBigUint64(at, BigInt(`0x${stamp.slice(0, 16)}`));
    view.setBigUint64(at + 8, BigInt(`0x${stamp.slice(16)}`));
    bytes.set(value ?? [], at + 16);
    return bytes;
}
const ENCODER = /* @__PURE__ */ new TextEncoder();
