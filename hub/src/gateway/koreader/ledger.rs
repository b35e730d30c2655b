//! The rule's working copy: what one push, which may hold many requests, makes of an account's
//! books. It reads a record once, and writes at the end what has changed.
//!
//! It must never look at a clock or decide which position wins: times are given, and `policy`
//! decides.

mod book;
mod device;

use std::collections::{BTreeMap, BTreeSet};

use syncline_protocol::{Change, Code, Record, RecordKey, Reject, Value};

use self::book::Book;
use self::device::Devices;
use super::mapping::{
    ACCOUNT, DOCUMENTS, Position, collection, delete, document_of, field, history_key, key_named,
    named_collection, prefix_of, put, value,
};
use super::policy::{Choice, Contest, Origin};
use super::request::{Keep, Request};
use super::titles::group_of;
use crate::hub::{Refusal, RuleView, Touched};

/// What a push makes of an account's books.
pub(super) struct Ledger<'a> {
    records: Records<'a>,
    now_ms: u64,
    choice: Choice,
    books: BTreeMap<String, Book>,
    devices: Devices,
    /// How many documents there are; none while nothing has changed it.
    documents: Option<u64>,
    counters: Record,
    /// How much the gateway keeps, where that is news.
    new_keep: Option<Keep>,
    /// Deletes, what is put back as it was, and what one document tells those that it is joined to.
    deletes: Vec<Change>,
}

/// The records before the push.
#[derive(Clone, Copy)]
struct Records<'a>(&'a RuleView<'a>);

impl Records<'_> {
    fn get(self, collection: &str, key: &str) -> Result<Option<Record>, Refusal> {
        self.0.get(&named_collection(collection)?, &key_named(key)?)
    }

    fn range(
        self,
        collection: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, Refusal> {
        self.0.range(&named_collection(collection)?, prefix, limit)
    }

    /// Whether a position that is kept came with an import.
    fn is_imported(self, document: &str, position: &Position) -> Result<bool, Refusal> {
        let entry = self.get(collection::HISTORY, &history_key(document, position, 0))?;
        Ok(entry.and_then(|entry| field(&entry, "origin")) == Some(Origin::Import))
    }

    /// Whether a document was begun anew and not read since.
    fn is_free(self, document: &str) -> Result<bool, Refusal> {
        let record = self.get(collection::PROGRESS, document)?;
        Ok(record.and_then(|record| record.get("free")?.as_bool()).unwrap_or(false))
    }
}

impl<'a> Ledger<'a> {
    pub(super) fn open(view: &'a RuleView<'a>, now_ms: u64) -> Result<Self, Refusal> {
        let records = Records(view);
        let settings = records.get(collection::SETTINGS, ACCOUNT)?.unwrap_or_default();
        let choice = Choice {
            policy: field(&settings, "policy").unwrap_or_default(),
            protect: field(&settings, "protect").unwrap_or_default(),
        };
        Ok(Self {
            records,
            now_ms,
            choice,
            books: BTreeMap::new(),
            devices: Devices::default(),
            documents: None,
            counters: records.get(collection::COUNTERS, DOCUMENTS)?.unwrap_or_default(),
            new_keep: None,
            deletes: Vec::new(),
        })
    }

    /// Takes a request: gives it its time, keeps it, and makes it current when it wins.
    pub(super) fn take(&mut self, document: &str, request: Request) -> Result<(), Refusal> {
        if request.origin != Origin::Native && request.keep != self.keep() {
            self.new_keep = Some(request.keep);
        }
        self.load(document, request.keep)?;
        let Request { origin, mut position, metadata, keep } = request;
        let book = &self.books[document];
        if origin != Origin::Import {
            position.timestamp = super::policy::timestamp(self.now_ms / 1000, book.latest);
        }
        let millis = if origin == Origin::Import { 0 } else { self.now_ms };
        let is_protected =
            origin == Origin::Push && self.choice.protect && self.count_run(document, &position)?;
        let (best, free) = (self.best(document)?, self.is_free(document)?);
        let book = &self.books[document];
        let contest = Contest {
            origin,
            policy: self.choice.policy,
            new: &position,
            current: book.current.as_ref(),
            is_current_imported: origin == Origin::Import
                && book.is_import_of(self.records, document, position.timestamp)?,
            best: best.as_ref(),
            free,
        };
        let wins = contest.is_won() && !is_protected;
        let book = self.books.get_mut(document).expect("the book was loaded above");
        book.keep = keep;
        book.describe(metadata);
        let is_new = book.remember(self.records, document, &position, (millis, origin, wins))?;
        if is_new && wins && free {
            self.begin(document)?;
        }
        // What a person restores was no device's.
        if is_new && origin != Origin::Restore {
            self.devices.saw(self.records, (document, &position), origin, keep.devices)?;
        }
        Ok(())
    }

