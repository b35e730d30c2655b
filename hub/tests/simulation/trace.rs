//! The last events of a run, kept for whoever must find out why it failed. Notes are plain data:
//! nothing is put into words before it is asked for.

use std::cell::RefCell;
use std::collections::VecDeque;

use syncline_protocol::{Code, PushId};

/// How many notes are kept.
const NOTES_MAX: usize = 400;

/// One thing that happened.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "read by Debug alone, when a run failed")]
pub(crate) enum Note {
    Connected { device: usize, conn: u64 },
    Refused { device: usize },
    Cut { conn: u64 },
    Lost { conn: u64, to_hub: bool, bytes: usize },
    Wrote { device: usize, push: PushId, words: String },
    Committed { push: PushId, answer: Result<u64, Code> },
    Forgot { before: PushId },
    Told { device: usize, words: String },
    Crash { in_commit: bool },
    Restart,
    HubClock { skew_ms: i64 },
    DeviceClock { device: usize, by_ms: i64 },
    DeviceRestart { device: usize },
    Away { device: usize, until_ms: u64 },
    Stalled { conn: u64, until_ms: u64 },
    Healed,
}

thread_local! {
    static NOTES: RefCell<VecDeque<(u64, Note)>> = const { RefCell::new(VecDeque::new()) };
}

/// Forgets the notes of the last run.
pub(crate) fn begin() {
    NOTES.with_borrow_mut(VecDeque::clear);
}

pub(crate) fn note(now_ms: u64, note: Note) {
    NOTES.with_borrow_mut(|notes| {
        if notes.len() == NOTES_MAX {
            notes.pop_front();
        }
        notes.push_back((now_ms, note));
    });
}

/// The last notes of this thread's run, a line each.
pub(crate) fn lines() -> String {
    NOTES.with_borrow(|notes| {
        notes.iter().map(|(at_ms, note)| format!("{at_ms:>8} {note:?}\n")).collect()
    })
}
