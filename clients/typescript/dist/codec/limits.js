// What a decoder takes at most, and the numbers of the frames' kinds.
/** The protocol's own. */
export const LIMITS = {
    frameBytes: 2 ** 20,
    valueBytes: 2 ** 20,
    fields: 256,
    deltas: 10_000,
    guards: 256,
    outbox: 128,
};
/** For bytes whose sizes somebody has checked before. */
export const TRUSTED = {
    ...LIMITS,
    frameBytes: Number.POSITIVE_INFINITY,
    valueBytes: Number.POSITIVE_INFINITY,
    fields: Number.POSITIVE_INFINITY,
    deltas: Number.POSITIVE_INFINITY,
};
/** Attributes in a hello at most. */
export const ATTRIBUTES_MAX = 16;
/** Bytes of a device's name, of an attribute's name and of its value at most. */
export const LABEL_BYTES_MAX = 128;
/** Bytes of a token at most. */
export const TOKEN_BYTES_MAX = 512;
/** The first element of each frame of a client. */
export const CLIENT_KIND = {
    hello: 1,
    subscribe: 2,
    unsubscribe: 3,
    push: 4,
    seen: 5,
    verify: 6,
    signal: 7,
    presence: 8,
    ping: 9,
};
/** The first element of each frame of a hub. */
export const HUB_KIND = {
    welcome: 32,
    subscribed: 33,
    snapshot_begin: 34,
    snapshot_part: 35,
    snapshot_end: 36,
    changes: 37,
    withdraw: 38,
    view: 39,
    ack: 40,
    reject: 41,
    heartbeat: 42,
    digests: 43,
    signal: 44,
    presence: 45,
    pong: 46,
    goodbye: 47,
};
