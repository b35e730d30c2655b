//! What one principal may do one thing to: rules with all but the items worked out beforehand.
//!
//! Asked once for every delta and every view, so it costs a lookup for each *length* of a beginning
//! that occurs, and not one for each rule.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::Verdict;
use super::pattern::Pattern;

/// Which items a principal may do something to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    exact: HashMap<Box<str>, Verdict>,
    beginnings: HashMap<Box<str>, Verdict>,
    /// The lengths of the beginnings, the longest first.
    lengths: Vec<usize>,
    otherwise: Verdict,
    mark: Mark,
}

/// Condenses what a sight allows: sights of one mark allow the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark(pub [u8; 32]);

impl Sight {
    /// From the verdict for each pattern of items, in the order of the patterns.
    pub(super) fn new<'a>(
        verdicts: impl Iterator<Item = (&'a Pattern, Verdict)>,
        otherwise: Verdict,
    ) -> Self {
        let (mut exact, mut beginnings) = (HashMap::new(), HashMap::new());
        let mut hash = Sha256::new();
        hash.update(otherwise.as_str());
        for (pattern, verdict) in verdicts {
            // No pattern holds a control character.
            hash.update([0]);
            hash.update(pattern.as_str());
            hash.update([1]);
            hash.update(verdict.as_str());
            match pattern.beginning() {
                Some(beginning) => beginnings.insert(beginning.into(), verdict),
                None => exact.insert(pattern.as_str().into(), verdict),
            };
        }
        let mut lengths: Vec<usize> = beginnings.keys().map(|it: &Box<str>| it.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Self { exact, beginnings, lengths, otherwise, mark: Mark(hash.finalize().into()) }
    }

    /// Whether an item is allowed.
    #[must_use]
    pub fn allows(&self, item: &str) -> bool {
        self.verdict(item) == Verdict::Allow
    }

    /// Whether every item is.
    #[must_use]
    pub fn allows_everything(&self) -> bool {
        let allow = |verdict: &Verdict| *verdict == Verdict::Allow;
        allow(&self.otherwise)
            && self.exact.values().all(allow)
            && self.beginnings.values().all(allow)
    }

    /// What this sight is, condensed.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// A beginning that is the whole item is more specific than the item itself: its `*` counts half.
    fn verdict(&self, item: &str) -> Verdict {
        if let Some(verdict) = self.beginnings.get(item).or_else(|| self.exact.get(item)) {
            return *verdict;
        }
        let beginnings = self.lengths.iter().filter_map(|length| item.get(..*length));
        let mut verdicts = beginnings.filter_map(|beginning| self.beginnings.get(beginning));
        verdicts.next().copied().unwrap_or(self.otherwise)
    }
}
