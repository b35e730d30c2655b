//! One session's subscription to one space: from a cursor to live, and back when it falls behind.
//!
//! ```text
//!            cursor unknown                     cursor known
//! Snapshot: begin, parts, end  ----> Log: changes, more ... changes, no more, digests ---> Live
//!      ^                               |   ^   ^                                             |
//!      +-- what it needs was purged ---+   |   +----------- the queue overflowed ------------+
//!                                          |
//!                         Turn: withdraw, changes, ... view <--- rights have changed
//! ```
//! The session's queue fills from the moment it listens, and the log is read to its end after that:
//! whatever is not in the last page read is published later, so that there is no gap. Pages are
//! bounded, and each is read from a snapshot of its own, so that no long reader pins the store.
//! Each asks what may be read, and the answer must be as new as what is read: else nothing is.

mod turn;

use std::sync::Arc;

use syncline_protocol::codec::{ChangesHeader, SnapshotPartHeader, encode_hub};
use syncline_protocol::{
    Code, Cursor, Digest, Epoch, Filter, HubFrame, Reject, SnapshotMode, SpaceId, SpaceName, Start,
    Stretch, Total, ViewMark,
};

use crate::fanout::{Feed, Queue, SessionId};
use crate::selection::{Access, Selection};
use crate::store::{Snapshot, SpaceRow, Store, StoreError};
use turn::Turn;

/// A narrow view is digested at most so often, in milliseconds: less than a heartbeat, so that no
/// one who asks waits longer than two.
const SCAN_EVERY_MS: u64 = 5_000;
/// The mark of no selection, but by a chance of one in 2^64.
const NO_VIEW: ViewMark = ViewMark([0; 8]);

/// A session's place in a space.
#[derive(Debug)]
pub struct Subscription {
    session: SessionId,
    queue: Arc<Queue>,
    feed: Arc<Feed>,
    epoch: Epoch,
    selection: Selection,
    /// Keeps no copy, so nothing that was purged can hurt it.
    follows: bool,
    cursor: u64,
    /// Digests were asked for: the next catch-up ends with them, however narrow the view.
    verifies: bool,
    /// When a narrow view was last digested, in milliseconds since 1970.
    scanned_ms: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Snapshot(Progress),
    Turn(Turn),
    Log,
    Live,
}

/// How far a snapshot has been sent.
#[derive(Debug, Default)]
struct Progress {
    begun: bool,
    /// The copy was read in another life of the log: it may hold what a restored backup lacks.
    from_other_log: bool,
    part: u64,
    after: Option<Vec<u8>>,
}

/// What a principal may read in a space, as of a version of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which records.
    pub access: Access,
    /// The sequence of the space `system` that this is as of.
    pub version: u64,
}

impl Reading {
    /// All, whatever the directory says: for those who answer to nobody.
    #[must_use]
    pub const fn everything() -> Self {
        Self { access: Access::Everything, version: u64::MAX }
    }
}

/// Why a subscription ends.
#[derive(Debug)]
pub enum Ended {
    /// The client is told why.
    Reject(Reject),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a subscription begins with.
pub struct Beginning<'a> {
    /// The session.
    pub session: SessionId,
    /// The session's queue.
    pub queue: &'a Arc<Queue>,
    /// The space's feed.
    pub feed: Arc<Feed>,
    /// What the client asks for.
    pub filter: Filter,
    /// From where.
    pub start: Start,
    /// What the principal may read here.
    pub reading: Reading,
    /// Whether the principal may write here.
    pub writable: bool,
}

/// However it ends, nobody publishes to it any more.
impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.leave(self.session);
    }
}

impl Subscription {
    /// Begins a subscription; gives the frame that says so.
    ///
    /// # Errors
    /// A place in the log that does not exist, for those who follow the log alone.
    pub fn begin(beginning: Beginning<'_>, space: &SpaceRow) -> Result<(Self, Vec<u8>), Reject> {
        let Beginning { session, queue, feed, filter, start, reading, writable } = beginning;
        let selection = Selection::new(filter, reading.access);
        let mark = selection.mark();
        let (follows, cursor, state) = place(start, space, mark)?;
        feed.pin(session, Some(cursor));
        // If they no longer hold, the first page asks again.
        let _ = feed.join(session, (&selection, reading.version), queue);
        let head = Cursor { epoch: space.epoch, sequence: space.sequence, view: mark };
        let frame =
            HubFrame::Subscribed { space: feed.space().clone(), id: space.id, head, writable };
        let this = Self {
            session,
            queue: queue.clone(),
            feed,
            epoch: space.epoch,
            selection,
            follows,
            cursor,
            verifies: false,
            scanned_ms: 0,
            state,
        };
        Ok((this, encode_hub(&frame)))
    }

