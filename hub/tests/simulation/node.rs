//! The hub of a run: the real store, engine, writer, judges and fan-out, driven by calls. What its
//! threads and sockets would do at moments of their own, the world asks for here, one at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use syncline::access::directory::Directory;
use syncline::access::principal::Principal;
use syncline::admit::Admit;
use syncline::config::Config;
use syncline::engine::{Answer, Engine, Entry, Told, Work};
use syncline::fanout::Fanout;
use syncline::metrics::Metrics;
use syncline::store::{Store, StoreError};
use syncline::writer::Writer;
use syncline::writer::committer::{Committer, Uncommitted};
use syncline::writer::intake::{BatchLimit, Intake, Job};
use syncline_protocol::{Code, HlcTime, PushId, Reject, ReplicaId};

use super::disk::Disk;
use super::seat::Seat;
use super::tally::{Kind, Tally};

/// The store's cache: small, so that it reads what it wrote.
const CACHE_BYTES: usize = 1 << 20;

/// A running hub.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) replica: ReplicaId,
    pub(crate) store: Store,
    pub(crate) writer: Writer,
    committer: Committer,
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) admit: Admit,
    pub(crate) seats: BTreeMap<u64, Seat>,
    intake: Intake,
    /// Entries that wait for the writer.
    pub(crate) waiting: usize,
    /// Batches that were applied and wait for their commits.
    applied: VecDeque<Applied>,
    replies: (Sender<Reply>, Receiver<Reply>),
    told: VecDeque<Told>,
    /// The engine's clock as of the last commit.
    pub(crate) clock: HlcTime,
    /// Accounts and rights as of the last commit.
    pub(crate) directory: Arc<Directory>,
    /// The store failed: nothing is written any more.
    pub(crate) has_failed: bool,
    pub(crate) tally: Tally,
}

/// The answer to a push, on its way to the session that asked.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) conn: u64,
    pub(crate) push: PushId,
    pub(crate) answer: Answer,
}

/// A batch that was applied, with what it was and whoever waits for its answers.
struct Applied {
    batch: Uncommitted,
    works: Vec<Work>,
    replies: Vec<Box<dyn FnOnce(Answer) + Send>>,
}

/// A batch that is on the disk.
pub(crate) struct Finished {
    pub(crate) done: Vec<Done>,
    /// It was there before it was committed.
    pub(crate) was_synced: bool,
}

/// An entry and what became of it.
pub(crate) struct Done {
    pub(crate) work: Work,
    pub(crate) answer: Answer,
}

impl Node {
    /// A hub over what a disk holds, stamping under an id of its own.
    pub(crate) fn open(
        disk: &Disk,
        config: Config,
        replica: ReplicaId,
    ) -> Result<Self, StoreError> {
        let store = Store::with_backends(disk.backends(), CACHE_BYTES)?;
        let (settings, quotas) = (config.store.clone(), config.quotas.clone());
        let engine = Engine::open(&store, replica, settings.clone(), quotas, Vec::new())?;
        let (fanout, metrics) = (Arc::new(Fanout::default()), Arc::new(Metrics::new()));
        let (clock, directory) = (engine.clock(), engine.directory().clone());
        let writer = Writer::new(store.clone(), engine, fanout.clone(), settings, metrics)?;
        let committer = writer.committer();
        let (limits, sync) = (config.limits.clone(), config.sync.clone());
        let admit = Admit::new(limits, sync, store.clone(), replica);
        Ok(Self {
            config,
            replica,
            store,
            writer,
            committer,
            fanout,
            admit,
            seats: BTreeMap::new(),
            intake: Intake::default(),
            waiting: 0,
            applied: VecDeque::new(),
            replies: channel(),
            told: VecDeque::new(),
            clock,
            directory,
            has_failed: false,
            tally: Tally::default(),
        })
    }

    /// Puts work into the intake; `asks` names the session and push that want the answer.
    pub(crate) fn submit(
        &mut self,
        source: u64,
        entry: Entry,
        (deltas, bytes): (usize, usize),
        asks: Option<PushId>,
    ) {
        let send = self.replies.0.clone();
        let reply = Box::new(move |answer| {
            if let Some(push) = asks {
                send.send(Reply { conn: source, push, answer }).expect("the hub holds the end");
            }
        });
        self.intake.put(source, Job { entry, deltas, bytes, reply }).expect("it is never closed");
        self.waiting += 1;
    }

