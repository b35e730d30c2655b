//! The door: authenticate, apply, read, subscribe, sessions. Everything that writes or reads goes
//! through here, native sessions and gateways alike, so that permission, merge order, metrics and
//! fan-out exist once.
//!
//! ```text
//! authenticate(..) -> Principal
//! apply(principal, submission) = admit > intake > writer: decide, merge, commit > answer
//! push(principal, push, room, tell)               the same for a replica, with room in the intake
//! read(principal, space) -> View                  one moment of one space
//! subscribe(session, ..) -> Subscription          from a cursor to live
//! ```

mod accounts;
mod acl;
mod app_lists;
mod apps;
mod authenticate;
mod bootstrap;
mod browser;
mod choices;
mod drain;
mod follow;
mod hashing;
mod limits;
mod origin;
mod reading;
mod realm;
mod rejects;
mod session;
mod slow_keys;
mod submit;
mod threads;
mod view;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use dashmap::DashMap;
use syncline_protocol::{Code, Epoch, HlcTime, Reject, ReplicaId, SpaceId, SpaceName};
use tokio::sync::{Semaphore, watch};

use crate::access::directory::{Directory, Grant};
use crate::access::recognised::Recognised;
use crate::admit::{Admit, unavailable};
use crate::config::Config;
use crate::engine::Work;
use crate::fanout::{Fanout, SessionId};
use crate::metrics::Metrics;
use crate::store::{ReplicaRow, Store, StoreError};
use crate::writer::intake::Intake;

// What comes and goes through the door, so that gateways need to know nothing behind it.
pub use crate::access::acl::{Acl, NoPattern, Pattern, Subject, Verdict};
pub use crate::access::directory::{Form, Reads, event_name};
pub use crate::access::household::Household;
pub use crate::access::key::{ApiKey, KEY_BYTES};
pub use crate::access::principal::{Principal, Role};
pub use crate::access::slow_hash::is_bearable;
pub use crate::access::throttle::{Reserved, Throttle};
pub use crate::engine::{
    Additions, Order, Part, Receipt, Refusal, Rule, RuleView, Submission, Touched, Writes,
};
pub use crate::selection::{Access, EVENTS, EventKey, ITEMS, Sight, escape, unescape};
pub use accounts::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN};
pub use acl::{Decider, Explained, RULES_MAX};
pub use app_lists::{AppKey, AppUser};
pub use apps::{KeyOrder, member_part, rule_part};
pub use authenticate::Realm;
pub use bootstrap::{ADMIN, FirstToken, TokenOrder};
pub use browser::BrowserSession;
pub use follow::{Followed, Following};
pub use limits::{RETENTION_MAX, RETENTION_MIN};
pub use origin::{Certificate, ClientAddress, Encrypted};
pub use realm::{Checked, Derivation, Registering, Shown};
pub use rejects::Rejected;
pub use session::{Arrival, EXCLUSIVE, SessionInfo};
pub use submit::Room;
pub use threads::Threads;
pub use view::{HELD_MAX, Listed, Logged, View};

/// Pages of catch-ups that are read at once: a storm of reconnects takes turns, so that bystanders
/// and the writer keep their share of the machine.
const PAGES_AT_ONCE: usize = 4;

/// A handle on the hub; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hub")
    }
}

struct Inner {
    config: Config,
    store: Store,
    replica: ReplicaId,
    intake: Arc<Intake>,
    fanout: Arc<Fanout>,
    admit: Admit,
    metrics: Arc<Metrics>,
    /// Accounts and rights as of the last commit.
    directory: RwLock<Arc<Directory>>,
    /// The engine's clock as of the last commit, packed.
    clock: AtomicU64,
    /// Bytes that may still wait in the intake, in pieces.
    room: Arc<Semaphore>,
    /// Pages of catch-ups that may be read at once.
    pages: Arc<Semaphore>,
    /// Set when the store failed: nothing is written any more.
    failed: watch::Sender<bool>,
    sessions: DashMap<SessionId, session::Registered>,
    next_session: AtomicU64,
    /// What was heard of replicas since it was last written down.
    heard: Mutex<HashMap<ReplicaId, ReplicaRow>>,
    /// What was refused lately.
    rejects: rejects::Rejects,
    recognised: Mutex<Recognised>,
    throttle: Mutex<Throttle<Household>>,
    hashing: hashing::Hashing,
    /// How secrets of realms follow from passwords; set before anyone is served.
    derivations: OnceLock<Vec<Derivation>>,
    /// Held while an account comes into a realm or leaves it.
    registering: tokio::sync::Mutex<()>,
    draining: AtomicBool,
}

