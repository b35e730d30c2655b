import type { HubFrame } from "../frame.js";
/** Reads a hub's frame; nothing but the frame's own size bounds it. Throws `DecodeError`. */
export declare function readHub(bytes: Uint8Array): HubFrame;
/** Writes a hub's frame; a client keeps records in one of them, and tests play hub. */
export declare function encodeHub(frame: HubFrame): Uint8Array<ArrayBuffer>;
