//! Titles that people give, and documents that are one book: changes of an account's space. Pure.

use std::collections::BTreeSet;

use syncline_protocol::{Change, Condition, Guard, Reject, Value};

use super::mapping::{collection, delete, key_named, named_collection, put, refused, value};

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

    #[test]
    fn an_empty_title_is_none() {
        assert_eq!(titled("d", Some("")), titled("d", None));
        assert!(titled("d", Some(&"t".repeat(513))).is_err());
    }
}