    /// A document was begun anew: so is the book, in all its documents.
    pub(super) fn restart(&mut self, document: &str) -> Result<(), Refusal> {
        for other in self.joined(document)?.iter().filter(|other| *other != document) {
            let is_read = self.records.get(collection::PROGRESS, other)?.is_some();
            if is_read && !self.records.is_free(other)? {
                let fields = [("free", Some(true.into()))];
                self.deletes.push(put(collection::PROGRESS, other, &fields)?);
            }
        }
        Ok(())
    }

    pub(super) fn now_s(&self) -> u64 {
        self.now_ms / 1000
    }

    /// How much is kept, as the gateway last said: a client of the hub knows no settings.
    pub(super) fn keep(&self) -> Keep {
        self.new_keep.or_else(|| field(&self.counters, "keep")).unwrap_or_default()
    }

    /// Deletes a book with all that was kept of it.
    pub(super) fn delete(&mut self, document: &str) -> Result<(), Refusal> {
        let was_there = self.records.get(collection::PROGRESS, document)?.is_some();
        self.books.remove(document);
        for collection in [collection::HISTORY, collection::POSITIONS] {
            let rows = self.records.range(collection, &prefix_of(document), usize::MAX)?;
            for (key, _) in rows {
                self.deletes.push(delete(collection, key.as_str())?);
            }
        }
        for collection in [collection::BOOKS, collection::PUSHES] {
            if self.records.get(collection, document)?.is_some() {
                self.deletes.push(delete(collection, document)?);
            }
        }
        self.leave(document)?;
        if was_there {
            self.documents = Some(self.documents().saturating_sub(1));
        }
        Ok(())
    }

    /// Counts an entry of a history out that somebody deletes.
    pub(super) fn delete_entry(&mut self, key: &str) -> Result<(), Refusal> {
        if self.records.get(collection::HISTORY, key)?.is_none() {
            return Ok(());
        }
        let document = document_of(key);
        self.load(document, self.keep())?;
        let book = self.books.get_mut(document).expect("the book was loaded above");
        book.forget_one();
        Ok(())
    }

    /// Counts an entry of a history in that a copy gives back.
    pub(super) fn recall_entry(&mut self, key: &str, timestamp: u64) -> Result<(), Refusal> {
        let document = document_of(key);
        self.load(document, self.keep())?;
        let book = self.books.get_mut(document).expect("the book was loaded above");
        book.recall_one(timestamp);
        Ok(())
    }

    /// Whether there is room for a device that a copy gives back.
    pub(super) fn recall_device(&mut self) -> Result<bool, Refusal> {
        let most = self.keep().devices;
        self.devices.count_in(self.records, most)
    }

    /// Makes a record again what it was before the push.
    pub(super) fn undo(&mut self, touched: &Touched) -> Result<(), Refusal> {
        let (collection, key) = (touched.collection.as_str(), touched.key.as_str());
        let Some(before) = &touched.before else {
            self.deletes.push(delete(collection, key)?);
            return Ok(());
        };
        let names = [before, touched.after.as_ref().unwrap_or(before)];
        let names: BTreeSet<&str> =
            names.into_iter().flat_map(Record::visible).map(|(name, ..)| name.as_str()).collect();
        let fields: Vec<_> =
            names.into_iter().map(|name| (name, before.get(name).cloned())).collect();
        self.deletes.push(put(collection, key, &fields)?);
        Ok(())
    }

