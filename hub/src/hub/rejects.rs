//! What was refused lately, for operators: a bounded ring in memory.
//!
//! It holds what a client was told and nothing else: no secret, and nothing once the hub stops.

use std::collections::VecDeque;
use std::sync::Mutex;

use syncline_protocol::{Code, Reject};

use super::{Hub, now_ms};

/// Refusals remembered: what a person looks through, a few hundred bytes each.
const REJECTS_MAX: usize = 256;
/// Bytes kept of a refusal's text and of who was refused: texts quote what clients sent.
const TEXT_BYTES_MAX: usize = 512;

/// Something that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Counts refusals since the start, from 1.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The account; the address of whoever did not say or prove who they are.
    pub principal: String,
    /// What kind of refusal.
    pub code: Code,
    /// What was said.
    pub text: String,
}

/// The ring.
#[derive(Debug, Default)]
pub(super) struct Rejects(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    count: u64,
    last: VecDeque<Rejected>,
}

impl Rejects {
    /// Remembers a refusal; the oldest is forgotten for it.
    pub(super) fn note(&self, principal: &str, reject: &Reject) {
        let mut ring = self.0.lock().expect("nothing panics while it holds the refusals");
        ring.count += 1;
        if ring.last.len() == REJECTS_MAX {
            ring.last.pop_front();
        }
        let rejected = Rejected {
            number: ring.count,
            at_ms: now_ms(),
            principal: cut(principal),
            code: reject.code,
            text: cut(&reject.text),
        };
        ring.last.push_back(rejected);
    }
}

impl Hub {
    /// What was refused lately, newest first.
    ///
    /// # Panics
    /// Never: nothing panics while it holds the refusals.
    #[must_use]
    pub fn rejects(&self) -> Vec<Rejected> {
        let ring = self.inner.rejects.0.lock().expect("nothing panics while it holds the refusals");
        ring.last.iter().rev().cloned().collect()
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_and_texts_are_cut() {
        let rejects = Rejects::default();
        let long = "\u{e9}".repeat(TEXT_BYTES_MAX);
        for _ in 0..=REJECTS_MAX {
            rejects.note("ann", &Reject::new(Code::Busy, &long));
        }
        let ring = rejects.0.lock().unwrap();
        assert_eq!((ring.last.len(), ring.last[0].number), (REJECTS_MAX, 2));
        assert_eq!(ring.last[0].text.len(), TEXT_BYTES_MAX);
    }
}
