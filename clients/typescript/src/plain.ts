// Plain JavaScript values to MessagePack and back: what an app sees of a field.
//
//   JavaScript                      MessagePack
//   null, boolean, string           nil, bool, str
//   number, safe integer            the shortest integer
//   number, any other               float of 64 bits
//   bigint of 64 bits               the shortest integer; comes back as bigint only beyond 2^53 - 1
//   Uint8Array                      bin
//   Date                            the timestamp extension (-1)
//   array, plain object, Map        array, map; a map with other keys than texts comes back as Map
//   Extension                       ext of its type
//
// An own encoder: a package would either lose integers beyond 2^53 or give every integer of 64 bits
// as bigint. What cannot be told exactly is refused, with the path to it.

import { Reader } from "./codec/read.js";
import { Writer } from "./codec/write.js";
import { measure, NESTING_MAX, type Value, ValueError } from "./value.js";

/** An application's own type, or one that this library does not know. */
export class Extension {
  /** From -128 to 127; what is negative belongs to MessagePack. */
  readonly type: number;
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** What a field can hold. */
export type Plain =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | Extension
  | readonly Plain[]
  | ReadonlyMap<Plain, Plain>
  | { readonly [name: string]: Plain | undefined };

/** A value that no field can hold; says where in it, and what to do. */
export class PlainError extends Error {
  override readonly name = "PlainError";
  /** The way to what is wrong: names of members, places in arrays. */
  readonly path: readonly (string | number)[];

  constructor(text: string, path: readonly (string | number)[]) {
    super(path.length === 0 ? text : `${path.join(".")}: ${text}`);
    this.path = path;
  }
}

type Path = readonly (string | number)[];

const TIMESTAMP = -1;
const NANOS_PER_MS = 1_000_000;

/** A plain value in its bytes. Throws `PlainError`. */
export function fromPlain(plain: unknown, path: Path = []): Value {
  const writer = new Writer();
  write(writer, plain, path, NESTING_MAX);
  return writer.finish() as Uint8Array as Value;
}

/** What a value's bytes mean. A value was checked at its birth, so that this cannot fail. */
export function toPlain(value: Value): Plain {
  return read(new Cursor(value));
}

function write(writer: Writer, plain: unknown, path: Path, nesting: number): void {
  switch (typeof plain) {
    case "boolean":
      writer.bool(plain);
      return;
    case "number":
      writeNumber(writer, plain);
      return;
    case "bigint":
      if (BigInt.asUintN(64, plain) !== plain && BigInt.asIntN(64, plain) !== plain) {
        throw new PlainError("an integer has at most 64 bits; send it as a text", path);
      }
      writer.int(plain);
      return;
    case "string":
      if (!plain.isWellFormed()) {
        throw new PlainError("a text holds half of a character (a lone surrogate)", path);
      }
      writer.text(plain);
      return;
    case "object":
      writeObject(writer, plain, path, nesting);
      return;
    default:
      throw new PlainError(`a field cannot hold ${typeof plain}`, path);
  }
}

function writeNumber(writer: Writer, number: number): void {
  // Minus zero is a float, or it would come back as plus zero.
  if (Number.isSafeInteger(number) && !Object.is(number, -0)) {
    writer.int(number);
  } else {
    writer.float(number);
  }
}

function writeObject(writer: Writer, plain: object | null, path: Path, nesting: number): void {
  if (plain === null) {
    writer.nil();
  } else if (isBytes(plain)) {
    writer.bin(plain);
  } else if (plain instanceof Extension) {
    writer.ext(plain.type, plain.data);
  } else if (plain instanceof Date) {
    writer.ext(TIMESTAMP, timestampOf(plain, path));
  } else {
    writeNested(writer, plain, path, nesting);
  }
}

/** Whether it is a Uint8Array, of another window or worker, too. */
function isBytes(plain: object): plain is Uint8Array {
  return Object.prototype.toString.call(plain) === "[object Uint8Array]";
}

function writeNested(writer: Writer, plain: object, path: Path, nesting: number): void {
  const isEmpty = (size: number): boolean => size === 0;
  const enter = (size: number): number => {
    if (nesting === 0 && !isEmpty(size)) {
      throw new PlainError(`a value nests at most ${NESTING_MAX} levels`, path);
    }
    return nesting - 1;
  };
  if (Array.isArray(plain)) {
    const inner = enter(plain.length);
    writer.array(plain.length);
    for (const [at, item] of plain.entries()) {
      write(writer, item, [...path, at], inner);
    }
    return;
  }
  const pairs = pairsOf(plain, path);
  const inner = enter(pairs.length);
  writer.map(pairs.length);
  for (const [name, item] of pairs) {
    write(writer, name, path, inner);
    write(writer, item, [...path, String(name)], inner);
  }
}

function pairsOf(plain: object, path: Path): [unknown, unknown][] {
  if (plain instanceof Map) {
    return [...plain];
  }
  const prototype: unknown = Object.getPrototypeOf(plain);
  if (prototype !== null && prototype !== Object.prototype && !isForeignPlain(prototype)) {
    const text = "a field holds plain objects; turn this one into one first";
    throw new PlainError(text, path);
  }
  return Object.entries(plain).filter(([, item]) => item !== undefined);
}

/** Whether a prototype is another realm's `Object.prototype`. */
function isForeignPlain(prototype: unknown): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "valueOf");
}

