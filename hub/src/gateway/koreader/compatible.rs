//! What KOsync's page and scripts call: the list of documents with their history, and a title.
//!
//! The list is as long as an account is large, so it is written while it is read: a piece at a
//! time, each from a moment of its own, and only once the one before it was taken.

use std::io;
use std::vec::IntoIter;

use axum::Json;
use axum::body::{Body as Stream, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use http::{StatusCode, header};
use serde_json::json;
use syncline_protocol::{Code, Reject};

use super::accounts::Reader;
use super::library::{self, Book};
use super::mapping::Position;
use super::serve::{Gate, look};
use super::titles::titled;
use super::wire::{Body, Refused, Title, kosync_file};
use crate::hub::{Hub, Submission, View};

/// Bytes of a piece of the list, and of the history that is read for it.
const PIECE_BYTES: usize = 256 << 10;
/// Books of one page while the order of the list is found out.
const PAGE: usize = 1000;

/// All documents of an account, those read longest ago first.
pub(super) async fn documents(gate: &Gate, reader: Reader) -> Result<Response, Refused> {
    let order = order(gate, &reader).await?;
    if order.is_empty() {
        return Ok(Json(json!([])).into_response());
    }
    let listing = Listing::new(gate.hub.clone(), reader, order);
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, Stream::from_stream(try_unfold(listing, Listing::piece))).into_response())
}

/// The ids alone, in the order of the list.
async fn order(gate: &Gate, reader: &Reader) -> Result<Vec<String>, Refused> {
    let (mut known, mut after) = (Vec::new(), String::new());
    loop {
        let from = after.clone();
        let books = move |view: &View| library::books(view, &from, PAGE);
        let Some(page) = gate.look(reader.clone(), books).await? else { break };
        let times = page.items.into_iter().map(|book| {
            let read = book.position.map_or(0, |position| position.timestamp);
            (read, book.document)
        });
        known.extend(times);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    known.sort_unstable();
    Ok(known.into_iter().map(|(_, document)| document).collect())
}

/// The list as far as it has been written.
struct Listing {
    hub: Hub,
    reader: Reader,
    rest: IntoIter<String>,
    /// The book whose history is being written.
    open: Option<Open>,
    has_begun: bool,
    has_books: bool,
    has_ended: bool,
}

/// A book in the list, without its end.
struct Open {
    book: Book,
    /// The entry of its history that was read last.
    after: Option<String>,
    has_entries: bool,
}

impl Listing {
    fn new(hub: Hub, reader: Reader, order: Vec<String>) -> Self {
        let (has_begun, has_books, has_ended) = (false, false, false);
        Self { hub, reader, rest: order.into_iter(), open: None, has_begun, has_books, has_ended }
    }

    /// The next piece. A failure breaks the answer off, so that nobody takes a part for the whole.
    async fn piece(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if self.has_ended {
            return Ok(None);
        }
        let (hub, reader) = (self.hub.clone(), self.reader.clone());
        let written = look(&hub, reader, move |view| Ok((self.write(view)?, self)));
        match written.await {
            Ok(Some((text, listing))) => Ok(Some((text.into(), listing))),
            Ok(None) => Err(io::Error::other("the account left while its list was written")),
            Err(_) => Err(io::Error::other("the list could not be read to its end")),
        }
    }

    fn write(&mut self, view: &View) -> Result<String, Reject> {
        let mut text = String::new();
        if !self.has_begun {
            text.push('[');
            self.has_begun = true;
        }
        while text.len() < PIECE_BYTES && !self.has_ended {
            self.open = match self.open.take() {
                Some(open) => open.entries(view, &mut text)?,
                None => self.next_book(view, &mut text)?,
            };
        }
        Ok(text)
    }

    fn next_book(&mut self, view: &View, text: &mut String) -> Result<Option<Open>, Reject> {
        let Some(document) = self.rest.next() else {
            text.push(']');
            self.has_ended = true;
            return Ok(None);
        };
        // It may have been deleted since the order was found out.
        let Some(book) = library::book(view, &document)? else { return Ok(None) };
        if self.has_books {
            text.push(',');
        }
        self.has_books = true;
        let begun = begin(&book).ok_or_else(|| Reject::new(Code::Internal, "no list of books"))?;
        text.push_str(&begun);
        Ok(Some(Open { book, after: None, has_entries: false }))
    }
}

impl Open {
    /// Writes more of the history; gives itself until that has ended.
    fn entries(mut self, view: &View, text: &mut String) -> Result<Option<Self>, Reject> {
        let (document, title) = (&self.book.document, title(&self.book));
        let after = self.after.as_deref();
        let (entries, more) = library::entries(view, document, after, PIECE_BYTES)?;
        for position in entries.iter().filter(|it| Some(*it) != self.book.position.as_ref()) {
            if self.has_entries {
                text.push(',');
            }
            self.has_entries = true;
            text.push_str(&kosync_file(document, position, title).to_string());
        }
        self.after = more;
        if self.after.is_some() {
            return Ok(Some(self));
        }
        text.push_str("]}");
        Ok(None)
    }
}

/// A book as an element of the list, up to the entries of its history.
fn begin(book: &Book) -> Option<String> {
    let nowhere = || Position {
        progress: String::new(),
        percentage: 0.0,
        device: String::new(),
        device_id: None,
        timestamp: 0,
    };
    let position = book.position.clone().unwrap_or_else(nowhere);
    let mut shown = kosync_file(&book.document, &position, title(book));
    shown["id"] = json!(book.document);
    let shown = shown.to_string();
    Some(format!("{},\"history\":[", shown.strip_suffix('}')?))
}

fn title(book: &Book) -> &str {
    book.title.as_deref().unwrap_or_default()
}

/// Sets a title. KOsync makes an empty document of an unknown one; here it is not found.
pub(super) async fn set_title(
    gate: &Gate,
    reader: Reader,
    body: Body,
) -> Result<Response, Refused> {
    let Title { document, title } = Title::parse(body)?;
    let wanted = document.clone();
    let found = gate.look(reader.clone(), move |view| library::book(view, &wanted)).await?;
    if found.flatten().is_none() {
        return Err(Refused::UNKNOWN_DOCUMENT);
    }
    let change = titled(&document, Some(&title))?;
    let space = reader.space.clone();
    gate.write(&reader, Submission::changes(space, vec![change])).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