    /// The space's name.
    #[must_use]
    pub fn space(&self) -> &SpaceName {
        self.feed.space()
    }

    /// The space's id.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        self.feed.id()
    }

    /// The space's feed.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Everything up to this sequence has been given to the socket.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Whether the queue alone brings what is new.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state, State::Live)
    }

    /// The queue was dropped: reads on from the log.
    pub fn fall_behind(&mut self) {
        if self.is_live() {
            self.feed.pin(self.session, Some(self.cursor));
            self.state = State::Log;
        }
    }

    /// Whether a queued frame of this space is still news; counts it as given to the socket.
    pub fn take(&mut self, last: u64) -> bool {
        // A frame that comes while the log is read is read from the log.
        if !self.is_live() || last <= self.cursor {
            return false;
        }
        self.cursor = last;
        true
    }

    /// The empty stretch up to what has been published, when the queue is empty and there is one.
    pub fn stretch(&mut self, queue: &Queue) -> Option<Stretch> {
        let last = self.feed.published();
        if !self.is_live() || last <= self.cursor || queue.has_frames() {
            return None;
        }
        let before = std::mem::replace(&mut self.cursor, last);
        Some(Stretch { space: self.space().clone(), before, last })
    }

    /// The next frames of a running catch-up; none when live, and when what may be read was not
    /// known as of what there is to read: then ask once more. Reads at most about `page_bytes`.
    ///
    /// # Errors
    /// The space is gone or was restored, nothing may be read any more, or the store failed.
    pub fn catch_up(
        &mut self,
        store: &Store,
        page_bytes: usize,
        reading: impl Fn() -> Result<Reading, Reject>,
    ) -> Result<Vec<Vec<u8>>, Ended> {
        if self.is_live() || !self.listen_again(&reading)? {
            return Ok(Vec::new());
        }
        let snapshot = store.snapshot()?;
        let space = snapshot.space(self.space())?.filter(|space| space.id == self.id());
        let Some(space) = space.filter(|space| space.epoch == self.epoch) else {
            let what = format!("The space {} is gone", self.space());
            return Err(Ended::Reject(Reject::new(Code::UnknownSpace, what)));
        };
        let reading = reading().map_err(Ended::Reject)?;
        if reading.version < snapshot.rights_version()? {
            return Ok(Vec::new());
        }
        if reading.access != *self.selection.access() {
            return Ok(self.turn(reading.access));
        }
        if matches!(self.state, State::Log) && self.cursor < space.horizon && !self.follows {
            self.state = State::Snapshot(Progress::default());
        }
        match &mut self.state {
            State::Snapshot(_) => self.send_snapshot(&snapshot, &space, page_bytes),
            State::Turn(_) => self.send_turn(&snapshot, page_bytes),
            State::Log => self.send_log(&snapshot, &space, page_bytes),
            State::Live => Ok(Vec::new()),
        }
    }

    /// Fills the queue again where rights have changed; gives whether it is being filled.
    fn listen_again(&self, reading: impl Fn() -> Result<Reading, Reject>) -> Result<bool, Ended> {
        if self.feed.has(self.session) {
            return Ok(true);
        }
        let Reading { access, version } = reading().map_err(Ended::Reject)?;
        let selection = Selection::new(self.selection.filter().clone(), access);
        Ok(self.feed.join(self.session, (&selection, version), &self.queue))
    }

    /// Another part of the space may be read now. A copy is brought there record by record; one
    /// that is not whole yet begins anew, and who keeps none has nothing to bring. A copy on its
    /// way is of no view: should the session end here, its cursor is good for none.
    fn turn(&mut self, access: Access) -> Vec<Vec<u8>> {
        let filter = self.selection.filter().clone();
        let new = Selection::new(filter, access);
        let old = std::mem::replace(&mut self.selection, new);
        let state = std::mem::replace(&mut self.state, State::Log);
        self.state = match state {
            _ if self.follows => State::Log,
            State::Snapshot(progress) => {
                let from_other_log = progress.from_other_log;
                State::Snapshot(Progress { from_other_log, ..Progress::default() })
            }
            State::Turn(turn) => State::Turn(turn.again(&old)),
            State::Log | State::Live => State::Turn(Turn::from(&old)),
        };
        // What is queued was selected by rights that hold no more.
        self.feed.leave_queue(self.session);
        match self.state {
            State::Turn(_) => {
                let (space, mark) = (self.space().clone(), NO_VIEW);
                vec![encode_hub(&HubFrame::View { space, mark })]
            }
            _ => Vec::new(),
        }
    }

    fn send_turn(&mut self, snapshot: &Snapshot, page_bytes: usize) -> Result<Vec<Vec<u8>>, Ended> {
        let (id, cursor) = (self.feed.id(), self.cursor);
        let State::Turn(turn) = &mut self.state else { return Ok(Vec::new()) };
        let place = (self.feed.space(), id, cursor);
        let mut frames = turn.page(snapshot, place, &self.selection, page_bytes)?;
        if turn.is_done() {
            let (space, mark) = (self.space().clone(), self.selection.mark());
            frames.push(encode_hub(&HubFrame::View { space, mark }));
            self.state = State::Log;
        }
        Ok(frames)
    }

    /// Asks for digests: they end a short catch-up, so that they speak of exactly what was sent. A
    /// narrow view is scanned for them, and therefore only now and then: until then it waits.
    pub fn verify(&mut self, now_ms: u64) {
        self.verifies = true;
        let rested = now_ms.saturating_sub(self.scanned_ms) >= SCAN_EVERY_MS;
        if rested || self.selection.takes_whole_collections() {
            self.scanned_ms = now_ms;
            self.fall_behind();
        }
    }

    /// Begins what had to wait; called with every heartbeat.
    pub fn resume_verify(&mut self, now_ms: u64) {
        if self.verifies && self.is_live() {
            self.verify(now_ms);
        }
    }

    fn send_snapshot(
        &mut self,
        snapshot: &Snapshot,
        space: &SpaceRow,
        page_bytes: usize,
    ) -> Result<Vec<Vec<u8>>, Ended> {
        let (name, id, session) = (self.space().clone(), self.id(), self.session);
        let State::Snapshot(progress) = &mut self.state else { return Ok(Vec::new()) };
        let mut frames = Vec::new();
        if !progress.begun {
            progress.begun = true;
            self.cursor = space.sequence;
            self.feed.pin(session, Some(self.cursor));
            let total = total(snapshot, id, &self.selection)?;
            frames.push(begin_frame(&name, space, progress.from_other_log, total));
        }
        let after = progress.after.as_deref();
        let page = snapshot.shown(id, &self.selection, after, page_bytes)?;
        if page.count > 0 {
            let (part, deltas) = (progress.part, page.count);
            let header = SnapshotPartHeader { space: &name, part, deltas };
            frames.push(framed(&header.encode(), page.deltas));
            progress.part += 1;
        }
        progress.after = page.next;
        if progress.after.is_none() {
            let parts = progress.part;
            let cursor =
                Cursor { epoch: self.epoch, sequence: self.cursor, view: self.selection.mark() };
            frames.push(encode_hub(&HubFrame::SnapshotEnd { space: name, parts, cursor }));
            self.state = State::Log;
        }
        Ok(frames)
    }

    fn send_log(
        &mut self,
        snapshot: &Snapshot,
        space: &SpaceRow,
        page_bytes: usize,
    ) -> Result<Vec<Vec<u8>>, Ended> {
        let page = snapshot.log(self.id(), self.cursor, &self.selection, page_bytes)?;
        // Compaction may have removed the newest entries' elders, never the newest itself; a log
        // that was read to its end is read to the space's sequence.
        let last = if page.more { page.last } else { space.sequence.max(self.cursor) };
        let header = ChangesHeader {
            space: self.space(),
            before: self.cursor,
            last,
            more: page.more,
            deltas: page.count,
        };
        let mut frames = vec![framed(&header.encode(), page.deltas)];
        self.cursor = last;
        if page.more {
            self.feed.pin(self.session, Some(self.cursor));
        } else {
            if self.selection.takes_whole_collections() || std::mem::take(&mut self.verifies) {
                self.verifies = false;
                frames.push(self.digest_frame(snapshot, last)?);
            }
            self.feed.pin(self.session, None);
            self.state = State::Live;
        }
        Ok(frames)
    }

    fn digest_frame(&self, snapshot: &Snapshot, sequence: u64) -> Result<Vec<u8>, StoreError> {
        let digests = if self.selection.takes_whole_collections() {
            snapshot.digests(self.id(), self.selection.filter())?
        } else {
            scan_digests(snapshot, self.id(), &self.selection)?
        };
        let space = self.space().clone();
        Ok(encode_hub(&HubFrame::Digests { space, sequence, digests }))
    }
}

