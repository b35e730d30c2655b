//! The hub of a run: the real store, engine, writer, judges and fan-out, driven by calls. What its
//! threads and sockets would do at moments of their own, the world asks for here, one at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use syncline::access::principal::Principal;
use syncline::admit::Admit;
use syncline::config::Config;
use syncline::engine::{Answer, Engine, Entry, Told, Work};
use syncline::fanout::Fanout;
use syncline::metrics::Metrics;
use syncline::store::{Store, StoreError};
use syncline::writer::Writer;
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
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) admit: Admit,
    pub(crate) seats: BTreeMap<u64, Seat>,
    intake: Intake,
    /// Entries that wait for a commit.
    pub(crate) waiting: usize,
    replies: (Sender<Reply>, Receiver<Reply>),
    told: VecDeque<Told>,
    /// The engine's clock as of the last commit.
    pub(crate) clock: HlcTime,
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
        let clock = engine.clock();
        let writer = Writer::new(store.clone(), engine, fanout.clone(), settings, metrics)?;
        let (limits, sync) = (config.limits.clone(), config.sync.clone());
        let admit = Admit::new(limits, sync, store.clone(), replica);
        Ok(Self {
            config,
            replica,
            store,
            writer,
            fanout,
            admit,
            seats: BTreeMap::new(),
            intake: Intake::default(),
            waiting: 0,
            replies: channel(),
            told: VecDeque::new(),
            clock,
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

    /// Commits what waits, or an empty batch when housekeeping is due. The replies are due when it
    /// returns, whether it worked or not.
    pub(crate) fn commit(&mut self, now_ms: u64) -> Result<Vec<Done>, StoreError> {
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
        let committed = match self.writer.commit(entries, now_ms) {
            Ok(committed) => committed,
            Err(error) => {
                let unavailable = || Reject::new(Code::Unavailable, "The store cannot write");
                replies.into_iter().for_each(|reply| reply(Err(unavailable())));
                self.has_failed = true;
                return Err(error);
            }
        };
        self.clock = self.writer.engine().clock();
        if let Some(before) = before {
            let news: usize = committed.told.publications.iter().map(|it| it.deltas.len()).sum();
            self.count_housekeeping(before, news as u64)?;
        }
        self.told.push_back(committed.told);
        for (reply, answer) in replies.into_iter().zip(committed.answers.iter().cloned()) {
            reply(answer);
        }
        let done = works.into_iter().zip(committed.answers);
        Ok(done.map(|(work, answer)| Done { work, answer }).collect())
    }

    /// Log entries, and rows of records that show nothing.
    fn census(&self) -> Result<(u64, u64), StoreError> {
        let snapshot = self.store.snapshot()?;
        let (mut entries, mut horizon) = (0, 0);
        for (_, row) in snapshot.spaces()? {
            entries += row.log_entries;
            horizon += row.horizon;
        }
        Ok((entries, horizon))
    }

    fn count_housekeeping(
        &mut self,
        (entries, horizon): (u64, u64),
        news: u64,
    ) -> Result<(), StoreError> {
        let (entries_now, horizon_now) = self.census()?;
        self.tally.add(Kind::Compacted, (entries + news).saturating_sub(entries_now));
        self.tally.add(Kind::Tombstones, u64::from(horizon_now > horizon));
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
        self.waiting == 0 && self.told.is_empty()
    }
}