    /// What is to be written beside the push.
    pub(super) fn close(self) -> Result<Vec<Change>, Refusal> {
        let mut changes = self.deletes;
        for (document, book) in self.books {
            changes.extend(book.changes(self.records, &document, self.now_ms / 1000)?);
        }
        changes.extend(self.devices.changes()?);
        let mut fields = Vec::new();
        fields.extend(self.documents.map(|documents| ("count", Some(documents.into()))));
        if let Some(keep) = &self.new_keep {
            fields.push(("keep", Some(value(keep)?)));
        }
        if !fields.is_empty() {
            changes.push(put(collection::COUNTERS, DOCUMENTS, &fields)?);
        }
        Ok(changes)
    }

    /// Reads a book, and counts it in when it is new.
    fn load(&mut self, document: &str, keep: Keep) -> Result<(), Refusal> {
        if self.books.contains_key(document) {
            return Ok(());
        }
        let (book, is_new) = Book::read(self.records, document)?;
        if is_new {
            let documents = self.documents() + 1;
            if documents > keep.documents {
                let what = format!("An account has at most {} documents", keep.documents);
                return Err(Reject::new(Code::QuotaExceeded, what).into());
            }
            self.documents = Some(documents);
        }
        self.books.insert(document.to_owned(), book);
        Ok(())
    }

    fn documents(&self) -> u64 {
        let counted = || self.counters.get("count").and_then(Value::as_u64);
        self.documents.or_else(counted).unwrap_or(0)
    }

    /// The current position of a book, whichever of its documents has it.
    fn best(&mut self, document: &str) -> Result<Option<Position>, Refusal> {
        let mut best = self.books[document].current.clone();
        for other in self.joined(document)?.iter().filter(|other| *other != document) {
            let current = match self.books.get(other) {
                Some(book) => book.current.clone(),
                None => {
                    let record = self.records.get(collection::PROGRESS, other)?;
                    record.and_then(|record| field(&record, "position"))
                }
            };
            let newer = |it: &Position| best.as_ref().is_none_or(|b| it.timestamp > b.timestamp);
            best = current.filter(newer).or(best);
        }
        Ok(best)
    }

    /// Whether a book was begun anew, by whichever of its documents.
    fn is_free(&self, document: &str) -> Result<bool, Refusal> {
        let mut is_free = self.books[document].free;
        for other in self.joined(document)? {
            is_free |= match self.books.get(&other) {
                Some(book) => book.free,
                None => self.records.is_free(&other)?,
            };
        }
        Ok(is_free)
    }

    /// A book that was begun anew is read: what comes next is judged again.
    fn begin(&mut self, document: &str) -> Result<(), Refusal> {
        let joined = self.joined(document)?;
        for one in joined.iter().map(String::as_str).chain([document]) {
            if !self.books.contains_key(one) && !self.records.is_free(one)? {
                continue;
            }
            self.load(one, self.keep())?;
            let book = self.books.get_mut(one).expect("the book was loaded above");
            book.begin();
        }
        Ok(())
    }

    fn joined(&self, document: &str) -> Result<Vec<String>, Refusal> {
        let record = self.records.get(collection::JOINS, document)?;
        Ok(record.as_ref().map(group_of).unwrap_or_default())
    }

    /// The others that are the same book are so without this one.
    fn leave(&mut self, document: &str) -> Result<(), Refusal> {
        let mut others = self.joined(document)?;
        if others.is_empty() {
            return Ok(());
        }
        others.retain(|other| other != document);
        self.deletes.push(delete(collection::JOINS, document)?);
        for other in &others {
            self.deletes.push(match others.len() {
                1 => delete(collection::JOINS, other)?,
                _ => put(collection::JOINS, other, &[("books", Some(value(&others)?))])?,
            });
        }
        Ok(())
    }

    /// Counts a push into its device's run; whether it is to leave the current position alone.
    fn count_run(&mut self, document: &str, position: &Position) -> Result<bool, Refusal> {
        let current = self.best(document)?;
        let now_ms = self.now_ms;
        let said =
            self.devices.push(self.records, position, (document, current.as_ref()), now_ms)?;
        if let Some((first, displaced)) = said.gives_back {
            self.load(&first, self.keep())?;
            let book = self.books.get_mut(&first).expect("the book was loaded above");
            book.give_back(position, displaced, now_ms / 1000);
        }
        Ok(said.protects)
    }
}
