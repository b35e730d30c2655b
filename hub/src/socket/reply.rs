//! What a socket says of itself: the welcome, what is wrong with a message, how often it may talk.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use syncline_protocol::{Code, HubFrame, NESTING_MAX, Reject, Welcome};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

use crate::hub::{Arrival, Hub, now_ms};

/// The welcome, with the limits in force.
pub(super) fn welcome(hub: &Hub, arrival: &Arrival) -> HubFrame {
    let config = hub.config();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let limits = [
        ("frame_bytes", config.limits.frame_bytes.into()),
        ("value_bytes", config.limits.value_bytes.into()),
        ("key_bytes", config.limits.key_bytes.into()),
        ("fields", config.limits.fields.into()),
        ("deltas_per_push", config.limits.deltas_per_push.into()),
        ("nesting", NESTING_MAX as u64),
        ("max_clock_drift_ms", millis(config.sync.max_clock_drift)),
        ("heartbeat_ms", millis(config.sync.heartbeat)),
        ("idle_timeout_ms", millis(config.sync.idle_timeout)),
        ("tombstone_retention_ms", millis(config.store.tombstone_retention)),
        ("subscriptions_per_session", config.limits.subscriptions_per_session.into()),
        ("signal_bytes", config.limits.signal_bytes.into()),
    ];
    let limits: BTreeMap<String, u64> =
        limits.into_iter().map(|(name, limit)| (name.to_owned(), limit)).collect();
    HubFrame::Welcome(Welcome {
        session: arrival.id,
        hub_ms: now_ms(),
        hub_replica: hub.replica(),
        principal: arrival.principal.account().to_owned(),
        limits,
    })
}

/// What to tell a client whose bytes are no WebSocket messages; none when it has just gone.
pub(super) fn websocket_fault(error: &Error) -> Option<Reject> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            let what = format!("A message of {size} bytes is larger than {max_size}");
            Some(Reject::new(Code::TooLarge, what))
        }
        Error::Utf8(_) => Some(Reject::new(Code::NotUtf8, "A text is not UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(fault) => Some(Reject::new(Code::Malformed, fault)),
        _ => None,
    }
}

/// So many of something a second, and as many at once.
pub(super) struct Allowance {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: per_second, at: Instant::now() }
    }

    /// Takes one, when there is one.
    pub(super) fn spend(&mut self) -> bool {
        let now = Instant::now();
        let earned = now.duration_since(self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + earned).min(self.per_second);
        self.at = now;
        let has_one = self.left >= 1.0;
        if has_one {
            self.left -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_ends() {
        let mut allowance = Allowance::new(3);
        let spent = (0..10).filter(|_| allowance.spend()).count();
        assert_eq!(spent, 3);
        assert!(!Allowance::new(0).spend());
    }
}
