// A value: one well-formed MessagePack item, kept in the bytes that it arrived in.
//
// Values are never re-encoded: digests and merges speak of bytes, and two encoders may write one
// number differently. What a value means is the app's business (`plain.ts`); this room checks only
// its form, and in bounded memory.
/** Deepest nesting of arrays and maps that a value may have. */
export const NESTING_MAX = 32;
const TEXTS = {
    cut: "the value is cut short",
    trailing: "bytes follow the value",
    reserved: "the byte 0xc1 is not MessagePack",
    utf8: "a text is not UTF-8",
    nesting: `the value nests deeper than ${NESTING_MAX} levels`,
};
/** Why bytes are not a value. */
export class ValueError extends Error {
    name = "ValueError";
    fault;
    constructor(fault) {
        super(TEXTS[fault]);
        this.fault = fault;
    }
}
/** Checks that the bytes are exactly one value and keeps a copy. Throws `ValueError`. */
export function toValue(bytes) {
    if (measure(bytes, 0) !== bytes.length) {
        throw new ValueError("trailing");
    }
    return bytes.slice();
}
/** Compares values as bytes: the first difference decides, and a prefix is less. */
export function compareValues(a, b) {
    const length = Math.min(a.length, b.length);
    for (let at = 0; at < length; at += 1) {
        const difference = (a[at] ?? 0) - (b[at] ?? 0);
        if (difference !== 0) {
            return difference;
        }
    }
    return a.length - b.length;
}
/** Whether two values, or drops, are the same bytes. */
export function isSameValue(a, b) {
    if (a === undefined || b === undefined) {
        return a === b;
    }
    return a === b || (a.length === b.length && compareValues(a, b) === 0);
}
/**
 * The length in bytes of the one value that begins at `start`. Walks without recursion: what is
 * left to read at each level stands in an array of fixed length, so that hostile nesting costs
 * nothing. Throws `ValueError`.
 */
export function measure(bytes, start) {
    const left = [1];
    let at = start;
    for (;;) {
        while (left.at(-1) === 0) {
            left.pop();
        }
        const level = left.length - 1;
        if (level < 0) {
            return at - start;
        }
        left[level] = (left[level] ?? 0) - 1;
        const { length, children } = itemAt(bytes, at);
        at += length;
        if (children > 0) {
            if (level >= NESTING_MAX) {
                throw new ValueError("nesting");
            }
            left.push(children);
        }
    }
}
/** What markers announce: bytes of the head, and how the rest is counted. */
function itemAt(bytes, at) {
    const marker = bytes[at];
    if (marker === undefined) {
        throw new ValueError("cut");
    }
    if (marker < 0x80 || marker >= 0xe0) {
        return { length: 1, children: 0 };
    }
    if (marker < 0x90) {
        return { length: 1, children: (marker & 0x0f) * 2 };
    }
    if (marker < 0xa0) {
        return { length: 1, children: marker & 0x0f };
    }
    if (marker < 0xc0) {
        return plainItem(bytes, at, 1, marker & 0x1f, true);
    }
    return wideItem(bytes, at, marker);
}
function wideItem(bytes, at, marker) {
    switch (marker) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
            return { length: 1, children: 0 };
        case 0xc1:
            throw new ValueError("reserved");
        case 0xc4:
        case 0xc5:
        case 0xc6: {
            const width = 1 << (marker - 0xc4);
            return plainItem(bytes, at, 1 + width, countAt(bytes, at + 1, width), false);
        }
        case 0xc7:
        case 0xc8:
        case 0xc9: {
            const width = 1 << (marker - 0xc7);
            return plainItem(bytes, at, 1 + width, countAt(bytes, at + 1, width) + 1, false);
        }
        case 0xca:
            return plainItem(bytes, at, 1, 4, false);
        case 0xcb:
            return plainItem(bytes, at, 1, 8, false);
        case 0xd9:
        case 0xda:
        case 0xdb: {
            const width = 1 << (marker - 0xd9);
            return plainItem(bytes, at, 1 + width, countAt(bytes, at + 1, width), true);
        }
        case 0xdc:
        case 0xdd:
        case 0xde:
        case 0xdf: {
            const width = marker % 2 === 0 ? 2 : 4;
            const count = countAt(bytes, at + 1, width);
            return { length: 1 + width, children: marker < 0xde ? count : count * 2 };
        }
        default:
            // 0xcc to 0xd3 are integers of 1, 2, 4 and 8 bytes, 0xd4 to 0xd8 extensions of 1 to 16.
            return marker <= 0xd3
                ? plainItem(bytes, at, 1, 1 << (marker % 4), false)
                : plainItem(bytes, at, 1, (1 << (marker - 0xd4)) + 1, false);
    }
}
function plainItem(bytes, at, head, body, isText) {
    const end = at + head + body;
    if (end > bytes.length) {
        throw new ValueError("cut");
    }
    if (isText && !isUtf8(bytes, at + head, end)) {
        throw new ValueError("utf8");
    }
    return { length: head + body, children: 0 };
}
/** The big-endian number of `width` bytes. */
function countAt(bytes, at, width) {
    if (at + width > bytes.length) {
        throw new ValueError("cut");
    }
    let count = 0;
    for (let digit = 0; digit < width; digit += 1) {
        count = count * 256 + (bytes[at + digit] ?? 0);
    }
    return count;
}
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function isUtf8(bytes, start, end) {
    for (let at = start; at < end; at += 1) {
        if ((bytes[at] ?? 0) >= 0x80) {
            return decodeUtf8(bytes.subarray(at, end)) !== undefined;
        }
    }
    return true;
}
/** The text that bytes are as UTF-8; none when they are not. */
export function decodeUtf8(bytes) {
    try {
        return STRICT.decode(bytes);
    }
    catch {
        return undefined;
    }
}