impl Hub {
    /// Starts a hub over an open store: its threads run until [`Threads::stop`].
    ///
    /// # Errors
    /// When the store fails.
    pub fn start(
        config: Config,
        store: Store,
        rules: Vec<Rule>,
    ) -> Result<(Self, Threads), StoreError> {
        threads::start(config, store, rules)
    }

    /// A hub of nothing, in memory, with the default settings.
    #[cfg(test)]
    pub(crate) fn in_memory(rules: Vec<Rule>) -> (Self, Threads) {
        let store = crate::store::Store::in_memory(16 << 20).expect("memory is there");
        Self::start(Config::default(), store, rules).expect("an empty store starts")
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The store, for those who page through long answers.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The figures.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    /// The id that the hub stamps with in this run.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        self.inner.replica
    }

    /// Accounts and rights as of the last commit.
    ///
    /// # Panics
    /// Never: nothing panics while it holds the directory.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.read().expect("nothing panics while it holds the directory").clone()
    }

    /// Whether the store still writes, and whether that ever ends.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<bool> {
        self.inner.failed.subscribe()
    }

    /// Applies changes of one or more spaces, all or none, stamped by the hub.
    ///
    /// # Errors
    /// Why they were refused.
    pub async fn apply(
        &self,
        principal: &Principal,
        submission: Submission,
    ) -> Result<Receipt, Reject> {
        let changes = submission.parts.iter().flat_map(|part| part.writes.changes());
        let judged = self.inner.admit.changes(principal, changes, self.clock(), now_ms());
        self.count_reject(principal, judged)?;
        let weight = weigh(&submission);
        self.submit(principal, Work::Write(submission), weight).await
    }

    /// Makes a space.
    ///
    /// # Errors
    /// A right that is missing, a name that is taken.
    pub async fn create_space(
        &self,
        principal: &Principal,
        name: SpaceName,
        owner: &str,
    ) -> Result<Receipt, Reject> {
        if !principal.is_hub() {
            self.check_spaces_of(owner)?;
        }
        let (id, epoch) = (SpaceId(random_u64()), Epoch(random_u64()));
        let work = Work::CreateSpace { name, owner: owner.to_owned(), id, epoch };
        self.submit(principal, work, (1, 256)).await
    }

    /// Makes a space for a principal's own account, unless there is one that it may use.
    ///
    /// # Errors
    /// A name that is not the account's own, a space of someone else, too many spaces.
    pub async fn open_space(&self, principal: &Principal, name: &SpaceName) -> Result<(), Reject> {
        // An admin may use spaces that do not exist.
        match self.read(principal, name) {
            Ok(_) => return Ok(()),
            Err(reject) if reject.code != Code::UnknownSpace => return Err(reject),
            Err(_) => {}
        }
        let made = self.create_space(principal, name.clone(), principal.account()).await;
        match made {
            // Somebody was quicker: it may be this account's by now.
            Err(reject) if reject.code == Code::Exists => self.role(principal, name).map(drop),
            made => made.map(drop),
        }
    }

    /// Makes the space in which a gateway keeps an account's data; `name` is of that account.
    /// Unlike [`Self::open_space`] it takes no right to make spaces: whoever may write there may
    /// begin.
    ///
    /// # Errors
    /// A credential that may not write there, a space of someone else, too many spaces.
    pub async fn open_data_set(
        &self,
        principal: &Principal,
        name: &SpaceName,
    ) -> Result<(), Reject> {
        let refusal = match self.open_space(principal, name).await {
            Err(reject) if reject.code == Code::Forbidden => reject,
            opened => return opened,
        };
        if !self.directory().may_begin(principal, name, now_ms()) {
            return Err(refusal);
        }
        self.check_spaces_of(principal.account())?;
        let made = self.create_space(&Principal::hub(), name.clone(), principal.account()).await;
        match made {
            Err(reject) if reject.code == Code::Exists => self.role(principal, name).map(drop),
            made => made.map(drop),
        }
    }

    fn check_spaces_of(&self, owner: &str) -> Result<(), Reject> {
        let spaces = self.inner.store.snapshot().and_then(|snapshot| snapshot.spaces());
        let spaces = spaces.map_err(|error| unavailable(&error))?;
        let most = self.spaces_max(owner);
        let own = spaces.iter().filter(|(_, row)| *row.owner == *owner).count();
        if own as u64 >= most {
            let what = format!("{owner} owns as many spaces as one may: {most}");
            return Err(Reject::new(Code::TooMany, what));
        }
        Ok(())
    }

    /// Drops a space.
    ///
    /// # Errors
    /// A right that is missing, a space that does not exist.
    pub async fn drop_space(
        &self,
        principal: &Principal,
        name: SpaceName,
    ) -> Result<Receipt, Reject> {
        self.submit(principal, Work::DropSpace { name }, (1, 256)).await
    }

    /// Looks at one moment of a space.
    ///
    /// # Errors
    /// A right that is missing, a space that does not exist, a store that fails.
    pub fn read(&self, principal: &Principal, space: &SpaceName) -> Result<View, Reject> {
        self.role(principal, space)?;
        let look = || {
            let snapshot = self.inner.store.snapshot()?;
            let version = snapshot.rights_version()?;
            Ok(snapshot.space(space)?.map(|row| (snapshot, version, row)))
        };
        let found = look().map_err(|error: StoreError| unavailable(&error))?;
        let (snapshot, version, row) = found.ok_or_else(|| unknown_space(space))?;
        let reading = self.reading_as_of(principal, space, version)?;
        Ok(View::new(space.clone(), snapshot, row, reading.access))
    }

    /// What a principal may do in a space.
    ///
    /// # Errors
    /// `unauthorized` when the credential is no longer good, `unknown_space` when it opens nothing
    /// here.
    pub fn role(&self, principal: &Principal, space: &SpaceName) -> Result<Role, Reject> {
        match self.directory().grant(principal, space, now_ms()) {
            Grant::Unauthorized => {
                Err(Reject::new(Code::Unauthorized, "This credential is no longer good"))
            }
            Grant::Nothing => Err(unknown_space(space)),
            Grant::Role(role) => Ok(role),
        }
    }

    /// Whether a principal may do what only admins may.
    ///
    /// # Errors
    /// `forbidden` when not.
    pub fn require_admin(&self, principal: &Principal) -> Result<(), Reject> {
        if self.directory().is_admin(principal, now_ms()) {
            return Ok(());
        }
        Err(Reject::new(Code::Forbidden, "Only an admin may do this"))
    }

    /// The hub's clock as of the last commit.
    #[must_use]
    pub fn clock(&self) -> HlcTime {
        HlcTime::from_bits(self.inner.clock.load(Ordering::Acquire))
    }

    /// Waits for a turn to read a page of a catch-up.
    ///
    /// # Panics
    /// Never: the turns are never closed.
    pub async fn page_turn(&self) -> tokio::sync::OwnedSemaphorePermit {
        self.inner.pages.clone().acquire_owned().await.expect("the turns are never closed")
    }

    /// The figures as text, with those that are looked up when asked for. Reads the store, as it
    /// was at the last checkpoint: whoever scrapes now and then must not make writers wait.
    #[must_use]
    pub fn render_metrics(&self) -> Vec<u8> {
        let metrics = &self.inner.metrics;
        let spaces = self.inner.store.glance().and_then(|snapshot| snapshot.spaces());
        if let Ok(spaces) = spaces {
            let entries: u64 = spaces.iter().map(|(_, row)| row.log_entries).sum();
            metrics.log_entries.set(entries.cast_signed());
        }
        let journal_bytes = self.inner.store.journal_bytes();
        metrics.journal_bytes.set(journal_bytes.cast_signed());
        let file = std::fs::metadata(self.inner.config.data.join(crate::store::FILE));
        if let Ok(file) = file {
            metrics.store_bytes.set(file.len().cast_signed());
        }
        let queues = self.inner.sessions.iter().map(|session| session.queue().bytes());
        metrics.queue_bytes.set(i64::try_from(queues.sum::<usize>()).unwrap_or(i64::MAX));
        metrics.render()
    }

    fn count_reject<T>(
        &self,
        principal: &Principal,
        result: Result<T, Reject>,
    ) -> Result<T, Reject> {
        if let Err(reject) = &result {
            self.inner.rejects.note(principal.account(), reject);
            self.inner.metrics.rejects.with_label_values(&[reject.code.as_str()]).inc();
        }
        result
    }
}

/// What a submission weighs: deltas and bytes.
fn weigh(submission: &Submission) -> (usize, usize) {
    let changes = submission.parts.iter().flat_map(|part| part.writes.changes());
    changes.fold((0, 0), |(deltas, bytes), change| {
        let values = match &change.op {
            syncline_protocol::Op::Delete => 0,
            syncline_protocol::Op::Put(fields) => fields
                .iter()
                .map(|(name, value)| {
                    name.as_str().len() + value.map_or(0, |value| value.as_bytes().len())
                })
                .sum(),
        };
        (deltas + 1, bytes + 64 + change.key.as_str().len() + values)
    })
}

/// Whoever may not know of a space hears the same as of one that does not exist.
pub(crate) fn unknown_space(space: &SpaceName) -> Reject {
    Reject::new(Code::UnknownSpace, format!("There is no space {space} for you"))
}

/// The wall clock, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Eight random bytes of the system's generator.
///
/// # Panics
/// When the system has none to give: nothing secure could go on.
#[must_use]
pub fn random_u64() -> u64 {
    getrandom::u64().expect("the system's random generator works")
}
