//! Drives connections: closed loops that keep a window full, open loops that keep a schedule, and
//! listeners that count and time what they receive.
//!
//! Latency is measured from the moment a write was meant to be sent, not from when the connection
//! got round to it, so that a system that stalls cannot hide its stall (coordinated omission).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::clock::{instant, now_ns};
use crate::tally::{Span, Tally};
use crate::target::{Arrival, Failure, Link};
use crate::workload::{Workload, Write, marks};

/// After the end a connection waits so long for what is still on its way.
const GRACE: Duration = Duration::from_secs(10);
/// Senders that share a room: a mark has one byte for them.
const SENDERS_MAX: usize = 256;
/// Ticks that wait for a sender.
const TICKS_MAX: usize = 1024;

/// Pushes that one connection sends.
#[derive(Debug, Clone)]
pub(crate) struct Pushes {
    /// What is written.
    pub(crate) workload: Workload,
    /// Writes of one push.
    pub(crate) writes: usize,
    /// When to send.
    pub(crate) pace: Pace,
}

/// When a connection sends.
#[derive(Debug, Clone)]
pub(crate) enum Pace {
    /// So many pushes under way at a time, by their acks.
    Window(usize),
    /// As many as all listeners together have room for.
    Room(Arc<Room>),
    /// One push every so many nanoseconds, from an offset on, whatever happens.
    Every { interval_ns: u64, offset_ns: u64 },
}

/// Room for writes that not all listeners have received: bounds what is under way end to end, so
/// that a system is measured at the speed of its listeners, not of its promises.
///
/// A write that another has superseded may never reach a listener, and must not hold its room
/// forever. Each sender's writes arrive in their order, so that one which has arrived everywhere
/// says that those before it are over as well; a mark's last byte tells whose it is.
#[derive(Debug)]
pub(crate) struct Room {
    /// Writes of one sender that may be under way.
    window: usize,
    /// For each listener the newest mark of each sender.
    seen: Vec<Vec<AtomicU64>>,
    listeners: AtomicUsize,
    senders: AtomicUsize,
    received: AtomicU64,
    changed: Notify,
}

impl Room {
    /// Room for `window` writes of each sender on their way to all listeners.
    pub(crate) fn new(listeners: usize, senders: usize, window: usize) -> Arc<Self> {
        let senders = senders.min(SENDERS_MAX);
        let marks = || (0..senders).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            window,
            seen: (0..listeners).map(|_| marks()).collect(),
            listeners: AtomicUsize::new(0),
            senders: AtomicUsize::new(0),
            received: AtomicU64::new(0),
            changed: Notify::new(),
        })
    }

    /// The number of one more listener.
    fn listener(&self) -> usize {
        self.listeners.fetch_add(1, Ordering::Relaxed) % self.seen.len().max(1)
    }

    /// The number of one more sender.
    fn sender(&self) -> usize {
        self.senders.fetch_add(1, Ordering::Relaxed) % self.seen.first().map_or(1, Vec::len).max(1)
    }

    /// The mark of a sender's write that is sent now, at most 256 ns off.
    fn mark(sender: usize) -> u64 {
        now_ns() & !0xff | sender as u64
    }

    fn see(&self, listener: usize, mark: u64) {
        let sender = usize::from(mark.to_le_bytes()[0]);
        // Each row has one listener that writes it.
        if let Some(newest) = self.seen[listener].get(sender)
            && newest.load(Ordering::Relaxed) < mark
        {
            newest.store(mark, Ordering::Relaxed);
        }
    }

    /// Tells senders of room once for as many deliveries as there are listeners.
    fn receive(&self, count: u64) {
        let listeners = self.seen.len() as u64;
        let before = self.received.fetch_add(count, Ordering::Relaxed);
        if before / listeners != (before + count) / listeners {
            self.changed.notify_waiters();
        }
    }

    /// The newest mark of a sender that all listeners have seen.
    fn seen_by_all(&self, sender: usize) -> u64 {
        let marks = self.seen.iter().map(|seen| seen[sender].load(Ordering::Relaxed));
        marks.min().unwrap_or(0)
    }
}

/// Counts what a listener receives until the span's end.
pub(crate) struct Listener {
    /// Whether each delivery is timed; counting alone is cheaper.
    is_timed: bool,
    /// Who is told of room, and as which listener.
    room: Option<(Arc<Room>, usize)>,
    span: Span,
    tally: Tally,
}

