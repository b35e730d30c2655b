// Frames to MessagePack and back, within limits.
//
//   frame = [kind, ...]      one MessagePack array in one binary WebSocket message
//   delta = [collection, key, stamp]                      delete
//         | [collection, key, stamp, {field: value}]      put
//         | [collection, key, stamp, {..}, [field, ..]]   put with dropped fields
//
// The codec is written by hand: values must stay the bytes that they came in, integers whole to 64
// bits, and every length bounded by the bytes that are there.
import { readClient } from "./codec/client.js";
import { readHub } from "./codec/hub.js";
import { LIMITS } from "./codec/limits.js";
import { toDecodeError } from "./codec/read.js";
export { encodeClient } from "./codec/client.js";
export { encodeHub, encodeSnapshotPart } from "./codec/hub.js";
export { LIMITS, TRUSTED } from "./codec/limits.js";
export { DecodeError } from "./codec/read.js";
/** Reads a hub's frame. */
export function decodeHub(bytes) {
    return attempt(() => readHub(bytes));
}
/** Reads a client's frame: what a store kept, or what a test's hub got. */
export function decodeClient(bytes, limits = LIMITS) {
    return attempt(() => readClient(bytes, limits));
}
function attempt(read) {
    try {
        return { type: "frame", frame: read() };
    }
    catch (error) {
        return { type: "error", error: toDecodeError(error) };
    }
}
