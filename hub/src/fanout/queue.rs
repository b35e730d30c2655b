//! One session's queue: frames and answers that wait for its socket.
//!
//! Frames are bounded in bytes. A queue that is full of them is dropped whole, never in the
//! middle: from then on it takes none until its session has said that it will read from the log.
//! Answers are never dropped: there is one to each push, and whoever pushes bounds how many may be
//! missing.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use syncline_protocol::{PushId, Reject, SpaceId};
use tokio::sync::Notify;

/// What a frame costs beyond its bytes: its place in the queue.
const FRAME_COST: usize = 48;

/// Frames that wait for one session's socket.
#[derive(Debug)]
pub struct Queue {
    bytes_max: usize,
    state: Mutex<State>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct State {
    answers: Vec<Answered>,
    frames: VecDeque<Waiting>,
    bytes: usize,
    /// What waited was dropped; whether because it was too much.
    behind: Option<bool>,
    recheck: bool,
    goodbye: Option<(Reject, Option<u64>)>,
}

#[derive(Debug)]
struct Waiting {
    /// The space and the frame's `last`; none for what is not stored.
    place: Option<(SpaceId, u64)>,
    bytes: Bytes,
}

/// The answer to a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The push.
    pub push: PushId,
    /// Its bytes on the wire.
    pub bytes: usize,
    /// The sequence to acknowledge, or why it was refused.
    pub answer: Result<u64, Reject>,
}

/// What comes out of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Popped {
    /// Nothing waits.
    Nothing,
    /// All answers that wait, in the order in which they were given.
    Answers(Vec<Answered>),
    /// A frame, with its space and `last` when it moves a cursor.
    Frame(Option<(SpaceId, u64)>, Bytes),
    /// What waited has been dropped: read on from the log. Told once.
    Behind {
        /// Because it was too much, and not because it may be meant for others by now.
        was_full: bool,
    },
    /// Rights have changed: look whether this session's have. Told once.
    Recheck,
    /// The session must end, and may come back after so many milliseconds.
    Goodbye(Reject, Option<u64>),
}

impl Queue {
    /// A queue of at most this many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), ready: Notify::new() }
    }

    /// Queues a frame that moves a cursor. Call [`Queue::wake`] after the last of several.
    pub(super) fn push(&self, space: SpaceId, last: u64, bytes: Bytes) {
        self.put(Waiting { place: Some((space, last)), bytes });
    }

    /// Queues a frame that is worth nothing later.
    pub(super) fn push_ephemeral(&self, bytes: Bytes) {
        self.put(Waiting { place: None, bytes });
        self.wake();
    }

    /// Queues the answer to a push.
    pub fn answer(&self, answered: Answered) {
        let mut state = self.lock();
        state.answers.push(answered);
        let is_first = state.answers.len() == 1;
        drop(state);
        if is_first {
            self.wake();
        }
    }

    /// Drops the frames that wait: they may not be for this session any more.
    pub(super) fn retire(&self) {
        self.lock().drop_frames(false);
        self.wake();
    }

    /// Rights have changed.
    pub fn recheck(&self) {
        self.lock().recheck = true;
        self.wake();
    }

    /// Asks the session to end.
    pub fn goodbye(&self, reject: Reject, retry_after_ms: Option<u64>) {
        self.lock().goodbye = Some((reject, retry_after_ms));
        self.wake();
    }

    pub(super) fn wake(&self) {
        self.ready.notify_one();
    }

    /// Waits until something may have come.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Takes the next thing out. After [`Popped::Behind`] the queue fills again.
    pub fn pop(&self) -> Popped {
        let mut state = self.lock();
        if !state.answers.is_empty() {
            return Popped::Answers(std::mem::take(&mut state.answers));
        }
        if let Some((reject, retry_after_ms)) = state.goodbye.take() {
            return Popped::Goodbye(reject, retry_after_ms);
        }
        if std::mem::take(&mut state.recheck) {
            return Popped::Recheck;
        }
        if let Some(was_full) = state.behind.take() {
            return Popped::Behind { was_full };
        }
        match state.frames.pop_front() {
            None => {
                // What a burst needed is given back: idle sessions are many.
                if state.frames.capacity() > 8 {
                    state.frames = VecDeque::new();
                }
                Popped::Nothing
            }
            Some(frame) => {
                state.bytes -= frame.bytes.len() + FRAME_COST;
                Popped::Frame(frame.place, frame.bytes)
            }
        }
    }

    /// Whether frames wait, or did and were dropped.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        let state = self.lock();
        !state.frames.is_empty() || state.behind.is_some()
    }

    /// The bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn put(&self, frame: Waiting) {
        let mut state = self.lock();
        if state.behind.is_some() {
            return;
        }
        let bytes = state.bytes + frame.bytes.len() + FRAME_COST;
        if bytes > self.bytes_max {
            state.drop_frames(true);
            return;
        }
        state.bytes = bytes;
        state.frames.push_back(frame);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds a queue")
    }
}

impl State {
    fn drop_frames(&mut self, is_full: bool) {
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.behind.get_or_insert(is_full);
    }
}

#[cfg(test)]
mod tests {
    use syncline_protocol::{Code, ReplicaId};

    use super::*;

    #[test]
    fn a_full_queue_is_dropped_whole_and_takes_nothing_until_told() {
        let queue = Queue::new(2 * FRAME_COST + 10);
        let frame = |text: &'static str| Bytes::from_static(text.as_bytes());
        queue.push(SpaceId(1), 1, frame("12345"));
        queue.push(SpaceId(1), 2, frame("12345"));
        assert_eq!(queue.bytes(), 2 * FRAME_COST + 10);
        queue.push(SpaceId(1), 3, frame("1"));
        queue.push(SpaceId(1), 4, frame("1"));
        assert_eq!(queue.bytes(), 0);
        assert_eq!(queue.pop(), Popped::Behind { was_full: true });
        assert_eq!(queue.pop(), Popped::Nothing);
        queue.push(SpaceId(1), 5, frame("1"));
        assert_eq!(queue.pop(), Popped::Frame(Some((SpaceId(1), 5)), frame("1")));
        assert_eq!(queue.bytes(), 0);
        queue.retire();
        assert_eq!(queue.pop(), Popped::Behind { was_full: false });
    }

    #[test]
    fn answers_come_first_together_and_are_never_dropped() {
        let queue = Queue::new(0);
        let push = PushId { replica: ReplicaId::from_random(1), counter: 1 };
        let answered = |sequence| Answered { push, bytes: 9, answer: Ok(sequence) };
        queue.goodbye(Reject::new(Code::GoingAway, "The hub is shutting down"), None);
        queue.answer(answered(1));
        queue.push(SpaceId(1), 1, Bytes::from_static(b"more than nothing"));
        queue.answer(answered(2));
        assert_eq!(queue.pop(), Popped::Answers(vec![answered(1), answered(2)]));
        assert!(matches!(queue.pop(), Popped::Goodbye(..)));
        assert_eq!(queue.pop(), Popped::Behind { was_full: true });
    }
}