    /// The hub's own work, that nobody waits for.
    pub(crate) fn spawn(&mut self, source: u64, work: Work, now_ms: u64) {
        let entry = Entry { principal: Principal::hub(), now_ms, work };
        self.submit(source, entry, (1, 64), None);
    }

    /// Applies what waits, or an empty batch when housekeeping is due.
    pub(crate) fn apply(&mut self, now_ms: u64) -> Result<(), StoreError> {
        let bytes = usize::try_from(self.config.sync.batch_bytes).unwrap_or(usize::MAX);
        let deltas = usize::try_from(self.config.sync.batch_deltas).unwrap_or(usize::MAX);
        let jobs = match self.waiting {
            0 => Vec::new(),
            _ => self.intake.take(BatchLimit { bytes, deltas }, None).unwrap_or_default(),
        };
        self.waiting -= jobs.len();
        let before = match self.writer.is_housekeeping_due(now_ms) {
            true => Some(self.census()?),
            false => None,
        };
        let (entries, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.entry, job.reply)).unzip();
        let works: Vec<_> = entries.iter().map(|entry| entry.work.clone()).collect();
        let batch = match self.writer.apply(entries, now_ms) {
            Ok(batch) => batch,
            Err(error) => return Err(self.refuse(replies, error)),
        };
        self.applied.push_back(Applied { batch, works, replies });
        if let Some(before) = before {
            self.count_housekeeping(&before)?;
        }
        Ok(())
    }

    /// Commits the oldest batch that was applied, if there is one. The replies are due when it
    /// returns, whether it worked or not.
    pub(crate) fn commit(&mut self) -> Result<Option<Finished>, StoreError> {
        let Some(Applied { batch, works, replies }) = self.applied.pop_front() else {
            return Ok(None);
        };
        let committed = match self.committer.commit(batch) {
            Ok(committed) => committed,
            Err(error) => return Err(self.refuse(replies, error)),
        };
        (self.clock, self.directory) = (committed.clock, committed.directory);
        self.told.push_back(committed.told);
        for (reply, answer) in replies.into_iter().zip(committed.answers.iter().cloned()) {
            reply(answer);
        }
        let done = works.into_iter().zip(committed.answers);
        let done = done.map(|(work, answer)| Done { work, answer }).collect();
        Ok(Some(Finished { done, was_synced: committed.synced_in.is_none() }))
    }

    /// The store failed: whoever waits hears of it.
    fn refuse(
        &mut self,
        replies: Vec<Box<dyn FnOnce(Answer) + Send>>,
        error: StoreError,
    ) -> StoreError {
        let unavailable = || Reject::new(Code::Unavailable, "The store cannot write");
        replies.into_iter().for_each(|reply| reply(Err(unavailable())));
        self.has_failed = true;
        error
    }

    fn census(&self) -> Result<Census, StoreError> {
        let mut census = Census::default();
        for (_, row) in self.store.snapshot()?.spaces()? {
            census.entries += row.log_entries;
            census.deltas += row.sequence;
            census.horizon += row.horizon;
        }
        Ok(census)
    }

    fn count_housekeeping(&mut self, before: &Census) -> Result<(), StoreError> {
        let now = self.census()?;
        let came = now.deltas - before.deltas;
        self.tally.add(Kind::Compacted, (before.entries + came).saturating_sub(now.entries));
        self.tally.add(Kind::Tombstones, u64::from(now.horizon > before.horizon));
        Ok(())
    }

    /// The answers that are due.
    pub(crate) fn take_replies(&self) -> Vec<Reply> {
        self.replies.1.try_iter().collect()
    }

    /// Hands the oldest commit that was not handed on yet to the fan-out.
    pub(crate) fn publish(&mut self) {
        let Some(told) = self.told.pop_front() else { return };
        self.fanout.retire(&told.rights, told.version);
        self.fanout.publish(&told.publications);
        told.dropped.into_iter().for_each(|space| self.fanout.dropped(space));
    }

    /// Whether everything was committed, published and answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.applied.is_empty() && self.told.is_empty()
    }
}

/// What the logs of all spaces come to.
#[derive(Default)]
struct Census {
    entries: u64,
    /// Deltas that ever were in them.
    deltas: u64,
    horizon: u64,
}
