// What the hub takes and how it keeps time, by the names that its welcome uses.
/** The protocol's defaults, in force until a welcome names others. */
export const HUB_LIMITS = {
    frameBytes: 2 ** 20,
    valueBytes: 2 ** 20,
    keyBytes: 1024,
    fields: 256,
    deltasPerPush: 10_000,
    signalBytes: 2 ** 14,
    maxClockDriftMs: 60_000,
    heartbeatMs: 15_000,
    idleTimeoutMs: 60_000,
    tombstoneRetentionMs: 90 * 24 * 3_600_000,
};
/**
 * Reads what a welcome names. What it does not name stays at the default, and what would make a
 * client spin or wait for ever is brought into a sane range.
 */
export function limitsFromWelcome(named) {
    const or = (name, fallback) => named.get(name) ?? fallback;
    const within = (number, least, most) => Math.min(Math.max(number, least), most);
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
