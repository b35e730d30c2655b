// Reads MessagePack items one by one from a frame's bytes, and says where it stopped.
//
// A length that the bytes left cannot hold is refused before anything is made for it. Errors are
// thrown inside the codec and caught at its door, so that nothing else ever sees one fly.

import type { PushId } from "../delta.js";
import { type DeviceId, NameError, type ReplicaId } from "../name.js";
import { type Stamp, stampFromHex } from "../stamp.js";
import { decodeUtf8, measure, type Value, ValueError } from "../value.js";

/** What kind of fault bytes have: not as the protocol describes, no UTF-8, or over a limit. */
export type Fault = "malformed" | "not_utf8" | "too_large";

/** Why a frame could not be read. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly fault: Fault;
  /** Whether the fault lies in a name or a size, so that the item itself has the right form. */
  readonly isRefusable: boolean;
  /** The push at fault, when it can be refused by its id and the session lives on. */
  push: PushId | undefined;
  /** The delta at fault, counted from 0. */
  index: number | undefined;

  constructor(fault: Fault, text: string, isRefusable = fault === "too_large") {
    super(text);
    this.fault = fault;
    this.isRefusable = isRefusable;
  }
}

/** Any error that reading may throw as one of the codec's; others fly on. */
export function toDecodeError(error: unknown): DecodeError {
  if (error instanceof DecodeError) {
    return error;
  }
  if (error instanceof NameError) {
    return new DecodeError(error.isTooLong ? "too_large" : "malformed", error.message, true);
  }
  if (error instanceof ValueError) {
    const faults = { utf8: "not_utf8", nesting: "too_large" } as const;
    const { fault } = error;
    const kind = fault === "utf8" || fault === "nesting" ? faults[fault] : "malformed";
    return new DecodeError(kind, error.message);
  }
  throw error;
}

