//! What an account's space says of its books, for whoever asks. Reads one moment, changes nothing.

use std::collections::BTreeMap;

use serde::Serialize;
use syncline_protocol::{Record, Reject, Value};

use super::mapping::{Position, collection, field, key_named, named_collection, prefix_of};
use super::policy::Origin;
use super::titles::group_of;
use super::wire::Metadata;
use crate::hub::View;

/// Bytes of records that one page of a list reads at most.
const PAGE_BYTES: usize = 1 << 20;

/// A book, as people see it.
#[derive(Debug, Serialize)]
pub(super) struct Book {
    pub(super) document: String,
    /// What a person calls it, else what devices do.
    pub(super) title: Option<String>,
    /// What a person calls it.
    pub(super) own_title: Option<String>,
    pub(super) metadata: Metadata,
    /// Where its readers are: the newest position of all documents that are this book.
    pub(super) position: Option<Position>,
    /// The position's part of the book, between 0 and 1.
    pub(super) share: Option<f64>,
    /// All documents that are this book, where there are several.
    pub(super) joined: Vec<String>,
    /// The next push counts, however low it is.
    pub(super) restarted: bool,
}

/// An entry of a book's history.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) entry: String,
    pub(super) origin: Option<Origin>,
    /// Whether it was current when it came.
    pub(super) current: bool,
    #[serde(flatten)]
    pub(super) position: Position,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

pub(super) fn get(view: &View, collection: &str, key: &str) -> Result<Option<Record>, Reject> {
    view.get(&named_collection(collection)?, &key_named(key)?)
}

/// The current position of a document, or of another that is the same book, whichever is newer.
pub(super) fn position(view: &View, document: &str) -> Result<Option<Position>, Reject> {
    let mut best = own_position(view, document)?;
    for other in joined(view, document)?.iter().filter(|other| *other != document) {
        let found = own_position(view, other)?;
        let time = |(position, sequence): &(Position, u64)| (position.timestamp, *sequence);
        let newer = found.filter(|it| best.as_ref().is_none_or(|best| time(it) > time(best)));
        best = newer.or(best);
    }
    Ok(best.map(|(position, _)| position))
}

/// A document's own position, and the sequence at which it came: a second may have seen several.
fn own_position(view: &View, document: &str) -> Result<Option<(Position, u64)>, Reject> {
    let record = get(view, collection::PROGRESS, document)?;
    Ok(record.and_then(|record| {
        Some((field(&record, "position")?, record.register("position")?.sequence))
    }))
}

/// All documents that are the same book, itself among them; none when it stands alone.
pub(super) fn joined(view: &View, document: &str) -> Result<Vec<String>, Reject> {
    let record = get(view, collection::JOINS, document)?;
    Ok(record.as_ref().map(group_of).unwrap_or_default())
}

/// One book; none when nothing is known of the document.
pub(super) fn book(view: &View, document: &str) -> Result<Option<Book>, Reject> {
    let progress = get(view, collection::PROGRESS, document)?;
    let described = get(view, collection::BOOKS, document)?;
    if progress.is_none() && described.is_none() {
        return Ok(None);
    }
    let described = described.unwrap_or_default();
    let metadata: Metadata = field(&described, "metadata").unwrap_or_default();
    let own_title = described.get("title").and_then(Value::as_str).map(str::to_owned);
    let named = metadata.get("title").or_else(|| metadata.get("filename")).cloned();
    let position = position(view, document)?;
    let restarted = progress.and_then(|it| it.get("free")?.as_bool()).unwrap_or(false);
    Ok(Some(Book {
        document: document.to_owned(),
        title: own_title.clone().or(named),
        own_title,
        metadata,
        share: position.as_ref().map(Position::share),
        position,
        joined: joined(view, document)?,
        restarted,
    }))
}

/// A page of an account's books, in the order of their documents.
pub(super) fn books(view: &View, after: &str, limit: usize) -> Result<Page<Book>, Reject> {
    let mut documents = BTreeMap::new();
    let mut end: Option<String> = None;
    for collection in [collection::PROGRESS, collection::BOOKS] {
        let collection = named_collection(collection)?;
        let after = (!after.is_empty()).then_some(after.as_bytes());
        let listed = view.list(&collection, "", after, PAGE_BYTES)?;
        // Behind the end of a page that was cut, the other collection may know more than this one.
        let last = listed.records.last().filter(|_| listed.more);
        if let Some((key, _)) = last {
            let key = key.as_str().to_owned();
            end = Some(end.map_or(key.clone(), |end| end.min(key)));
        }
        let shown = listed.records.into_iter().filter(|(_, record)| record.is_visible());
        documents.extend(shown.map(|(key, _)| (key.as_str().to_owned(), ())));
    }
    let known = documents.into_keys().filter(|it| end.as_ref().is_none_or(|end| it <= end));
    let known: Vec<String> = known.collect();
    let is_cut = known.len() > limit;
    let next = if is_cut { known.get(limit - 1).cloned() } else { end };
    let shown = known.iter().take(limit).map(|document| book(view, document));
    Ok(Page { items: shown.filter_map(Result::transpose).collect::<Result<_, _>>()?, next })
}

/// Positions of a book's history behind an entry, the oldest first, until about so many bytes are
/// found; and the entry behind which there may be more.
pub(super) fn entries(
    view: &View,
    document: &str,
    after: Option<&str>,
    bytes_max: usize,
) -> Result<(Vec<Position>, Option<String>), Reject> {
    let collection = named_collection(collection::HISTORY)?;
    let after = after.map(str::as_bytes);
    let listed = view.list(&collection, &prefix_of(document), after, bytes_max)?;
    let last = listed.records.last().filter(|_| listed.more);
    let more = last.map(|(key, _)| key.as_str().to_owned());
    let shown = listed.records.iter().filter(|(_, record)| record.is_visible());
    Ok((shown.filter_map(|(_, record)| field(record, "position")).collect(), more))
}

/// A book's history, the oldest first, at most `limit` entries.
pub(super) fn history(view: &View, document: &str, limit: usize) -> Result<Vec<Entry>, Reject> {
    let collection = named_collection(collection::HISTORY)?;
    let rows = view.range(&collection, &prefix_of(document), limit)?;
    let entry = |(key, record): (syncline_protocol::RecordKey, Record)| {
        Some(Entry {
            entry: key.as_str().to_owned(),
            origin: field(&record, "origin"),
            current: record.get("current").and_then(Value::as_bool).unwrap_or(false),
            position: field(&record, "position")?,
        })
    };
    Ok(rows.into_iter().filter_map(entry).collect())
}
