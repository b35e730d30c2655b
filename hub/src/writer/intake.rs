//! The intake: pushes that wait for the writer, taken in turns over those who sent them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::engine::{Answer, Entry};

/// An entry that waits, and whoever waits for its answer.
pub struct Job {
    /// What to apply.
    pub entry: Entry,
    /// What it weighs: deltas.
    pub deltas: usize,
    /// What it weighs: bytes.
    pub bytes: usize,
    /// Called with the answer once the batch is on disk, or has failed.
    pub reply: Box<dyn FnOnce(Answer) + Send>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("deltas", &self.deltas).finish_non_exhaustive()
    }
}

/// What a batch holds at most. A single job may be larger.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimit {
    /// Bytes.
    pub bytes: usize,
    /// Deltas.
    pub deltas: usize,
}

/// Jobs that wait. Who submits bounds their bytes; see `hub.rs`.
#[derive(Debug, Default)]
pub struct Intake {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<u64, VecDeque<Job>>,
    turns: VecDeque<u64>,
    closed: bool,
}

impl Intake {
    /// Puts a job behind those of the same source. Gives it back when the intake is closed.
    ///
    /// # Errors
    /// The job, when nothing is taken any more.
    pub fn put(&self, source: u64, job: Job) -> Result<(), Job> {
        let mut state = self.lock();
        if state.closed {
            return Err(job);
        }
        let queue = state.waiting.entry(source).or_default();
        queue.push_back(job);
        if queue.len() == 1 {
            state.turns.push_back(source);
        }
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for jobs until `until` and takes a batch of them, one of each source in turn. None
    /// when the intake is closed and empty.
    pub fn take(&self, limit: BatchLimit, until: Option<Instant>) -> Option<Vec<Job>> {
        let mut state = self.lock();
        while state.turns.is_empty() {
            if state.closed {
                return None;
            }
            let left = until.map_or(Duration::from_secs(3600), |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Some(Vec::new());
            }
            let waited = self.arrived.wait_timeout(state, left);
            state = waited.expect("nothing panics while it holds the intake").0;
        }
        Some(state.take(limit))
    }

    /// Takes nothing more; what waits is still handed out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the intake")
    }
}

impl State {
    fn take(&mut self, limit: BatchLimit) -> Vec<Job> {
        let (mut jobs, mut bytes, mut deltas) = (Vec::new(), 0, 0);
        while let Some(source) = self.turns.pop_front() {
            let Some(queue) = self.waiting.get_mut(&source) else { continue };
            let Some(job) = queue.pop_front() else { continue };
            bytes += job.bytes;
            deltas += job.deltas;
            if !jobs.is_empty() && (bytes > limit.bytes || deltas > limit.deltas) {
                queue.push_front(job);
                self.turns.push_front(source);
                break;
            }
            if queue.is_empty() {
                self.waiting.remove(&source);
            } else {
                self.turns.push_back(source);
            }
            jobs.push(job);
        }
        jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::principal::Principal;
    use crate::engine::Work;

    fn job(deltas: usize) -> Job {
        let entry = Entry { principal: Principal::hub(), now_ms: 0, work: Work::Heard(vec![]) };
        Job { entry, deltas, bytes: 1, reply: Box::new(|_| {}) }
    }

    #[test]
    fn sources_take_turns_and_keep_their_order() {
        let intake = Intake::default();
        for deltas in [1, 2, 3] {
            intake.put(1, job(deltas)).unwrap();
        }
        intake.put(2, job(10)).unwrap();
        let limit = BatchLimit { bytes: 100, deltas: 100 };
        let order: Vec<_> =
            intake.take(limit, None).unwrap().iter().map(|job| job.deltas).collect();
        assert_eq!(order, [1, 10, 2, 3]);
    }

    #[test]
    fn a_batch_ends_at_its_limit_but_never_empty() {
        let intake = Intake::default();
        for deltas in [5, 3, 1] {
            intake.put(1, job(deltas)).unwrap();
        }
        let limit = BatchLimit { bytes: 100, deltas: 4 };
        let lengths: Vec<_> = (0..2).map(|_| intake.take(limit, None).unwrap().len()).collect();
        assert_eq!(lengths, [1, 2]);
        assert!(intake.take(limit, Some(Instant::now())).unwrap().is_empty());
        intake.close();
        assert!(intake.take(limit, None).is_none());
        assert!(intake.put(1, job(1)).is_err());
    }
}
