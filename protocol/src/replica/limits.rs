//! What the hub takes and how it keeps time, by the names that its welcome uses.

use std::collections::BTreeMap;

/// The limits of a hub; the defaults are the protocol's, in force until a welcome names others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubLimits {
    /// Bytes of a frame.
    pub frame_bytes: usize,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// Bytes of a record's key.
    pub key_bytes: usize,
    /// Fields of a put.
    pub fields: usize,
    /// Deltas of a push.
    pub deltas_per_push: usize,
    /// Bytes of a signal or a presence.
    pub signal_bytes: usize,
    /// How far ahead of the hub's clock a stamp may lie, in milliseconds.
    pub max_clock_drift_ms: u64,
    /// How often the hub lets itself be heard, in milliseconds.
    pub heartbeat_ms: u64,
    /// After how many milliseconds without a word the hub ends a session.
    pub idle_timeout_ms: u64,
    /// For how many milliseconds a delete is remembered.
    pub tombstone_retention_ms: u64,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            frame_bytes: 1 << 20,
            value_bytes: 1 << 20,
            key_bytes: 1024,
            fields: 256,
            deltas_per_push: 10_000,
            signal_bytes: 16 << 10,
            max_clock_drift_ms: 60_000,
            heartbeat_ms: 25_000,
            idle_timeout_ms: 60_000,
            tombstone_retention_ms: 90 * 24 * 3_600_000,
        }
    }
}

impl HubLimits {
    /// Reads what a welcome names; what it does not name stays at the protocol's default, and what
    /// would make a client spin or wait for ever is brought into a sane range.
    #[must_use]
    pub fn from_welcome(limits: &BTreeMap<String, u64>) -> Self {
        let default = Self::default();
        let number = |name: &str, or: u64| limits.get(name).copied().unwrap_or(or);
        let size = |name: &str, or: usize| {
            limits.get(name).map_or(or, |&size| usize::try_from(size).unwrap_or(usize::MAX))
        };
        Self {
            frame_bytes: size("frame_bytes", default.frame_bytes),
            value_bytes: size("value_bytes", default.value_bytes),
            key_bytes: size("key_bytes", default.key_bytes),
            fields: size("fields", default.fields),
            deltas_per_push: size("deltas_per_push", default.deltas_per_push).max(1),
            signal_bytes: size("signal_bytes", default.signal_bytes),
            max_clock_drift_ms: number("max_clock_drift_ms", default.max_clock_drift_ms),
            heartbeat_ms: number("heartbeat_ms", default.heartbeat_ms).clamp(100, 600_000),
            idle_timeout_ms: number("idle_timeout_ms", default.idle_timeout_ms)
                .clamp(300, 3_600_000),
            tombstone_retention_ms: number(
                "tombstone_retention_ms",
                default.tombstone_retention_ms,
            ),
        }
    }
}
