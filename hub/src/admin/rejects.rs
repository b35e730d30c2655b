//! What was refused lately, for whoever looks for the reason.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Query};
use super::caller::Caller;
use super::document::{Authenticated, Parsed};
use super::page::{Page, Paging};
use crate::hub::{self, Hub};

/// Something that was refused.
#[derive(Serialize, ToSchema)]
pub(super) struct Rejected {
    /// When, in milliseconds since 1970.
    at_ms: u64,
    /// The account; the address of whoever did not prove who they are.
    principal: String,
    /// What kind of refusal.
    code: &'static str,
    /// What was said.
    text: String,
}

/// What was refused lately, newest first: writes, sessions and credentials. An admin's to see; the
/// hub remembers the last 256.
#[utoipa::path(get, path = "/rejects", operation_id = "list_rejects", tag = "operation",
    params(Paging),
    responses((status = 200, description = "A page of refusals", body = Page<Rejected>),
        Authenticated, Parsed))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Query(paging): Query<Paging>,
) -> Answer<Page<Rejected>> {
    hub.require_admin(&caller)?;
    // Newest first: the greater the number, the smaller its key.
    let list = hub.rejects().into_iter().map(|it| ((u64::MAX - it.number).to_be_bytes(), it));
    Ok(Json(paging.cut(list, |rejected| Ok(show(rejected)))?))
}

fn show(rejected: hub::Rejected) -> Rejected {
    let hub::Rejected { at_ms, principal, code, text, .. } = rejected;
    Rejected { at_ms, principal, code: code.as_str(), text }
}
