//! A second with more events than are held at once: they are told in several passes over their
//! keys, each of which finds the next so many. Slow, but nobody has that many for long, and nobody
//! takes the hub's memory by it.

use std::collections::BTreeMap;

use syncline_protocol::{RecordKey, Reject};

use super::super::event::{prefix_of, second_of_key};
use super::super::mapping::named;
use super::{Out, PAGE_BYTES, Rank, Scope, ranked};
use crate::hub::{EVENTS, View};

/// So many are found in one pass.
const FOUND_MAX: usize = 16 * 1024;

pub(super) struct Crowd {
    second: u64,
    scope: Scope,
    /// The last that was told.
    told: Option<Rank>,
    /// The last key that this pass looked at.
    after: String,
    found: BTreeMap<Rank, String>,
    /// Whether this pass has looked at all of them, and whether it left some out.
    is_found: bool,
    is_cut: bool,
    found_max: usize,
}

impl Crowd {
    pub(super) fn new(second: u64, scope: Scope) -> Self {
        Self::finding(second, scope, FOUND_MAX)
    }

    /// With so many found in one pass.
    pub(super) fn finding(second: u64, scope: Scope, found_max: usize) -> Self {
        let (after, found) = (prefix_of(second), BTreeMap::new());
        let (told, is_found, is_cut) = (None, false, false);
        Self { second, scope, told, after, found, is_found, is_cut, found_max }
    }

    /// What every later key comes after; none when there is none.
    pub(super) fn end(&self) -> Option<String> {
        let last = prefix_of(u64::MAX);
        Some(prefix_of(self.second + 1)).filter(|next| *next < last)
    }

    /// Goes on for a page; whether there is more.
    pub(super) fn pass(&mut self, view: &View, out: &mut Out) -> Result<bool, Reject> {
        if !self.is_found {
            self.find(view)?;
            return Ok(true);
        }
        while let Some((rank, key)) = self.found.pop_first() {
            self.told = Some(rank);
            let Ok(key) = RecordKey::new(&key) else { continue };
            let record = view.get(&named(EVENTS), &key)?;
            if let Some(event) = record.and_then(|record| ranked(&record, self.scope)) {
                out.push(&event.json);
            }
            if out.text.len() >= PAGE_BYTES {
                return Ok(true);
            }
        }
        let (is_cut, told) = (self.is_cut, self.told);
        *self = Self { told, ..Self::finding(self.second, self.scope, self.found_max) };
        Ok(is_cut)
    }

    fn find(&mut self, view: &View) -> Result<(), Reject> {
        let listed = view.list(&named(EVENTS), "", Some(self.after.as_bytes()), PAGE_BYTES)?;
        for (key, record) in listed.records {
            if second_of_key(&key) != Some(self.second) {
                self.is_found = true;
                return Ok(());
            }
            self.after = key.as_str().to_owned();
            let rank = ranked(&record, self.scope).map(|event| event.rank);
            if let Some(rank) = rank.filter(|rank| self.told.is_none_or(|told| *rank > told)) {
                self.found.insert(rank, self.after.clone());
            }
            if self.found.len() > self.found_max {
                self.found.pop_last();
                self.is_cut = true;
            }
        }
        self.is_found = !listed.more;
        Ok(())
    }
}
