import { type Applied, type Delta } from "../delta.js";
import { type Limits } from "./limits.js";
import { type Reader } from "./read.js";
import type { Writer } from "./write.js";
export declare function writeDelta(writer: Writer, delta: Delta): void;
/** Writes an applied delta: the form that frames of the hub carry. */
export declare function writeApplied(writer: Writer, applied: Applied): void;
export declare function readDelta(reader: Reader, limits: Limits): Delta;
/** Reads an applied delta; the hub that wrote it has checked its sizes. */
export declare function readApplied(reader: Reader): Applied;