impl Listener {
    /// A listener that counts within a span.
    pub(crate) fn new(is_timed: bool, room: Option<Arc<Room>>, span: Span) -> Self {
        let room = room.map(|room| (room.clone(), room.listener()));
        Self { is_timed, room, span, tally: Tally::default() }
    }

    /// Notes when each delivery was, to be held against its ack.
    pub(crate) fn noting(mut self) -> Self {
        self.tally.notes = Some(Vec::new());
        self
    }

    /// Listens until the span ends.
    pub(crate) async fn run(self, link: Box<dyn Link>) -> Result<Tally, Failure> {
        self.run_until(link, std::future::pending()).await
    }

    /// Listens until the span ends, or something else does.
    pub(crate) async fn run_until(
        mut self,
        mut link: Box<dyn Link>,
        until: impl Future<Output = ()>,
    ) -> Result<Tally, Failure> {
        let end = sleep_until(instant(self.span.end_ns));
        tokio::pin!(end, until);
        loop {
            let arrival = tokio::select! {
                biased;
                () = &mut end => return Ok(self.tally),
                () = &mut until => return Ok(self.tally),
                arrival = link.next() => arrival?,
            };
            if let Arrival::Bytes(bytes) = arrival {
                self.count(&bytes);
            }
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        let now = now_ns();
        let mut count = 0;
        for mark in marks(bytes) {
            count += 1;
            if let Some((room, listener)) = &self.room {
                room.see(*listener, mark);
            }
            if self.is_timed && self.span.holds(mark) {
                self.tally.delivered.time(now.saturating_sub(mark));
                self.tally.note(mark, now);
            }
        }
        self.tally.delivered.count(&self.span, now, count);
        if let Some((room, _)) = &self.room {
            room.receive(count);
        }
    }
}

/// A connection that sends, and what it waits for.
pub(crate) struct Sender {
    link: Box<dyn Link>,
    pushes: Pushes,
    span: Span,
    tally: Tally,
    /// When each push that has no answer was meant to be sent; the first of them has this number.
    waiting: VecDeque<Option<u64>>,
    first: u64,
    /// Pushes without an answer.
    under_way: usize,
}

impl Sender {
    /// A connection that is to send.
    pub(crate) fn new(link: Box<dyn Link>, pushes: Pushes, span: Span) -> Self {
        Self {
            link,
            pushes,
            span,
            tally: Tally::default(),
            waiting: VecDeque::new(),
            first: 0,
            under_way: 0,
        }
    }

    /// Notes when each ack was, to be held against the delivery.
    pub(crate) fn noting(mut self) -> Self {
        self.tally.notes = Some(Vec::new());
        self
    }

    /// Sends until the span ends, then waits for what is under way.
    pub(crate) async fn run(mut self) -> Result<Tally, Failure> {
        match self.pushes.pace.clone() {
            Pace::Window(window) => self.keep_window(window).await?,
            Pace::Room(room) => self.fill_room(&room).await?,
            Pace::Every { interval_ns, offset_ns } => {
                self.keep_schedule(interval_ns, offset_ns).await?;
            }
        }
        // What has no answer by now is missing from the figures, and shows in them.
        let _ = timeout(GRACE, async {
            while self.under_way > 0 {
                self.receive().await?;
            }
            Ok::<_, Failure>(())
        })
        .await;
        Ok(self.tally)
    }

    async fn keep_window(&mut self, window: usize) -> Result<(), Failure> {
        while now_ns() < self.span.end_ns {
            let has_room = self.under_way < window;
            while self.under_way < window {
                self.send(now_ns()).await?;
            }
            if has_room {
                self.link.flush().await?;
            }
            self.receive().await?;
        }
        Ok(())
    }

    async fn fill_room(&mut self, room: &Room) -> Result<(), Failure> {
        let (sender, writes) = (room.sender(), self.pushes.writes);
        let mut sent = VecDeque::new();
        while now_ns() < self.span.end_ns {
            let changed = room.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let seen = room.seen_by_all(sender);
            while sent.front().is_some_and(|mark| *mark <= seen) {
                sent.pop_front();
            }
            let has_sent = (sent.len() + 1) * writes <= room.window;
            while (sent.len() + 1) * writes <= room.window {
                let mark = Room::mark(sender);
                self.send(mark).await?;
                sent.push_back(mark);
            }
            if has_sent {
                self.link.flush().await?;
            }
            tokio::select! {
                () = &mut changed => {}
                arrival = self.link.next() => self.arrived(arrival?),
                () = sleep_until(instant(self.span.end_ns)) => {}
            }
        }
        Ok(())
    }

