//! What one principal may do one thing to: rules of which all but the items is worked out
//! beforehand.
//!
//! Asked once for every delta and every view, so it costs a lookup for each *length* of a beginning
//! that occurs, and not one for each rule.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::event::{EVENTS, EventKey, ITEMS, unescape};

/// Which items a principal may do something to.
#[derive(Debug, Clone)]
pub struct Sight {
    exact: HashMap<Box<str>, bool>,
    beginnings: HashMap<Box<str>, bool>,
    /// The lengths of the beginnings, the longest first.
    lengths: Vec<usize>,
    otherwise: bool,
    names: Names,
    mark: [u8; 32],
}

/// How a record is named by the rules.
#[derive(Debug, Clone)]
enum Names {
    /// As `collection/key`.
    Records,
    /// An event by its item, as its key has it; whoever wrote it may see it whatever the rules say.
    Events { reader: Box<str> },
}

/// Sights of one mark allow the same.
impl PartialEq for Sight {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}

impl Eq for Sight {}

impl Sight {
    /// From what each pattern of items says, in the order of the patterns: a value, or the
    /// beginning of values and `*`. `otherwise` holds where no pattern matches.
    pub fn new<'a>(said: impl Iterator<Item = (&'a str, bool)>, otherwise: bool) -> Self {
        let mut exact = HashMap::<Box<str>, bool>::new();
        let mut beginnings = HashMap::<Box<str>, bool>::new();
        let mut hash = Sha256::new();
        hash.update([u8::from(otherwise)]);
        for (pattern, allows) in said {
            hash.update((pattern.len() as u64).to_be_bytes());
            hash.update(pattern);
            hash.update([u8::from(allows)]);
            match pattern.strip_suffix('*') {
                Some(beginning) => beginnings.insert(Box::from(beginning), allows),
                None => exact.insert(Box::from(pattern), allows),
            };
        }
        let mut lengths: Vec<usize> = beginnings.keys().map(|it| it.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        let (names, mark) = (Names::Records, hash.finalize().into());
        Self { exact, beginnings, lengths, otherwise, names, mark }
    }

    /// The same of a space of events, for whoever is called `reader` in them.
    #[must_use]
    pub fn of_events(self, reader: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.mark);
        hash.update(reader);
        let names = Names::Events { reader: reader.into() };
        Self { names, mark: hash.finalize().into(), ..self }
    }

    /// Whether a record is allowed.
    #[must_use]
    pub fn allows_record(&self, collection: &str, key: &str) -> bool {
        match &self.names {
            Names::Records => {
                let mut item = String::with_capacity(collection.len() + 1 + key.len());
                item.push_str(collection);
                item.push('/');
                item.push_str(key);
                self.allows(&item)
            }
            Names::Events { reader } => match collection {
                EVENTS => EventKey::parse(key)
                    .is_some_and(|key| key.author == **reader || self.allows(&key.item)),
                ITEMS => unescape(key).is_some_and(|item| self.allows(&item)),
                _ => false,
            },
        }
    }

    /// Whether an item is allowed. A beginning that is the whole item is more specific than the
    /// item itself: its `*` counts half.
    #[must_use]
    pub fn allows(&self, item: &str) -> bool {
        if let Some(allows) = self.beginnings.get(item).or_else(|| self.exact.get(item)) {
            return *allows;
        }
        let beginnings = self.lengths.iter().filter_map(|length| item.get(..*length));
        let mut said = beginnings.filter_map(|beginning| self.beginnings.get(beginning));
        said.next().copied().unwrap_or(self.otherwise)
    }

    /// Whether any record of a collection may be allowed.
    #[must_use]
    pub fn reaches_collection(&self, collection: &str) -> bool {
        match &self.names {
            Names::Records => self.reaches(&format!("{collection}/")),
            // Somebody's own events may be among them.
            Names::Events { .. } => [EVENTS, ITEMS].contains(&collection),
        }
    }

    /// Whether an item that begins so may be allowed.
    fn reaches(&self, beginning: &str) -> bool {
        let patterns = self.exact.iter().chain(&self.beginnings);
        let mut within = patterns.filter(|(pattern, _)| pattern.starts_with(beginning));
        self.allows(beginning) || within.any(|(_, allows)| *allows)
    }

    /// Whether it says the same of every item; then what.
    #[must_use]
    pub fn of_everything(&self) -> Option<bool> {
        let same = |allows: &bool| *allows == self.otherwise;
        let has_own = matches!(self.names, Names::Events { .. });
        (!has_own && self.exact.values().all(same) && self.beginnings.values().all(same))
            .then_some(self.otherwise)
    }

    /// What this sight is, condensed.
    #[must_use]
    pub fn mark(&self) -> &[u8; 32] {
        &self.mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_is_reached_when_an_item_in_it_may_be() {
        let sight = |patterns: &[(&'static str, bool)]| Sight::new(patterns.iter().copied(), false);
        assert!(sight(&[("notes/*", true)]).reaches("notes/"));
        assert!(sight(&[("no*", true)]).reaches("notes/"));
        assert!(sight(&[("notes/a", true), ("notes*", false)]).reaches("notes/"));
        assert!(!sight(&[("*", true), ("notes/*", false)]).reaches("notes/"));
        assert!(!sight(&[("notesbook/a", true)]).reaches("notes/"));
        assert!(!sight(&[]).reaches("notes/"));
    }
}
