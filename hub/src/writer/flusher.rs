//! When what waits in the store's memory is flushed, and who does it: a thread of its own, so that
//! no batch waits for redb, or the writer itself where there is none.

use std::sync::mpsc::SyncSender;

use crate::config::Store as Settings;
use crate::store::{Pace, Reach, Store, StoreError};

/// A thread that was busy is asked again after this.
const RETRY_MS: u64 = 100;
/// The journal may become so many times as long as it should before the writer waits for it.
const PATIENCE: u64 = 2;

/// Asks for flushes.
#[derive(Debug)]
pub(super) struct Flusher {
    store: Store,
    settings: Settings,
    /// Takes what is asked only when it has nothing else to do: what it is doing may be enough.
    thread: Option<SyncSender<Reach>>,
    /// When the journal is checkpointed at the latest, in milliseconds since 1970; none when it is
    /// empty.
    due_ms: Option<u64>,
}

impl Flusher {
    pub(super) fn new(store: Store, settings: Settings) -> Self {
        Self { store, settings, thread: None, due_ms: None }
    }

    /// Leaves the work to whoever listens there.
    pub(super) fn leave_to(&mut self, thread: SyncSender<Reach>) {
        self.thread = Some(thread);
    }

    /// When the next checkpoint is due, in milliseconds since 1970.
    pub(super) fn due_ms(&self) -> u64 {
        self.due_ms.unwrap_or(u64::MAX)
    }

    /// A batch was written: its entry does not stay in the journal for ever.
    pub(super) fn notice(&mut self, now_ms: u64) {
        if self.due_ms.is_none() && self.store.journal_bytes() > 0 {
            let interval = u64::try_from(self.settings.checkpoint_interval.as_millis());
            self.due_ms = Some(now_ms.saturating_add(interval.unwrap_or(u64::MAX)));
        }
    }

    /// Has that flushed which should be.
    pub(super) fn flush_when_due(&mut self, now_ms: u64) -> Result<(), StoreError> {
        let bytes = self.store.journal_bytes();
        self.due_ms = self.due_ms.filter(|_| bytes > 0);
        let limit = self.settings.journal_bytes;
        if bytes >= limit.saturating_mul(PATIENCE) {
            self.due_ms = None;
            return self.store.flush(Reach::Disk(Pace::Full));
        }
        let is_due = self.due_ms() <= now_ms;
        let pace = if bytes >= limit { Pace::Full } else { Pace::Gentle };
        if is_due || bytes >= limit {
            let retry_ms = now_ms.saturating_add(RETRY_MS);
            self.due_ms = if self.ask(Reach::Disk(pace))? { None } else { Some(retry_ms) };
        } else if self.store.wants_flush() {
            self.ask(Reach::Readers)?;
        }
        Ok(())
    }

    /// Says whether someone does it.
    fn ask(&self, reach: Reach) -> Result<bool, StoreError> {
        match &self.thread {
            Some(thread) => Ok(thread.try_send(reach).is_ok()),
            None => self.store.flush(reach).map(|()| true),
        }
    }
}