/** A place in a frame's bytes. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Refuses bytes that follow the frame. */
  finish(): void {
    if (this.#at !== this.#bytes.length) {
      throw new DecodeError("malformed", "bytes follow the frame");
    }
  }

  /** What is left to read. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  /** The next byte, left where it is. */
  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** An array of exactly `length` items. */
  arrayOf(length: number, what: string): void {
    const found = this.array(what);
    if (found !== length) {
      throw new DecodeError("malformed", `${what} has ${found} items, expected ${length}`);
    }
  }

  /** An array's length, at most as many as bytes are left. */
  array(what: string): number {
    const marker = this.#marker(what);
    if ((marker & 0xf0) === 0x90) {
      return this.#fits(marker & 0x0f, what);
    }
    if (marker === 0xdc || marker === 0xdd) {
      return this.#fits(this.#number(marker === 0xdc ? 2 : 4, what), what);
    }
    throw expected(what, "an array");
  }

  /** A map's length, at most as many as bytes are left. */
  map(what: string): number {
    const marker = this.#marker(what);
    if ((marker & 0xf0) === 0x80) {
      return this.#fits(marker & 0x0f, what);
    }
    if (marker === 0xde || marker === 0xdf) {
      return this.#fits(this.#number(marker === 0xde ? 2 : 4, what), what);
    }
    throw expected(what, "a map");
  }

  text(what: string): string {
    const marker = this.#marker(what);
    let length: number;
    if ((marker & 0xe0) === 0xa0) {
      length = marker & 0x1f;
    } else if (marker >= 0xd9 && marker <= 0xdb) {
      length = this.#number(1 << (marker - 0xd9), what);
    } else {
      throw expected(what, "a text");
    }
    const text = decodeUtf8(this.#take(length, what));
    if (text === undefined) {
      throw new DecodeError("not_utf8", `${what} is not UTF-8`);
    }
    return text;
  }

  /** A text of at most `bytesMax` bytes. */
  label(bytesMax: number, what: string): string {
    const before = this.#at;
    const text = this.text(what);
    // The marker and its length are at most five bytes.
    if (this.#at - before > bytesMax && new TextEncoder().encode(text).length > bytesMax) {
      throw new DecodeError("too_large", `${what} is longer than ${bytesMax} bytes`);
    }
    return text;
  }

  /** Binary data of exactly `length` bytes, as hexadecimal digits. */
  bin(length: number, what: string): string {
    const marker = this.#marker(what);
    if (marker < 0xc4 || marker > 0xc6) {
      throw expected(what, "binary data");
    }
    const found = this.#number(1 << (marker - 0xc4), what);
    const bytes = this.#take(found, what);
    if (found !== length) {
      throw new DecodeError("malformed", `${what} has ${found} bytes, expected ${length}`);
    }
    return bytesToHex(bytes);
  }

  /** A number that counts; what lies beyond 2^53 - 1 no hub counts to. */
  uint(what: string): number {
    const number = this.uint64(what);
    if (typeof number === "bigint") {
      throw new DecodeError("malformed", `${what} is beyond 2^53 - 1`);
    }
    return number;
  }

  /** A number that bounds: beyond 2^53 - 1 it is that. */
  bound(what: string): number {
    const number = this.uint64(what);
    return typeof number === "bigint" ? Number.MAX_SAFE_INTEGER : number;
  }

  /** Any number of 64 bits that is not negative; a bigint where a number would not hold it. */
  uint64(what: string): number | bigint {
    const marker = this.#marker(what);
    if (marker < 0x80) {
      return marker;
    }
    if (marker < 0xcc || marker > 0xd3) {
      throw expected(what, "a number that is not negative");
    }
    const width = 1 << (marker % 4);
    const at = this.#skip(width, what);
    const isSigned = marker >= 0xd0;
    if (isSigned && (this.#bytes[at] ?? 0) >= 0x80) {
      throw expected(what, "a number that is not negative");
    }
    if (width === 8) {
      const wide = this.#view.getBigUint64(at);
      return wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : wide;
    }
    return this.#unsigned(at, width);
  }

  bool(what: string): boolean {
    const marker = this.#marker(what);
    if (marker !== 0xc2 && marker !== 0xc3) {
      throw expected(what, "true or false");
    }
    return marker === 0xc3;
  }

  /** Takes a nil if one stands here. */
  nil(): boolean {
    const isNil = this.peek() === 0xc0;
    this.#at += isNil ? 1 : 0;
    return isNil;
  }

  /** Nil, or what `read` reads. */
  option<T>(read: () => T): T | undefined {
    return this.nil() ? undefined : read();
  }

  /** As many as announced of what `read` reads; grown as they are read. */
  repeat<T>(count: number, read: (index: number) => T): T[] {
    const items: T[] = [];
    for (let index = 0; index < count; index += 1) {
      items.push(read(index));
    }
    return items;
  }

  value(bytesMax: number): Value {
    const length = measure(this.#bytes, this.#at);
    if (length > bytesMax) {
      const text = `a value of ${length} bytes is larger than ${bytesMax}`;
      throw new DecodeError("too_large", text);
    }
    // A copy: what is kept of a frame should not keep the frame.
    return this.#take(length, "value").slice() as Value;
  }

  stamp(): Stamp {
    const stamp = stampFromHex(this.bin(16, "stamp"));
    if (stamp === undefined) {
      throw new DecodeError("malformed", "a stamp needs a replica id other than zero");
    }
    return stamp;
  }

  replica(): ReplicaId {
    const id = this.id("replica id");
    if (/^0+$/.test(id)) {
      throw new DecodeError("malformed", "a replica id is not zero");
    }
    return id as ReplicaId;
  }

  device(): DeviceId {
    return this.id("device id") as DeviceId;
  }

  /** 64 bits as 16 digits. */
  id(what: string): string {
    return this.bin(8, what);
  }

  pushId(): PushId {
    this.arrayOf(2, "push id");
    return { replica: this.replica(), counter: this.uint("push counter") };
  }

  /** Nothing can hold more items than it has bytes. */
  #fits(length: number, what: string): number {
    if (length > this.#bytes.length - this.#at) {
      throw cut(what);
    }
    return length;
  }

  #marker(what: string): number {
    return this.#bytes[this.#skip(1, what)] ?? 0;
  }

  #number(width: number, what: string): number {
    return this.#unsigned(this.#skip(width, what), width);
  }

  #unsigned(at: number, width: number): number {
    switch (width) {
      case 1:
        return this.#view.getUint8(at);
      case 2:
        return this.#view.getUint16(at);
      default:
        return this.#view.getUint32(at);
    }
  }

  #take(length: number, what: string): Uint8Array {
    const at = this.#skip(length, what);
    return this.#bytes.subarray(at, at + length);
  }

  /** Moves past so many bytes; gives where they begin. */
  #skip(length: number, what: string): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) {
      throw cut(what);
    }
    this.#at = at + length;
    return at;
  }
}

/** Bytes as lower-case hexadecimal digits. */
export function bytesToHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) {
    hex += HEX[byte];
  }
  return hex;
}

const HEX = /* @__PURE__ */ Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

function cut(what: string): DecodeError {
  return new DecodeError("malformed", `${what} is cut short`);
}

function expected(what: string, kind: string): DecodeError {
  return new DecodeError("malformed", `${what} must be ${kind}`);
}
