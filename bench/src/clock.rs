//! One monotonic clock for the whole run: what a writer stamps, a reader subtracts.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the program began to measure.
pub(crate) fn now_ns() -> u64 {
    u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The instant of a reading of [`now_ns`], to wait for it.
pub(crate) fn instant(ns: u64) -> tokio::time::Instant {
    (*ORIGIN + Duration::from_nanos(ns)).into()
}

/// A span in nanoseconds.
pub(crate) fn span_ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970, for stamps.
pub(crate) fn wall_ms() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