/** Seconds and nanoseconds, in the shortest of the three forms of MessagePack. */
function timestampOf(date: Date, path: Path): Uint8Array {
  const ms = date.getTime();
  if (Number.isNaN(ms)) {
    throw new PlainError("the date is invalid", path);
  }
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * NANOS_PER_MS;
  const isShort = nanos === 0 && seconds >= 0 && seconds <= 0xffff_ffff;
  const isMiddle = seconds >= 0 && seconds < 2 ** 34;
  const view = new DataView(new ArrayBuffer(isShort ? 4 : isMiddle ? 8 : 12));
  if (isShort) {
    view.setUint32(0, seconds);
  } else if (isMiddle) {
    view.setBigUint64(0, (BigInt(nanos) << 34n) | BigInt(seconds));
  } else {
    view.setUint32(0, nanos);
    view.setBigInt64(4, BigInt(seconds));
  }
  return new Uint8Array(view.buffer);
}

function dateOf(data: Uint8Array): Date | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (data.length) {
    case 4:
      return new Date(view.getUint32(0) * 1000);
    case 8: {
      const bits = view.getBigUint64(0);
      const seconds = Number(bits & 0x3_ffff_ffffn);
      return new Date(seconds * 1000 + Math.floor(Number(bits >> 34n) / NANOS_PER_MS));
    }
    case 12: {
      const seconds = Number(view.getBigInt64(4));
      return new Date(seconds * 1000 + Math.floor(view.getUint32(0) / NANOS_PER_MS));
    }
    default:
      return undefined;
  }
}

/** A place in a value's bytes. */
class Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** What the frames' reader reads here, moved past. */
  take<T>(read: (reader: Reader) => T): T {
    const rest = this.bytes.subarray(this.at);
    const reader = new Reader(rest);
    const taken = read(reader);
    this.at += rest.length - reader.rest().length;
    return taken;
  }

  /** The bytes of the item here, moved past. */
  skip(): Uint8Array {
    const length = measure(this.bytes, this.at);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

function read(cursor: Cursor): Plain {
  const marker = cursor.bytes[cursor.at];
  if (marker === undefined) {
    throw new ValueError("cut");
  }
  if (marker >= 0xe0) {
    cursor.at += 1;
    return marker - 0x100;
  }
  if (marker < 0x80 || (marker >= 0xcc && marker <= 0xcf)) {
    return cursor.take((reader) => reader.uint64("integer"));
  }
  if (marker < 0x90 || marker === 0xde || marker === 0xdf) {
    return readMap(cursor);
  }
  if (marker < 0xa0 || marker === 0xdc || marker === 0xdd) {
    const length = cursor.take((reader) => reader.array("array"));
    return Array.from({ length }, () => read(cursor));
  }
  if (marker < 0xc0 || (marker >= 0xd9 && marker <= 0xdb)) {
    return cursor.take((reader) => reader.text("text"));
  }
  return readScalar(marker, cursor.skip());
}

/** An item without children, whole: its marker is the first of its bytes. */
function readScalar(marker: number, item: Uint8Array): Plain {
  const view = new DataView(item.buffer, item.byteOffset, item.byteLength);
  switch (marker) {
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return item.slice(1 + (1 << (marker - 0xc4)));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return extensionOf(item.subarray(1 + (1 << (marker - 0xc7))));
    case 0xca:
      return view.getFloat32(1);
    case 0xcb:
      return view.getFloat64(1);
    case 0xd0:
      return view.getInt8(1);
    case 0xd1:
      return view.getInt16(1);
    case 0xd2:
      return view.getInt32(1);
    case 0xd3: {
      const wide = view.getBigInt64(1);
      return BigInt(Number(wide)) === wide && Number.isSafeInteger(Number(wide))
        ? Number(wide)
        : wide;
    }
    case 0xc0:
      return null;
    default:
      return extensionOf(item.subarray(1));
  }
}

/** A type and its data. */
function extensionOf(bytes: Uint8Array): Plain {
  const type = ((bytes[0] ?? 0) << 24) >> 24;
  const data = bytes.slice(1);
  return (type === TIMESTAMP ? dateOf(data) : undefined) ?? new Extension(type, data);
}

function readMap(cursor: Cursor): Plain {
  const length = cursor.take((reader) => reader.map("map"));
  const pairs = Array.from({ length }, () => [read(cursor), read(cursor)] as const);
  const isPlain = pairs.every(([name]) => typeof name === "string");
  return isPlain ? Object.fromEntries(pairs) : new Map(pairs);
}
