/** The limits of a hub. */
export interface HubLimits {
    /** Bytes of a frame. */
    readonly frameBytes: number;
    /** Bytes of a value. */
    readonly valueBytes: number;
    /** Bytes of a record's key. */
    readonly keyBytes: number;
    /** Fields of a put. */
    readonly fields: number;
    /** Deltas of a push. */
    readonly deltasPerPush: number;
    /** Bytes of a signal or a presence. */
    readonly signalBytes: number;
    /** How far ahead of the hub's clock a stamp may lie, in milliseconds. */
    readonly maxClockDriftMs: number;
    /** How often the hub lets itself be heard, in milliseconds. */
    readonly heartbeatMs: number;
    /** After how many milliseconds without a word the hub ends a session. */
    readonly idleTimeoutMs: number;
    /** For how many milliseconds a delete is remembered. */
    readonly tombstoneRetentionMs: number;
}
/** The protocol's defaults, in force until a welcome names others. */
export declare const HUB_LIMITS: HubLimits;
/**
 * Reads what a welcome names. What it does not name stays at the default, and what would make a
 * client spin or wait for ever is brought into a sane range.
 */
export declare function limitsFromWelcome(named: ReadonlyMap<string, number>): HubLimits;
