// Checked names: whatever identifies a space, a collection, a record, a field, a replica or a
// device.
//
// A name is checked once, at birth; code that holds one never checks it again. Ids of 64 bits are
// 16 lower-case hexadecimal digits, which sort as the numbers do.

declare const brand: unique symbol;

/** A checked `T`: only the function that checks gives one out. */
export type Brand<T, B extends string> = T & { readonly [brand]: B };

/** The name of a space: segments of `[a-z0-9._-]` and `%XX` escapes, joined by `/`. */
export type SpaceName = Brand<string, "SpaceName">;
/** The name of a collection: `[A-Za-z0-9._-]`. One that begins with `.` is the hub's own. */
export type CollectionName = Brand<string, "CollectionName">;
/** The key of a record in its collection: any text without control characters. */
export type RecordKey = Brand<string, "RecordKey">;
/** The name of a field: any text without control characters. */
export type FieldName = Brand<string, "FieldName">;
/** Identifies whatever makes stamps: drawn anew each time a store is opened. Never zero. */
export type ReplicaId = Brand<string, "ReplicaId">;
/** Identifies a device to people for as long as its store lives. */
export type DeviceId = Brand<string, "DeviceId">;
/** Identifies one life of a space. */
export type SpaceId = Brand<string, "SpaceId">;

/** Longest space name in bytes. */
export const SPACE_NAME_BYTES_MAX = 255;
/** Longest collection name in bytes. */
export const COLLECTION_NAME_BYTES_MAX = 64;
/** Longest record key in bytes. */
export const RECORD_KEY_BYTES_MAX = 1024;
/** Longest field name in bytes. */
export const FIELD_NAME_BYTES_MAX = 128;

/** Why a text is not a name; says what to do instead. */
export class NameError extends Error {
  override readonly name = "NameError";
  /** Whether the text is merely too long. */
  readonly isTooLong: boolean;

  constructor(message: string, isTooLong = false) {
    super(message);
    this.isTooLong = isTooLong;
  }
}

/** Checks a space name. Throws `NameError`. */
export function toSpaceName(text: string): SpaceName {
  checkLength("space name", text, SPACE_NAME_BYTES_MAX);
  for (const segment of text.split("/")) {
    checkSegment(segment);
  }
  return text as SpaceName;
}

/** Checks a collection name. Throws `NameError`. */
export function toCollectionName(text: string): CollectionName {
  checkLength("collection name", text, COLLECTION_NAME_BYTES_MAX);
  if (!/^[A-Za-z0-9._-]+$/.test(text)) {
    throw new NameError("a collection name holds A-Z, a-z, 0-9, `.`, `_` and `-` only");
  }
  return text as CollectionName;
}

/** Checks a record key. Throws `NameError`. */
export function toRecordKey(text: string): RecordKey {
  checkLength("record key", text, RECORD_KEY_BYTES_MAX);
  checkPlain("record key", text);
  return text as RecordKey;
}

/** Checks a field name. Throws `NameError`. */
export function toFieldName(text: string): FieldName {
  checkLength("field name", text, FIELD_NAME_BYTES_MAX);
  checkPlain("field name", text);
  return text as FieldName;
}

/** Makes a space name of any texts, escaping what a segment may not hold. Throws `NameError`. */
export function spaceNameOf(...segments: readonly string[]): SpaceName {
  return toSpaceName(segments.map(escapeSegment).join("/"));
}

/** Whether a collection is the hub's own: never sent, and a push to it is refused. */
export function isReserved(collection: string): boolean {
  return collection.startsWith(".");
}

/** 64 bits as the 16 digits that name them. */
export function idOf(bits: bigint): string {
  return bits.toString(16).padStart(16, "0");
}

/** The replica id for these random bits; zero, which stands for nobody, is made one. */
export function replicaIdOf(bits: bigint): ReplicaId {
  return idOf(bits === 0n ? 1n : bits) as ReplicaId;
}

/** How many bytes a text has as UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) {
      // Each half of a surrogate pair counts two of the pair's four bytes.
      bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
    }
  }
  return bytes;
}

function checkLength(what: string, text: string, bytesMax: number): void {
  if (text.length === 0) {
    throw new NameError(`a ${what} must not be empty`);
  }
  if (text.length > bytesMax || utf8Length(text) > bytesMax) {
    throw new NameError(`a ${what} has at most ${bytesMax} bytes`, true);
  }
}

function checkPlain(what: string, text: string): void {
  if (/\p{Cc}/u.test(text)) {
    throw new NameError(`a ${what} holds no control characters`);
  }
  if (!text.isWellFormed()) {
    throw new NameError(`a ${what} holds no half of a character (a lone surrogate)`);
  }
}

const PLAIN = /^[a-z0-9._-]$/;

function checkSegment(segment: string): void {
  if (segment === "") {
    throw new NameError("a space name has no empty segment between its slashes");
  }
  if (segment === "." || segment === "..") {
    throw new NameError("a space name has no segment `.` or `..`");
  }
  if (!/^(?:[a-z0-9._-]|%[0-9A-F]{2})+$/.test(segment)) {
    const text = "holds a-z, 0-9, `.`, `_`, `-` and %XX escapes between its slashes";
    throw new NameError(`a space name ${text}`);
  }
  for (const [digits] of segment.matchAll(/%../g)) {
    const character = String.fromCharCode(Number.parseInt(digits.slice(1), 16));
    if (character === "*") {
      throw new NameError("a space name never holds `*`, which patterns use");
    }
    if (PLAIN.test(character)) {
      throw new NameError("a space name escapes only what needs it");
    }
  }
}

function escapeSegment(text: string): string {
  let escaped = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    const digits = byte.toString(16).toUpperCase().padStart(2, "0");
    escaped += PLAIN.test(character) ? character : `%${digits}`;
  }
  return escaped === "." || escaped === ".." ? escaped.replaceAll(".", "%2E") : escaped;
}
