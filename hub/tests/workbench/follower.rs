//! A follower: one session of one space, as the socket drives it, and at its other end a client
//! that keeps a copy by the rules of the protocol and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline::access::directory::Action;
use syncline::access::principal::Principal;
use syncline::fanout::{Popped, Queue};
use syncline::selection::Selection;
use syncline::subscription::{Beginning, Reading, Subscription};
use syncline_protocol::codec::decode_hub;
use syncline_protocol::{
    Applied, CollectionName, Cursor, Digest, Filter, HubFrame, Record, RecordKey, SnapshotMode,
    Start,
};

use super::{Bench, space};

/// The space that followers follow.
pub(crate) const FOLLOWED: &str = "followed";

/// A client's copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copy {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) records: BTreeMap<(CollectionName, RecordKey), Record>,
    /// What came of a snapshot that has not ended.
    arriving: Option<BTreeMap<(CollectionName, RecordKey), Record>>,
    /// Deltas received since the beginning.
    pub(crate) received: usize,
    /// The deltas received since somebody looked.
    pub(crate) heard: Vec<Applied>,
    /// Deltas of deleted records that came in snapshots: there must be none.
    pub(crate) snapshots: usize,
    /// Frames that did not join the cursor.
    pub(crate) gaps: usize,
}

/// Both ends of a session.
pub(crate) struct Follower {
    id: u64,
    pub(crate) queue: Arc<Queue>,
    pub(crate) subscription: Option<Subscription>,
    pub(crate) filter: Filter,
    /// Who reads; the hub itself, which may read everything, when nothing else is said.
    pub(crate) reader: Principal,
    pub(crate) copy: Copy,
    page_bytes: usize,
}

impl Follower {
    /// A follower that holds nothing and is not connected.
    pub(crate) fn new(filter: Filter, queue_bytes: usize, page_bytes: usize) -> Self {
        let (queue, copy) = (Arc::new(Queue::new(queue_bytes)), Copy::default());
        let reader = Principal::hub();
        Self { id: 0, queue, subscription: None, filter, reader, copy, page_bytes }
    }

    /// Connects anew, from the copy's cursor, with an empty queue.
    pub(crate) fn connect(&mut self, bench: &Bench, session: u64, queue_bytes: usize) {
        self.cut();
        self.copy.arriving = None;
        let row = bench.row(FOLLOWED);
        let feed = bench.fanout.listen(&space(FOLLOWED), row.id, row.sequence);
        (self.id, self.queue) = (session, Arc::new(Queue::new(queue_bytes)));
        let start = self.copy.cursor.map_or(Start::Snapshot, Start::Resume);
        let (queue, filter) = (&self.queue, self.filter.clone());
        let beginning = Beginning {
            session,
            queue,
            feed,
            filter,
            start,
            reading: self.reading(bench),
            writable: false,
        };
        let (subscription, frame) = Subscription::begin(beginning, &row).unwrap();
        self.subscription = Some(subscription);
        self.copy.receive(&frame);
    }

    /// The connection is cut: what was on its way is lost.
    pub(crate) fn cut(&mut self) {
        if let Some(subscription) = self.subscription.take() {
            drop(subscription);
        }
    }

    /// Sends one page of a catch-up or one frame of the queue; says whether there was one. The
    /// frame is lost on the way when `loses`.
    pub(crate) fn step(&mut self, bench: &Bench, loses: bool) -> bool {
        let Some(subscription) = &mut self.subscription else { return false };
        if !subscription.is_live() {
            let reading = || Ok(reading(bench, &self.reader));
            let store = bench.writer.store();
            let frames = subscription.catch_up(store, self.page_bytes, reading).unwrap();
            frames.iter().for_each(|frame| self.copy.receive(frame));
            return true;
        }
        match self.queue.pop() {
            Popped::Frame(Some((_, last)), frame) => {
                if subscription.take(last) && !loses {
                    self.copy.receive(&frame);
                }
                true
            }
            Popped::Behind { .. } => {
                subscription.fall_behind();
                true
            }
            Popped::Nothing => {
                // What a heartbeat says.
                let stretch = subscription.stretch(&self.queue);
                if let Some(stretch) = &stretch {
                    self.copy.join(stretch.before, stretch.last, &[]);
                }
                false
            }
            other => panic!("a follower is asked for nothing else: {other:?}"),
        }
    }

