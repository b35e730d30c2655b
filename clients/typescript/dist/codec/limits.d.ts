/** What a decoder takes at most. */
export interface Limits {
    /** Bytes of a frame. */
    readonly frameBytes: number;
    /** Bytes of a value. */
    readonly valueBytes: number;
    /** Fields of a put, dropped ones counted. */
    readonly fields: number;
    /** Deltas of a push. */
    readonly deltas: number;
    /** Guards of a push. */
    readonly guards: number;
    /** Push ids in a hello, one for each replica. */
    readonly outbox: number;
}
/** The protocol's own. */
export declare const LIMITS: Limits;
/** For bytes whose sizes somebody has checked before. */
export declare const TRUSTED: Limits;
/** Attributes in a hello at most. */
export declare const ATTRIBUTES_MAX = 16;
/** Bytes of a device's name, of an attribute's name and of its value at most. */
export declare const LABEL_BYTES_MAX = 128;
/** Bytes of a token at most. */
export declare const TOKEN_BYTES_MAX = 512;
/** The first element of each frame of a client. */
export declare const CLIENT_KIND: {
    readonly hello: 1;
    readonly subscribe: 2;
    readonly unsubscribe: 3;
    readonly push: 4;
    readonly seen: 5;
    readonly verify: 6;
    readonly signal: 7;
    readonly presence: 8;
    readonly ping: 9;
};
/** The first element of each frame of a hub. */
export declare const HUB_KIND: {
    readonly welcome: 32;
    readonly subscribed: 33;
    readonly snapshot_begin: 34;
    readonly snapshot_part: 35;
    readonly snapshot_end: 36;
    readonly changes: 37;
    readonly withdraw: 38;
    readonly view: 39;
    readonly ack: 40;
    readonly reject: 41;
    readonly heartbeat: 42;
    readonly digests: 43;
    readonly signal: 44;
    readonly presence: 45;
    readonly pong: 46;
    readonly goodbye: 47;
};
