//! Draining: the hub says goodbye to everyone before it ends, and asks them not to come back all
//! at once.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use syncline_protocol::{Code, Reject};

use super::{Hub, random_u64};

/// Sessions come back within so many milliseconds.
const RETURN_WITHIN_MS: u64 = 3_000;
/// How often to look whether everyone has gone.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Hub {
    /// Whether the hub lets nobody in any more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    /// Lets nobody in any more, says goodbye, and waits until all have gone or `within` is over.
    pub async fn drain(&self, within: Duration) {
        self.inner.draining.store(true, Ordering::Release);
        let reject = Reject::new(Code::GoingAway, "The hub is shutting down");
        for session in &self.inner.sessions {
            let retry_after_ms = random_u64() % RETURN_WITHIN_MS;
            session.queue().goodbye(reject.clone(), Some(retry_after_ms));
        }
        let until = Instant::now() + within;
        while !self.inner.sessions.is_empty() && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
