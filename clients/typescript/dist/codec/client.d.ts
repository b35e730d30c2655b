import type { ClientFrame } from "../frame.js";
import { type Limits } from "./limits.js";
/** Writes a client's frame. */
export declare function encodeClient(frame: ClientFrame): Uint8Array<ArrayBuffer>;
/** Reads a client's frame. Throws `DecodeError`. */
export declare function readClient(bytes: Uint8Array, limits: Limits): ClientFrame;
