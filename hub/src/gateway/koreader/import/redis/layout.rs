//! What keys and values of the official server mean, old and new. Pure.
//!
//! ```text
//! user:<name>:key                          the key, as text
//! user:<name>:document:<document>          a hash: percentage progress device device_id timestamp
//! user:<name>:document:<document>:<field>  one text a field, before August 2016
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::mapping::Position;
use super::super::source::{Account, Book, Source};

/// What the original stores for a `null`.
const NULL: &str = "userdata: NULL";
/// What is passed over is told so many times.
const NOTES_MAX: usize = 100;

type Fields = BTreeMap<String, String>;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    keys: BTreeMap<String, String>,
    documents: BTreeMap<(String, String), Fields>,
    notes: Vec<String>,
    count: usize,
}

impl Found {
    pub(super) fn has_accounts(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn pass_over(&mut self, what: &str) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(what.to_owned());
        }
    }

    /// A key whose value is a text.
    pub(super) fn take_text(&mut self, key: &str, value: &[u8]) {
        self.count += 1;
        let value = String::from_utf8_lossy(value).into_owned();
        match key.split(':').collect::<Vec<_>>()[..] {
            ["user", name, "key"] => drop(self.keys.insert(name.to_owned(), value)),
            ["user", name, "document", document, field] => {
                let of = (name.to_owned(), document.to_owned());
                self.documents.entry(of).or_default().insert(field.to_owned(), value);
            }
            // Other names of a document, which no release has.
            ["user", _, "alias", _] => {}
            _ => self.pass_over(&format!("{key:?}, which is nothing of this server's")),
        }
    }

    /// A key whose value is a hash.
    pub(super) fn take_hash(&mut self, key: &str, fields: &[(Vec<u8>, Vec<u8>)]) {
        self.count += 1;
        let ["user", name, "document", document] = key.split(':').collect::<Vec<_>>()[..] else {
            return self.pass_over(&format!("{key:?}, which is nothing of this server's"));
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = fields.iter().map(|(field, value)| (text(field), text(value)));
        let of = (name.to_owned(), document.to_owned());
        // Where both layouts are, the newer one has the time.
        self.documents.entry(of).or_default().extend(fields);
    }

    pub(super) fn into_source(self) -> Source {
        let mut accounts: BTreeMap<String, Account> = self
            .keys
            .into_iter()
            .map(|(name, key)| (name.clone(), Account::new(&name, &key)))
            .collect();
        let mut orphans = BTreeSet::new();
        for ((name, document), fields) in self.documents {
            let Some(account) = accounts.get_mut(&name) else {
                orphans.insert(name);
                continue;
            };
            match position(&fields) {
                Some(position) => {
                    account.add(Book { document, title: None, events: vec![position] });
                }
                None => account.notes.push(format!("{document:?} has no percentage")),
            }
        }
        let mut notes = self.notes;
        let orphaned = |name: &String| format!("documents of {name:?}, who has no key");
        notes.extend(orphans.iter().map(orphaned));
        Source { accounts: accounts.into_values().collect(), suggestions: Vec::new(), notes }
    }
}

fn position(fields: &Fields) -> Option<Position> {
    let text = |name: &str| fields.get(name).filter(|text| *text != NULL).cloned();
    let percentage: f64 = text("percentage")?.trim().parse().ok()?;
    Some(Position {
        progress: text("progress").unwrap_or_default(),
        percentage: Some(percentage).filter(|it| it.is_finite())?,
        device: text("device").unwrap_or_default(),
        device_id: text("device_id").filter(|id| !id.is_empty()),
        timestamp: text("timestamp").and_then(|it| it.trim().parse().ok()).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(pairs: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
        pairs
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn both_layouts_are_read() {
        let mut found = Found::default();
        found.take_text("user:ann:key", b"k");
        let new = hash(&[
            ("percentage", "1e-05"),
            ("progress", "p"),
            ("device", "Kobo"),
            ("device_id", "userdata: NULL"),
            ("timestamp", "7"),
        ]);
        found.take_hash("user:ann:document:new", &new);
        for (field, value) in [("percentage", "0.5"), ("progress", "q"), ("device", "Kindle")] {
            found.take_text(&format!("user:ann:document:old:{field}"), value.as_bytes());
        }
        let source = found.into_source();
        let events: Vec<&Position> =
            source.accounts[0].books.iter().flat_map(|book| &book.events).collect();
        assert_eq!(events.len(), 2);
        assert_eq!((events[0].percentage, events[0].timestamp), (1e-5, 7));
        assert_eq!(events[0].device_id, None);
        assert_eq!((events[1].percentage, events[1].timestamp), (0.5, 0));
    }

    #[test]
    fn what_cannot_be_a_position_is_told() {
        let mut found = Found::default();
        found.take_text("user:ann:key", b"k");
        found.take_hash("user:ann:document:d", &hash(&[("percentage", "much")]));
        found.take_hash("user:bob:document:d", &hash(&[("percentage", "0.1")]));
        found.take_text("user:odd", b"x");
        let source = found.into_source();
        assert_eq!(source.accounts[0].notes.len(), 1);
        assert_eq!(source.notes.len(), 2, "{:?}", source.notes);
    }
}