    /// Goes on until there is nothing left to send.
    pub(crate) fn catch_up(&mut self, bench: &Bench) {
        while self.step(bench, false) {}
    }

    /// What the follower may read now.
    pub(crate) fn reading(&self, bench: &Bench) -> Reading {
        reading(bench, &self.reader)
    }

    /// What the hub would show of the filter to the reader, condensed.
    pub(crate) fn expected(&self, bench: &Bench) -> BTreeMap<CollectionName, Digest> {
        let (snapshot, row) = (bench.snapshot(), bench.row(FOLLOWED));
        let selection = Selection::new(self.filter.clone(), self.reading(bench).access);
        let page = snapshot.records(row.id, &selection, None, usize::MAX).unwrap();
        let records = page.records.into_iter();
        digests(records.map(|(collection, key, row)| ((collection, key), row.record)))
    }

    /// What the copy shows, condensed.
    pub(crate) fn shown(&self) -> BTreeMap<CollectionName, Digest> {
        digests(self.copy.records.iter().map(|(at, record)| (at.clone(), record.clone())))
    }
}

/// What somebody may read of the space that is followed.
fn reading(bench: &Bench, reader: &Principal) -> Reading {
    let directory = bench.writer.engine().directory();
    let access = directory.access(reader, &space(FOLLOWED), Action::Read, bench.now_ms);
    Reading { access, version: directory.version() }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.cut();
    }
}

fn digests(
    records: impl Iterator<Item = ((CollectionName, RecordKey), Record)>,
) -> BTreeMap<CollectionName, Digest> {
    let mut digests = BTreeMap::<_, Digest>::new();
    for ((collection, key), record) in records.filter(|(_, record)| record.is_visible()) {
        digests.entry(collection.clone()).or_default().add_record(&collection, &key, &record);
    }
    digests
}

impl Copy {
    fn receive(&mut self, frame: &[u8]) {
        match decode_hub(frame).unwrap() {
            HubFrame::Subscribed { .. } => {}
            HubFrame::SnapshotBegin { mode, .. } => {
                assert_eq!(mode, SnapshotMode::Replace, "nothing was restored");
                self.arriving = Some(BTreeMap::new());
                self.snapshots += 1;
            }
            HubFrame::SnapshotPart { deltas, .. } => {
                let records = self.arriving.as_mut().expect("a part comes after the beginning");
                self.received += deltas.len();
                self.heard.extend(deltas.iter().cloned());
                deltas.iter().for_each(|applied| merge(records, applied));
            }
            HubFrame::SnapshotEnd { cursor, .. } => {
                self.records = self.arriving.take().expect("an end comes after the beginning");
                self.cursor = Some(cursor);
            }
            HubFrame::Changes { before, last, deltas, .. } => {
                self.received += deltas.len();
                self.heard.extend(deltas.iter().cloned());
                self.join(before, last, &deltas);
            }
            HubFrame::Withdraw { collection, keys, .. } => {
                for key in keys {
                    self.records.remove(&(collection.clone(), key));
                }
            }
            HubFrame::View { mark, .. } => {
                if let Some(cursor) = &mut self.cursor {
                    cursor.view = mark;
                }
            }
            // Whoever has seen a gap asks anew, and believes nothing until then.
            HubFrame::Digests { .. } if self.gaps > 0 => {}
            HubFrame::Digests { sequence, digests, .. } => {
                let cursor = self.cursor.expect("digests come at the end of a catch-up");
                assert_eq!(sequence, cursor.sequence);
                let records = self.records.iter().map(|(at, it)| (at.clone(), it.clone()));
                assert_eq!(self::digests(records), digests, "the copy is not what the hub shows");
            }
            other => panic!("a follower gets no such frame: {other:?}"),
        }
    }

    /// The rule of gaps: a frame that does not join the cursor is not taken.
    fn join(&mut self, before: u64, last: u64, deltas: &[Applied]) {
        let cursor = self.cursor.as_mut().expect("changes come after a snapshot");
        if before > cursor.sequence {
            self.gaps += 1;
            return;
        }
        cursor.sequence = cursor.sequence.max(last);
        deltas.iter().for_each(|applied| merge(&mut self.records, applied));
    }
}

fn merge(records: &mut BTreeMap<(CollectionName, RecordKey), Record>, applied: &Applied) {
    let change = &applied.delta.change;
    let at = (change.collection.clone(), change.key.clone());
    records.entry(at).or_default().merge(applied.delta.stamp, applied.sequence, &change.op);
}
