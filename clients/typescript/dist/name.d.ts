declare const brand: unique symbol;
/** A checked `T`: only the function that checks gives one out. */
export type Brand<T, B extends string> = T & {
    readonly [brand]: B;
};
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
export declare const SPACE_NAME_BYTES_MAX = 255;
/** Longest collection name in bytes. */
export declare const COLLECTION_NAME_BYTES_MAX = 64;
/** Longest record key in bytes. */
export declare const RECORD_KEY_BYTES_MAX = 1024;
/** Longest field name in bytes. */
export declare const FIELD_NAME_BYTES_MAX = 128;
/** Why a text is not a name; says what to do instead. */
export declare class NameError extends Error {
    readonly name = "NameError";
    /** Whether the text is merely too long. */
    readonly isTooLong: boolean;
    constructor(message: string, isTooLong?: boolean);
}
/** Checks a space name. Throws `NameError`. */
export declare function toSpaceName(text: string): SpaceName;
/** Checks a collection name. Throws `NameError`. */
export declare function toCollectionName(text: string): CollectionName;
/** Checks a record key. Throws `NameError`. */
export declare function toRecordKey(text: string): RecordKey;
/** Checks a field name. Throws `NameError`. */
export declare function toFieldName(text: string): FieldName;
/** Makes a space name of any texts, escaping what a segment may not hold. Throws `NameError`. */
export declare function spaceNameOf(...segments: readonly string[]): SpaceName;
/** Whether a collection is the hub's own: never sent, and a push to it is refused. */
export declare function isReserved(collection: string): boolean;
/** 64 bits as the 16 digits that name them. */
export declare function idOf(bits: bigint): string;
/** The replica id for these random bits; zero, which stands for nobody, is made one. */
export declare function replicaIdOf(bits: bigint): ReplicaId;
/** How many bytes a text has as UTF-8. */
export declare function utf8Length(text: string): number;
export {};
