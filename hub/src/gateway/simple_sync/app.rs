//! One app as it is served: its space, and what is counted while the hub runs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use syncline_protocol::{Reject, SpaceName, Value};

use super::mapping::{collection, put};
use super::permission::Permissions;
use super::seed::Signer;
use super::settings::Settings;
use crate::hub::{Household, Hub, Principal, Submission, Throttle, now_ms, random_u64};

/// How often it is written down that a key was used.
const USED_EVERY: Duration = Duration::from_secs(60);
/// Keys whose last use is remembered; what is forgotten is written down once more.
const USED_MAX: usize = 10_000;
/// Addresses whose wrong setup tokens are counted.
const THROTTLED_MAX: usize = 10_000;

/// An app; cheap to clone.
#[derive(Clone)]
pub(super) struct App(Arc<Inner>);

struct Inner {
    hub: Hub,
    space: SpaceName,
    settings: Settings,
    began: Instant,
    used: DashMap<String, Instant>,
    exchanges: Mutex<Throttle<Household>>,
    signer: Signer,
}

impl App {
    pub(super) fn new(hub: Hub, space: SpaceName) -> Self {
        let settings = Settings::configured(&hub);
        let wrong = hub.config().gateways.simple_sync.wrong_tokens_per_minute;
        let exchanges = Mutex::new(Throttle::new(wrong, THROTTLED_MAX));
        let (began, used) = (Instant::now(), DashMap::new());
        let secret: [[u8; 8]; 4] = std::array::from_fn(|_| random_u64().to_be_bytes());
        let signer = Signer::new(secret);
        Self(Arc::new(Inner { hub, space, settings, began, used, exchanges, signer }))
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub(super) fn space(&self) -> &SpaceName {
        &self.0.space
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(super) fn signer(&self) -> &Signer {
        &self.0.signer
    }

    pub(super) fn uptime(&self) -> Duration {
        self.0.began.elapsed()
    }

    pub(super) fn exchanges(&self) -> std::sync::MutexGuard<'_, Throttle<Household>> {
        self.0.exchanges.lock().expect("nothing panics while it holds the throttle")
    }

    /// Whether a user may do something, by the rules of this moment. What is written is judged once
    /// more in its place in the log.
    pub(super) fn may(&self, user: &str, item: &str, action: &str) -> bool {
        let directory = self.hub().directory();
        let acl = directory.acl(self.space());
        Permissions::new(acl, user, self.settings().dotted).allow(item, action)
    }

    /// Which of some items and actions a user may not do.
    pub(super) fn denied<'a>(
        &self,
        user: &str,
        asked: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<bool> {
        let directory = self.hub().directory();
        let acl = directory.acl(self.space());
        let mut permissions = Permissions::new(acl, user, self.settings().dotted);
        asked.map(|(item, action)| !permissions.allow(item, action)).collect()
    }

    /// Notes that a key was used, now and then.
    pub(super) fn note_use(&self, token: &str) {
        let now = Instant::now();
        let is_fresh = |at: &Instant| now.duration_since(*at) < USED_EVERY;
        if self.0.used.get(token).is_some_and(|at| is_fresh(&at)) {
            return;
        }
        if self.0.used.len() >= USED_MAX {
            self.0.used.clear();
        }
        self.0.used.insert(token.to_owned(), now);
        let fields = [("used_ms", Some(Value::from(now_ms())))];
        let Ok(change) = put(collection::KEYS, token, &fields) else { return };
        let (hub, write) =
            (self.hub().clone(), Submission::changes(self.space().clone(), vec![change]));
        // Nobody waits for it, and a request is as good without.
        tokio::spawn(async move { hub.apply(&Principal::hub(), write).await.map(drop) });
    }

    /// Asks the store off the async threads.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Self) -> Result<T, Reject> + Send + 'static,
    ) -> Result<T, Reject> {
        let this = self.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&this)).await;
        let failed = |_| Reject::new(syncline_protocol::Code::Internal, "A read was not finished");
        asked.map_err(failed)?
    }
}
