import type { Applied } from "../delta.js";
import type { HubFrame } from "../frame.js";
import { type SpaceName } from "../name.js";
/** Reads a hub's frame; nothing but the frame's own size bounds it. Throws `DecodeError`. */
export declare function readHub(bytes: Uint8Array): HubFrame;
/** The frame `snapshot part` with a record's deltas: what a store keeps of it. */
export declare function encodeSnapshotPart(space: SpaceName, deltas: readonly Applied[]): Uint8Array<ArrayBuffer>;
/** Writes a hub's frame, for who plays hub. */
export declare function encodeHub(frame: HubFrame): Uint8Array<ArrayBuffer>;
