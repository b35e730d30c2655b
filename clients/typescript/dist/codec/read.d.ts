import type { PushId } from "../delta.js";
import { type DeviceId, type ReplicaId } from "../name.js";
import { type Stamp } from "../stamp.js";
import { type Value } from "../value.js";
/** What kind of fault bytes have: not as the protocol describes, no UTF-8, or over a limit. */
export type Fault = "malformed" | "not_utf8" | "too_large";
/** Why a frame could not be read. */
export declare class DecodeError extends Error {
    readonly name = "DecodeError";
    readonly fault: Fault;
    /** Whether the fault lies in a name or a size, so that the item itself has the right form. */
    readonly isRefusable: boolean;
    /** The push at fault, when it can be refused by its id and the session lives on. */
    push: PushId | undefined;
    /** The delta at fault, counted from 0. */
    index: number | undefined;
    constructor(fault: Fault, text: string, isRefusable?: boolean);
}
/** Any error that reading may throw as one of the codec's; others fly on. */
export declare function toDecodeError(error: unknown): DecodeError;
/** A place in a frame's bytes. */
export declare class Reader {
    #private;
    constructor(bytes: Uint8Array);
    /** Refuses bytes that follow the frame. */
    finish(): void;
    /** What is left to read. */
    rest(): Uint8Array;
    /** The next byte, left where it is. */
    peek(): number | undefined;
    /** An array of exactly `length` items. */
    arrayOf(length: number, what: string): void;
    /** An array's length, at most as many as bytes are left. */
    array(what: string): number;
    /** A map's length, at most as many as bytes are left. */
    map(what: string): number;
    text(what: string): string;
    /** A text of at most `bytesMax` bytes. */
    label(bytesMax: number, what: string): string;
    /** Binary data of exactly `length` bytes, as hexadecimal digits. */
    bin(length: number, what: string): string;
    /** A number that counts; what lies beyond 2^53 - 1 no hub counts to. */
    uint(what: string): number;
    /** A number that bounds: beyond 2^53 - 1 it is that. */
    bound(what: string): number;
    /** Any number of 64 bits that is not negative; a bigint where a number would not hold it. */
    uint64(what: string): number | bigint;
    bool(what: string): boolean;
    /** Takes a nil if one stands here. */
    nil(): boolean;
    /** Nil, or what `read` reads. */
    option<T>(read: () => T): T | undefined;
    /** As many as announced of what `read` reads; grown as they are read. */
    repeat<T>(count: number, read: (index: number) => T): T[];
    value(bytesMax: number): Value;
    stamp(): Stamp;
    replica(): ReplicaId;
    device(): DeviceId;
    /** 64 bits as 16 digits. */
    id(what: string): string;
    pushId(): PushId;
}
/** Bytes as lower-case hexadecimal digits. */
export declare function bytesToHex(bytes: Uint8Array): string;
