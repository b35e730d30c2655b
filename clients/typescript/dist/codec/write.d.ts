import type { PushId } from "../delta.js";
import type { Value } from "../value.js";
/** Bytes in the making. */
export declare class Writer {
    #private;
    /** A frame of this kind with `items` items after the kind. */
    static frame(kind: number, items: number): Writer;
    /** What was written. */
    finish(): Uint8Array<ArrayBuffer>;
    array(length: number): this;
    map(length: number): this;
    text(text: string): this;
    bin(bytes: Uint8Array): this;
    /** Hexadecimal digits as binary data. */
    hex(digits: string): this;
    uint(number: number | bigint): this;
    /** An integer, negative ones too. */
    int(number: number | bigint): this;
    float(number: number): this;
    /** An extension of a type from -128 to 127. */
    ext(type: number, data: Uint8Array): this;
    bool(truth: boolean): this;
    nil(): this;
    option<T>(value: T | undefined, write: (value: T) => void): this;
    value(value: Value): this;
    pushId(id: PushId): this;
    /** Bytes as they are. */
    raw(bytes: Uint8Array): this;
}
/** Hexadecimal digits as bytes. */
export declare function hexToBytes(digits: string): Uint8Array<ArrayBuffer>;