    async fn keep_schedule(&mut self, interval_ns: u64, offset_ns: u64) -> Result<(), Failure> {
        let mut ticks = ticks(now_ns() + offset_ns, interval_ns, self.span.end_ns);
        loop {
            tokio::select! {
                biased;
                tick = ticks.recv() => {
                    let Some(mut due_ns) = tick else { return Ok(()) };
                    loop {
                        self.send(due_ns).await?;
                        let Ok(next) = ticks.try_recv() else { break };
                        due_ns = next;
                    }
                    self.link.flush().await?;
                }
                arrival = self.link.next() => self.arrived(arrival?),
            }
        }
    }

    /// Hands one push to the link, meant to be sent at this moment.
    async fn send(&mut self, due_ns: u64) -> Result<(), Failure> {
        let Pushes { workload, writes, .. } = &mut self.pushes;
        let writes: Vec<Write> = (0..*writes).map(|_| workload.next(due_ns)).collect();
        self.link.feed(&writes).await?;
        self.waiting.push_back(Some(due_ns));
        self.under_way += 1;
        Ok(())
    }

    /// Waits for what comes, and takes all that has come.
    async fn receive(&mut self) -> Result<(), Failure> {
        let mut next = Some(self.link.next().await);
        while let Some(arrival) = next {
            self.arrived(arrival?);
            next = self.link.next().now_or_never();
        }
        Ok(())
    }

    fn arrived(&mut self, arrival: Arrival) {
        let Arrival::Acked(pushes) = arrival else { return };
        let now = now_ns();
        for push in pushes {
            let index = push.checked_sub(self.first).and_then(|it| usize::try_from(it).ok());
            let Some(due_ns) = index.and_then(|it| self.waiting.get_mut(it)?.take()) else {
                continue;
            };
            self.under_way -= 1;
            self.tally.acked.count(&self.span, now, self.pushes.writes as u64);
            if self.span.holds(due_ns) {
                self.tally.acked.time(now.saturating_sub(due_ns));
                self.tally.note(due_ns, now);
            }
        }
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
    }
}

/// The moments of a schedule, each handed out when it has come. A thread of its own sleeps for
/// them: the runtime's timer knows whole milliseconds only, which is longer than what is measured.
fn ticks(begin_ns: u64, interval_ns: u64, end_ns: u64) -> mpsc::Receiver<u64> {
    let (tick, ticks) = mpsc::channel(TICKS_MAX);
    std::thread::spawn(move || {
        let mut due_ns = begin_ns;
        while due_ns < end_ns {
            std::thread::sleep(Duration::from_nanos(due_ns.saturating_sub(now_ns())));
            // A sender that has gone ends the schedule; one that is slow is waited for, and the
            // lateness counts, since a tick says when it was due.
            if tick.blocking_send(due_ns).is_err() {
                return;
            }
            due_ns += interval_ns;
        }
    });
    ticks
}

/// Waits for all tasks; the first failure ends it.
pub(crate) async fn all<T: 'static>(
    mut tasks: JoinSet<Result<T, Failure>>,
) -> Result<Vec<T>, Failure> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result.map_err(|error| Failure::new(error.to_string()))??);
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_superseded_write_gives_its_room_back() {
        let room = Room::new(2, 2, 8);
        let (a, b) = (room.sender(), room.sender());
        let listeners = [room.listener(), room.listener()];
        assert_eq!((a, b, listeners), (0, 1, [0, 1]));
        // The first write of `a` reaches one listener alone, its second both.
        room.see(0, 0x100);
        room.see(0, 0x200);
        assert_eq!(room.seen_by_all(a), 0);
        room.see(1, 0x200);
        assert_eq!((room.seen_by_all(a), room.seen_by_all(b)), (0x200, 0));
        // What comes late or twice takes nothing back.
        room.see(1, 0x100);
        assert_eq!(room.seen_by_all(a), 0x200);
    }

    #[test]
    fn a_mark_tells_its_sender() {
        assert_eq!(Room::mark(7).to_le_bytes()[0], 7);
        // The sender stands where the last bits of the time would: a mark is early or late by it.
        let mark = Room::mark(0);
        assert!(now_ns().abs_diff(mark) < 60_000_000_000);
    }
}