/// Where a subscription begins: whether it follows the log alone, its cursor, and its state.
fn place(start: Start, space: &SpaceRow, mark: ViewMark) -> Result<(bool, u64, State), Reject> {
    match start {
        Start::Follow { epoch, after } => {
            let after = after.unwrap_or(space.sequence);
            if epoch.is_some_and(|epoch| epoch != space.epoch) || after > space.sequence {
                let what = "This place is not in the log";
                return Err(Reject::new(Code::UnknownCursor, what));
            }
            Ok((true, after, State::Log))
        }
        Start::Resume(cursor)
            if cursor.epoch == space.epoch
                && cursor.view == mark
                && (space.horizon..=space.sequence).contains(&cursor.sequence) =>
        {
            Ok((false, cursor.sequence, State::Log))
        }
        Start::Resume(cursor) => {
            // A cursor ahead of the log was read in another one, whatever its epoch.
            let from_other_log = cursor.epoch != space.epoch || cursor.sequence > space.sequence;
            let progress = Progress { from_other_log, ..Progress::default() };
            Ok((false, space.sequence, State::Snapshot(progress)))
        }
        Start::Snapshot => Ok((false, space.sequence, State::Snapshot(Progress::default()))),
    }
}

/// A frame of these deltas, made where they are: a page is large, and memory that was never touched
/// costs more than to move within it.
fn framed(header: &[u8], mut deltas: Vec<u8>) -> Vec<u8> {
    deltas.splice(..0, header.iter().copied());
    deltas
}

