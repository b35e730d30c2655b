// What the hub takes and how it keeps time, by the names that its welcome uses.

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
export const HUB_LIMITS: HubLimits = {
  frameBytes: 2 ** 20,
  valueBytes: 2 ** 20,
  keyBytes: 1024,
  fields: 256,
  deltasPerPush: 10_000,
  signalBytes: 2 ** 14,
  maxClockDriftMs: 60_000,
  heartbeatMs: 25_000,
  idleTimeoutMs: 60_000,
  tombstoneRetentionMs: 90 * 24 * 3_600_000,
};

/**
 * Reads what a welcome names. What it does not name stays at the default, and what would make a
 * client spin or wait for ever is brought into a sane range.
 */
export function limitsFromWelcome(named: ReadonlyMap<string, number>): HubLimits {
  const or = (name: string, fallback: number): number => named.get(name) ?? fallback;
  const within = (number: number, least: number, most: number): number =>
    Math.min(Math.max(number, least), most);
  return {
    frameBytes: or("frame_bytes", HUB_LIMITS.frameBytes),
    valueBytes: or("value_bytes", HUB_LIMITS.valueBytes),
    keyBytes: or("key_bytes", HUB_LIMITS.keyBytes),
    fields: or("fields", HUB_LIMITS.fields),
    deltasPerPush: Math.max(or("deltas_per_push", HUB_LIMITS.deltasPerPush), 1),
    signalBytes: or("signal_bytes", HUB_LIMITS.signalBytes),
    maxClockDriftMs: or("max_clock_drift_ms", HUB_LIMITS.maxClockDriftMs),
    heartbeatMs: within(or("heartbeat_ms", HUB_LIMITS.heartbeatMs), 100, 600_000),
    idleTimeoutMs: within(or("idle_timeout_ms", HUB_LIMITS.idleTimeoutMs), 300, 3_600_000),
    tombstoneRetentionMs: or("tombstone_retention_ms", HUB_LIMITS.tombstoneRetentionMs),
  };
}
