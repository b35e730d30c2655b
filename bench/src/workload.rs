//! What is written: small edits of to-do records, the same ones for the same seed.
//!
//! Every write carries a mark: the time it was meant to be sent, as text. Whatever encoding a
//! system uses on its wire, the mark's bytes are in what a reader receives, so that deliveries of
//! all systems are counted and timed by one and the same piece of code.

use std::sync::Arc;

use memchr::memmem;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Before the sixteen hexadecimal digits of a mark.
const MARK: &[u8] = b"t@";
/// Bytes of a mark.
const MARK_BYTES: usize = 18;
/// Different titles of records.
const TITLES: usize = 256;
const WORDS: [&str; 16] = [
    "buy",
    "call",
    "mend",
    "read",
    "write",
    "the",
    "garden",
    "letter",
    "invoice",
    "bicycle",
    "kitchen",
    "about",
    "with",
    "tomorrow",
    "neighbour",
    "library",
];

/// An edit of one record: a title, a tick, and the mark.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    /// Which record, from 0.
    pub(crate) record: u64,
    /// What it is called now.
    pub(crate) title: Arc<str>,
    /// Whether it is done.
    pub(crate) done: bool,
    /// Whether the record is deleted instead; the next write of it brings it back.
    pub(crate) deletes: bool,
    /// When it was meant to be sent, in nanoseconds of the run's clock.
    pub(crate) mark_ns: u64,
}

impl Write {
    /// The record's key.
    pub(crate) fn key(&self) -> String {
        key(self.record)
    }

    /// The mark as text.
    pub(crate) fn mark(&self) -> String {
        format!("t@{:016x}", self.mark_ns)
    }

    /// The record's fields as a MessagePack map, for systems that carry bytes beside a key.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let (title, done, at) = (&*self.title, self.done, self.mark());
        rmp_serde::to_vec_named(&Fields { title, done, at: &at }).expect("memory takes every write")
    }
}

/// A record's fields, by name.
#[derive(serde::Serialize)]
struct Fields<'a> {
    title: &'a str,
    done: bool,
    at: &'a str,
}

/// The key of a record.
pub(crate) fn key(record: u64) -> String {
    format!("todo-{record:08}")
}

/// The marks in what a reader received, in nanoseconds of the run's clock.
pub(crate) fn marks(bytes: &[u8]) -> impl Iterator<Item = u64> {
    memmem::find_iter(bytes, MARK).filter_map(|at| {
        let digits = bytes.get(at + MARK.len()..at + MARK_BYTES)?;
        u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    })
}

/// An endless, seeded row of writes.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    random: SmallRng,
    titles: Arc<[Arc<str>]>,
    /// Records that are edited.
    records: u64,
    /// Of a hundred writes so many are deletes.
    deletes: u32,
}

impl Workload {
    /// Edits of so many records.
    pub(crate) fn new(seed: u64, records: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let titles = (0..TITLES).map(|_| title(&mut random)).collect();
        Self { random, titles, records: records.max(1), deletes: 0 }
    }

    /// The same records in another order, for another connection.
    pub(crate) fn branch(&self, index: u64) -> Self {
        let mut branch = self.clone();
        let seed = branch.random.random::<u64>() ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        branch.random = SmallRng::seed_from_u64(seed);
        branch
    }

    /// The same with so many deletes among a hundred writes.
    pub(crate) fn deleting(mut self, deletes: u32) -> Self {
        self.deletes = deletes;
        self
    }

    /// The next edit, of any record.
    pub(crate) fn next(&mut self, mark_ns: u64) -> Write {
        let record = self.random.random_range(0..self.records);
        self.of(record, mark_ns)
    }

    /// An edit of this record.
    pub(crate) fn of(&mut self, record: u64, mark_ns: u64) -> Write {
        let title = self.titles[self.random.random_range(0..TITLES)].clone();
        let deletes = self.deletes > 0 && self.random.random_range(0..100) < self.deletes;
        Write { record, title, done: self.random.random(), deletes, mark_ns }
    }
}

fn title(random: &mut SmallRng) -> Arc<str> {
    let words = (0..random.random_range(2..6)).map(|_| WORDS[random.random_range(0..WORDS.len())]);
    words.collect::<Vec<_>>().join(" ").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_what_carries_them() {
        let mut workload = Workload::new(1, 10);
        let (a, b) = (workload.next(17), workload.next(u64::MAX));
        let bytes = [a.payload(), b.payload(), b"t@12".to_vec()].concat();
        assert_eq!(marks(&bytes).collect::<Vec<_>>(), [17, u64::MAX]);
    }

    #[test]
    fn a_seed_gives_the_same_writes() {
        let row = |seed| {
            let mut workload = Workload::new(seed, 1000).branch(3);
            (0..20).map(|_| workload.next(0).payload()).collect::<Vec<_>>()
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
    }
}
