//! What KOsync's page and scripts call: the list of documents with their history, and a title.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use syncline_protocol::Reject;

use super::accounts::Reader;
use super::library::{self, Book};
use super::mapping::Position;
use super::serve::Gate;
use super::titles::titled;
use super::wire::{Body, Refused, Title, kosync_file};
use crate::hub::{Submission, View};

/// Entries of history that one answer holds at most; books after that come without theirs.
const ENTRIES_MAX: usize = 100_000;
/// Books of one page while the list is read.
const PAGE: usize = 1000;

/// All documents of an account, those read longest ago first.
pub(super) async fn documents(gate: &Gate, reader: Reader) -> Result<Response, Refused> {
    let entries = usize::try_from(gate.keep().entries).unwrap_or(usize::MAX);
    let listed = gate.look(reader, move |view| list(view, entries)).await?;
    Ok(Json(listed.unwrap_or_default()).into_response())
}

fn list(view: &View, entries: usize) -> Result<Vec<Value>, Reject> {
    let (mut books, mut after) = (Vec::new(), String::new());
    loop {
        let page = library::books(view, &after, PAGE)?;
        books.extend(page.items);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    books.sort_by_key(|book| book.position.as_ref().map_or(0, |position| position.timestamp));
    let mut room = ENTRIES_MAX;
    let mut shown = Vec::with_capacity(books.len());
    for book in &books {
        let history = library::history(view, &book.document, entries.min(room))?;
        room -= history.len();
        let earlier = history.into_iter().map(|entry| entry.position);
        shown.push(element(book, earlier.filter(|it| Some(it) != book.position.as_ref())));
    }
    Ok(shown)
}

fn element(book: &Book, history: impl Iterator<Item = Position>) -> Value {
    let title = book.title.as_deref().unwrap_or_default();
    let nowhere = || Position {
        progress: String::new(),
        percentage: 0.0,
        device: String::new(),
        device_id: None,
        timestamp: 0,
    };
    let position = book.position.clone().unwrap_or_else(nowhere);
    let mut shown = kosync_file(&book.document, &position, title);
    let history = history.map(|position| kosync_file(&book.document, &position, title));
    shown["id"] = json!(book.document);
    shown["history"] = history.collect();
    shown
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