/// Only a copy of the log before the restore gives back what is newer: one that was away for too
/// long in this log would bring back what was deleted and purged here.
fn begin_frame(name: &SpaceName, space: &SpaceRow, from_other_log: bool, total: Total) -> Vec<u8> {
    let mode = match space.restored_ms {
        Some(_) if from_other_log && !space.authoritative => SnapshotMode::Join,
        _ => SnapshotMode::Replace,
    };
    encode_hub(&HubFrame::SnapshotBegin { space: name.clone(), id: space.id, mode, total })
}

/// What a filter's collections hold; a prefix may select less. Who may not read all of it is not
/// told how much there is.
fn total(snapshot: &Snapshot, space: SpaceId, of: &Selection) -> Result<Total, StoreError> {
    if *of.access() != Access::Everything {
        return Ok(Total::default());
    }
    let filter = of.filter();
    let collections = snapshot.collections(space)?;
    let wanted = collections.iter().filter(|(name, _)| filter.selects_collection(name.as_str()));
    Ok(wanted.fold(Total::default(), |total, (_, row)| Total {
        records: total.records + row.records,
        bytes: total.bytes + row.bytes,
    }))
}

fn scan_digests(
    snapshot: &Snapshot,
    space: SpaceId,
    selection: &Selection,
) -> Result<std::collections::BTreeMap<syncline_protocol::CollectionName, Digest>, StoreError> {
    let mut digests = std::collections::BTreeMap::<_, Digest>::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = snapshot.records(space, selection, after.as_deref(), 1 << 20)?;
        for (collection, key, row) in &page.records {
            if row.record.is_visible() {
                let digest = digests.entry(collection.clone()).or_default();
                digest.add_record(collection, key, &row.record);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(digests);
        }
    }
}
