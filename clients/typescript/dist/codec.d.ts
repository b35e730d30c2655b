import { type Limits } from "./codec/limits.js";
import { type DecodeError } from "./codec/read.js";
import type { ClientFrame, HubFrame } from "./frame.js";
export { encodeClient } from "./codec/client.js";
export { encodeHub, encodeSnapshotPart } from "./codec/hub.js";
export { LIMITS, type Limits, TRUSTED } from "./codec/limits.js";
export { DecodeError, type Fault } from "./codec/read.js";
/** What came of reading a frame. */
export type Decoded<T> = {
    readonly type: "frame";
    readonly frame: T;
} | {
    readonly type: "error";
    readonly error: DecodeError;
};
/** Reads a hub's frame. */
export declare function decodeHub(bytes: Uint8Array): Decoded<HubFrame>;
/** Reads a client's frame: what a store kept, or what a test's hub got. */
export declare function decodeClient(bytes: Uint8Array, limits?: Limits): Decoded<ClientFrame>;
