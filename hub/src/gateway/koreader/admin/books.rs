//! Books: a list, one of them, its history; a title, a restored position, joins, deletion.

use axum::Json;
use axum::extract::{Path, Query};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use syncline_protocol::{Change, Code, Guard, Reject, Value};

use super::super::library::{self, Book, Entry, Page};
use super::super::mapping::{Position, collection, delete, document_of, field, put, refused};
use super::super::request::Request;
use super::super::serve::keep;
use super::super::titles;
use super::super::wire::is_document;
use super::answer::{Answer, Asked, DONE, Failure};
use crate::hub::{Part, Submission, Writes};

/// Books of a page when nothing is said, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;
/// Entries of one history at most.
const ENTRIES_MAX: usize = 10_000;
/// What devices show as the device of a position that was restored.
const HUB: &str = "Syncline";

#[derive(Deserialize)]
pub(super) struct Paging {
    limit: Option<usize>,
    after: Option<String>,
}

/// The account's books, in the order of their documents.
pub(super) async fn list(asked: Asked, Query(paging): Query<Paging>) -> Answer<Page<Book>> {
    let limit = paging.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let after = paging.after.unwrap_or_default();
    let page = asked.look(move |view| library::books(view, &after, limit)).await?;
    Ok(Json(page.unwrap_or(Page { items: Vec::new(), next: None })))
}

pub(super) async fn show(asked: Asked, Path(document): Path<String>) -> Answer<Book> {
    check(&document)?;
    let found = asked.look(move |view| library::book(view, &document)).await?;
    Ok(Json(found.flatten().ok_or_else(unknown)?))
}

/// A book's history, the oldest first.
pub(super) async fn history(asked: Asked, Path(document): Path<String>) -> Answer<Page<Entry>> {
    check(&document)?;
    let found = asked.look(move |view| library::history(view, &document, ENTRIES_MAX)).await?;
    Ok(Json(Page { items: found.unwrap_or_default(), next: None }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTitle {
    /// None to leave it to what devices say.
    title: Option<String>,
}

pub(super) async fn set_title(
    asked: Asked,
    Path(document): Path<String>,
    Json(new): Json<NewTitle>,
) -> Result<StatusCode, Failure> {
    known(&asked, &document).await?;
    write(&asked, vec![titles::titled(&document, new.title.as_deref())?], Vec::new()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Restored {
    /// Which entry of the history.
    entry: String,
}

/// Makes an earlier position the current one, as if it had just been read.
pub(super) async fn restore(
    asked: Asked,
    Path(document): Path<String>,
    Json(Restored { entry }): Json<Restored>,
) -> Result<StatusCode, Failure> {
    check(&document)?;
    if document_of(&entry) != document {
        return Err(refused("the entry is of another book").into());
    }
    let found = asked.look(move |view| library::get(view, collection::HISTORY, &entry)).await?;
    let position = found.flatten().and_then(|record| field::<Position>(&record, "position"));
    let position =
        position.ok_or_else(|| Failure::new(Code::NotFound, "There is no such entry"))?;
    let position = Position { device: HUB.to_owned(), device_id: None, ..position };
    let change = Request::restore(position, keep(&asked.hub)).into_change(&document)?;
    write(&asked, vec![change], Vec::new()).await
}

/// Begins a book anew: the next position counts, however early it is.
pub(super) async fn restart(
    asked: Asked,
    Path(document): Path<String>,
) -> Result<StatusCode, Failure> {
    known(&asked, &document).await?;
    let change = put(collection::PROGRESS, &document, &[("free", Some(Value::from(true)))])?;
    write(&asked, vec![change], Vec::new()).await
}

/// Deletes a book with its history.
pub(super) async fn remove(
    asked: Asked,
    Path(document): Path<String>,
) -> Result<StatusCode, Failure> {
    known(&asked, &document).await?;
    // The rule deletes along with the position what else was kept.
    write(&asked, vec![delete(collection::PROGRESS, &document)?], Vec::new()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Joined {
    documents: Vec<String>,
}

/// Makes several documents one book: a pull of either tells the newest position of all.
pub(super) async fn join(
    asked: Asked,
    Json(Joined { documents }): Json<Joined>,
) -> Answer<serde_json::Value> {
    documents.iter().try_for_each(|document| check(document))?;
    let found = asked.look(move |view| {
        let mut groups = Vec::new();
        for document in documents {
            library::book(view, &document)?.ok_or_else(unknown_book)?;
            let mut group = library::joined(view, &document)?;
            if group.is_empty() {
                group.push(document);
            }
            groups.push(group);
        }
        let changes = titles::join(&groups)?;
        let guards = titles::unchanged(&changes, view.space().sequence)?;
        Ok((changes, guards))
    });
    let (changes, guards) = found.await?.ok_or_else(unknown)?;
    let joined: Vec<String> = changes.iter().map(|it| it.key.as_str().to_owned()).collect();
    write(&asked, changes, guards).await?;
    Ok(Json(json!({ "joined": joined })))
}

/// Takes a document out of the book that it was joined to: each has its own position again.
pub(super) async fn split(
    asked: Asked,
    Path(document): Path<String>,
) -> Result<StatusCode, Failure> {
    check(&document)?;
    let found = asked.look(move |view| {
        let group = library::joined(view, &document)?;
        if group.is_empty() {
            return Err(Reject::new(Code::NotFound, "The book is joined to no other"));
        }
        let changes = titles::split(&document, &group)?;
        let guards = titles::unchanged(&changes, view.space().sequence)?;
        Ok((changes, guards))
    });
    let (changes, guards) = found.await?.ok_or_else(unknown)?;
    write(&asked, changes, guards).await
}

async fn write(
    asked: &Asked,
    changes: Vec<Change>,
    guards: Vec<Guard>,
) -> Result<StatusCode, Failure> {
    let writes = Writes::Unstamped(changes);
    let part = Part { space: asked.space.clone(), base: None, guards, writes };
    asked.hub.apply(&asked.principal, Submission { id: None, parts: vec![part] }).await?;
    Ok(DONE)
}

async fn known(asked: &Asked, document: &str) -> Result<Book, Failure> {
    check(document)?;
    let document = document.to_owned();
    let found = asked.look(move |view| library::book(view, &document)).await?;
    found.flatten().ok_or_else(unknown)
}

fn check(document: &str) -> Result<(), Failure> {
    if is_document(document) { Ok(()) } else { Err(unknown()) }
}

fn unknown_book() -> Reject {
    Reject::new(Code::NotFound, "There is no such book")
}

fn unknown() -> Failure {
    unknown_book().into()
}
