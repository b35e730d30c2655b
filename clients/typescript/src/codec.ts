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
import { LIMITS, type Limits } from "./codec/limits.js";
import { type DecodeError, toDecodeError } from "./codec/read.js";
import type { ClientFrame, HubFrame } from "./frame.js";

export { encodeClient } from "./codec/client.js";
export { encodeHub, encodeSnapshotPart } from "./codec/hub.js";
export { LIMITS, type Limits, TRUSTED } from "./codec/limits.js";
export { DecodeError, type Fault } from "./codec/read.js";

/** What came of reading a frame. */
export type Decoded<T> =
  | { readonly type: "frame"; readonly frame: T }
  | { readonly type: "error"; readonly error: DecodeError };

/** Reads a hub's frame. */
export function decodeHub(bytes: Uint8Array): Decoded<HubFrame> {
  return attempt(() => readHub(bytes));
}

/** Reads a client's frame: what a store kept, or what a test's hub got. */
export function decodeClient(bytes: Uint8Array, limits: Limits = LIMITS): Decoded<ClientFrame> {
  return attempt(() => readClient(bytes, limits));
}

function attempt<T>(read: () => T): Decoded<T> {
  try {
    return { type: "frame", frame: read() };
  } catch (error) {
    return { type: "error", error: toDecodeError(error) };
  }
}
