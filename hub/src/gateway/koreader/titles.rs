//! Titles that people give, and documents that are one book: changes of an account's space. Pure.

use std::collections::BTreeSet;

use syncline_protocol::{Change, Condition, Guard, Record, Reject, Value};

use super::mapping::{collection, delete, field, key_named, named_collection, put, refused, value};
use super::wire::is_document;

/// Documents that may be one book.
const JOINED_MAX: usize = 16;
/// Characters of a title at most.
const TITLE_CHARS: usize = 512;

/// Sets a title, or takes it away.
pub(super) fn titled(document: &str, title: Option<&str>) -> Result<Change, Reject> {
    let title = title.filter(|title| !title.is_empty());
    if title.is_some_and(|title| title.chars().count() > TITLE_CHARS) {
        return Err(refused(format!("a title has at most {TITLE_CHARS} characters")));
    }
    put(collection::BOOKS, document, &[("title", title.map(Value::from))])
}

/// Makes these documents one book, with all that each of them is joined to already.
pub(super) fn join(groups: &[Vec<String>]) -> Result<Vec<Change>, Reject> {
    let all: BTreeSet<&String> = groups.iter().flatten().collect();
    if !(2..=JOINED_MAX).contains(&all.len()) {
        return Err(refused(format!("one book has 2 to {JOINED_MAX} documents")));
    }
    let books = value(&all)?;
    all.iter().map(|it| put(collection::JOINS, it, &[("books", Some(books.clone()))])).collect()
}

/// Whether these may be what a document is joined to, as `join` makes it.
pub(super) fn is_group(document: &str, books: &[String]) -> bool {
    books.len() <= JOINED_MAX
        && books.iter().all(|it| is_document(it))
        && books.iter().any(|it| it == document)
}

/// What a record says a document is joined to, without what can be no document: whatever stands
/// there, reading it costs little and fails never.
pub(super) fn group_of(record: &Record) -> Vec<String> {
    let books: Vec<String> = field(record, "books").unwrap_or_default();
    books.into_iter().filter(|it| is_document(it)).take(JOINED_MAX).collect()
}

/// Takes a document out of the book that it was joined to.
pub(super) fn split(document: &str, group: &[String]) -> Result<Vec<Change>, Reject> {
    let rest: Vec<&String> = group.iter().filter(|other| *other != document).collect();
    let mut changes = vec![delete(collection::JOINS, document)?];
    for other in &rest {
        changes.push(match rest.len() {
            1 => delete(collection::JOINS, other)?,
            _ => put(collection::JOINS, other, &[("books", Some(value(&rest)?))])?,
        });
    }
    Ok(changes)
}

/// Holds while nobody has joined or split any of these since a sequence was read.
pub(super) fn unchanged(changes: &[Change], sequence: u64) -> Result<Vec<Guard>, Reject> {
    let guard = |change: &Change| {
        Ok(Guard {
            collection: named_collection(collection::JOINS)?,
            key: key_named(change.key.as_str())?,
            condition: Condition::UnchangedSince(sequence),
        })
    };
    changes.iter().map(guard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn joining_takes_along_what_is_joined() {
        let changes = join(&[texts(&["a", "b"]), texts(&["c"])]).unwrap();
        let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert!(join(&[texts(&["a"]), texts(&["a"])]).is_err(), "a book is itself");
        let many: Vec<String> = (0..17).map(|at| at.to_string()).collect();
        assert!(join(&[many]).is_err());
    }

    #[test]
    fn splitting_two_leaves_two_single_books() {
        let changes = split("a", &texts(&["a", "b"])).unwrap();
        assert!(changes.iter().all(|it| it.op == syncline_protocol::Op::Delete));
        assert_eq!(changes.len(), 2);
        let changes = split("a", &texts(&["a", "b", "c"])).unwrap();
        let deletes = changes.iter().filter(|it| it.op == syncline_protocol::Op::Delete).count();
        assert_eq!((changes.len(), deletes), (3, 1));
    }

    /// One that is read as it stands would fail every pull of the book.
    #[test]
    fn what_can_be_no_document_is_joined_to_none() {
        let record = |books: &[&str]| {
            let change = put(collection::JOINS, "d", &[("books", Some(value(books).unwrap()))]);
            let mut record = Record::default();
            let stamp = syncline_protocol::Stamp::from_bytes([1; 16]).unwrap();
            record.merge(stamp, 1, &change.unwrap().op);
            record
        };
        assert_eq!(group_of(&record(&["", "d", "a:b"])), ["d"]);
        assert_eq!(group_of(&record(&["d"; 1000])).len(), JOINED_MAX);
        assert!(group_of(&Record::default()).is_empty());
    }

    #[test]
    fn an_empty_title_is_none() {
        assert_eq!(titled("d", Some("")), titled("d", None));
        assert!(titled("d", Some(&"t".repeat(513))).is_err());
    }
}
