//! What an import found, whatever it was read from: accounts with their keys, books and events.
//! Pure.

use serde::Serialize;

use super::super::mapping::Position;
use super::super::wire::is_document;

/// Everything that was found.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Source {
    pub(in super::super) accounts: Vec<Account>,
    /// What the other server's settings suggest for the hub's.
    pub(in super::super) suggestions: Vec<Suggestion>,
    /// What was passed over that belongs to no account, and why.
    pub(in super::super) notes: Vec<String>,
}

/// An account of the other server.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Account {
    pub(in super::super) name: String,
    pub(in super::super) key: String,
    pub(in super::super) books: Vec<Book>,
    /// What was passed over, and why.
    pub(in super::super) notes: Vec<String>,
}

/// A document with what happened in it, the oldest first.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Book {
    pub(in super::super) document: String,
    pub(in super::super) title: Option<String>,
    pub(in super::super) events: Vec<Position>,
}

/// A setting of the hub that stands for one of the other server's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in super::super) struct Suggestion {
    pub(in super::super) theirs: String,
    pub(in super::super) ours: String,
}

impl Account {
    pub(super) fn new(name: &str, key: &str) -> Self {
        Self { name: name.to_owned(), key: key.to_owned(), ..Self::default() }
    }

    /// Adds a book, unless no device could read it here.
    pub(super) fn add(&mut self, mut book: Book) {
        let document = &book.document;
        if !is_document(document) {
            self.notes.push(format!("the document {document:?} has an id that cannot be kept"));
            return;
        }
        let before = book.events.len();
        book.events.retain(Position::is_bearable);
        if book.events.len() < before {
            let count = before - book.events.len();
            self.notes.push(format!("{count} events of {document:?} are too large or no position"));
        }
        if !book.events.is_empty() || book.title.is_some() {
            self.books.push(book);
        }
    }
}
