// Writes MessagePack items one by one, each in its shortest form.

import type { PushId } from "../delta.js";
import type { Value } from "../value.js";

const ENCODER = /* @__PURE__ */ new TextEncoder();
const FIRST_BYTES = 128;

/** Bytes in the making. */
export class Writer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** A frame of this kind with `items` items after the kind. */
  static frame(kind: number, items: number): Writer {
    return new Writer().array(items + 1).uint(kind);
  }

  /** What was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  array(length: number): this {
    return length < 16 ? this.#byte(0x90 | length) : this.#sized(length, [0, 0xdc, 0xdd]);
  }

  map(length: number): this {
    return length < 16 ? this.#byte(0x80 | length) : this.#sized(length, [0, 0xde, 0xdf]);
  }

  text(text: string): this {
    const bytes = ENCODER.encode(text);
    const { length } = bytes;
    if (length < 32) {
      this.#byte(0xa0 | length);
    } else {
      this.#sized(length, [0xd9, 0xda, 0xdb]);
    }
    return this.raw(bytes);
  }

  bin(bytes: Uint8Array): this {
    return this.#sized(bytes.length, [0xc4, 0xc5, 0xc6]).raw(bytes);
  }

  /** Hexadecimal digits as binary data. */
  hex(digits: string): this {
    return this.bin(hexToBytes(digits));
  }

  uint(number: number | bigint): this {
    if (number < 0x80) {
      return this.#byte(Number(number));
    }
    if (number <= 0xffff_ffff) {
      return this.#sized(Number(number), [0xcc, 0xcd, 0xce]);
    }
    const at = this.#byte(0xcf).#grow(8);
    this.#view.setBigUint64(at, BigInt(number));
    return this;
  }

  /** An integer, negative ones too. */
  int(number: number | bigint): this {
    if (number >= 0) {
      return this.uint(number);
    }
    if (number >= -32) {
      return this.#byte(Number(number) & 0xff);
    }
    const small = Number(number);
    if (number >= -0x80) {
      this.#byte(0xd0).#view.setInt8(this.#grow(1), small);
    } else if (number >= -0x8000) {
      this.#byte(0xd1).#write(2, (at) => this.#view.setInt16(at, small));
    } else if (number >= -0x8000_0000) {
      this.#byte(0xd2).#write(4, (at) => this.#view.setInt32(at, small));
    } else {
      this.#byte(0xd3).#write(8, (at) => this.#view.setBigInt64(at, BigInt(number)));
    }
    return this;
  }

  float(number: number): this {
    this.#byte(0xcb).#write(8, (at) => this.#view.setFloat64(at, number));
    return this;
  }

  /** An extension of a type from -128 to 127. */
  ext(type: number, data: Uint8Array): this {
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0) {
      this.#byte(0xd4 + fixed);
    } else {
      this.#sized(data.length, [0xc7, 0xc8, 0xc9]);
    }
    return this.#byte(type & 0xff).raw(data);
  }

  bool(truth: boolean): this {
    return this.#byte(truth ? 0xc3 : 0xc2);
  }

  nil(): this {
    return this.#byte(0xc0);
  }

  option<T>(value: T | undefined, write: (value: T) => void): this {
    if (value === undefined) {
      return this.nil();
    }
    write(value);
    return this;
  }

  value(value: Value): this {
    return this.raw(value);
  }

  pushId(id: PushId): this {
    return this.array(2).hex(id.replica).uint(id.counter);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  #byte(byte: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = byte;
    return this;
  }

  /** A marker by the width of the number after it: of 8, 16 or 32 bits; 0 where there is none. */
  #sized(number: number, [byte, short, long]: readonly [number, number, number]): this {
    if (number <= 0xff && byte !== 0) {
      return this.#byte(byte).#byte(number);
    }
    if (number <= 0xffff) {
      this.#byte(short).#write(2, (at) => this.#view.setUint16(at, number));
    } else {
      this.#byte(long).#write(4, (at) => this.#view.setUint32(at, number));
    }
    return this;
  }

  #write(bytes: number, write: (at: number) => void): void {
    write(this.#grow(bytes));
  }

  /** Makes room; gives where it begins. */
  #grow(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = needed;
    return at;
  }
}

/** Hexadecimal digits as bytes. */
export function hexToBytes(digits: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16);
  }
  return bytes;
}
