//! What whoever runs the hub and the command ask: imports, the history as lines, users, keys,
//! rules, and a setup token for `.root`. Mounted under `/hub/v1/gateways/simple_sync`, where each
//! request carries who asks. An admin's to do: who is `.root` in an app has the app's own routes.

mod answer;
mod lists;
mod root;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header;

use super::app::App;
use super::{events, import};
use crate::hub::Hub;

/// The routes.
pub(super) fn router() -> Router<Hub> {
    let import = post(imported).layer(DefaultBodyLimit::max(import::PART_BYTES));
    Router::new()
        .route("/import", import)
        .route("/export", get(exported))
        .route("/users", get(lists::users))
        .route("/keys", get(lists::keys))
        .route("/hashes", get(lists::hashes))
        .route("/rules", get(lists::rules).post(root::add_rule))
        .route("/root-token", post(root::issue_token))
}

/// Takes in one part of an import.
async fn imported(
    asked: answer::Asked,
    body: Result<axum::Json<import::Part>, axum::extract::rejection::JsonRejection>,
) -> answer::Answer<import::Done> {
    let axum::Json(part) = body.map_err(|problem| answer::Failure::malformed(&problem))?;
    Ok(axum::Json(import::take_in(&asked.hub, &asked.space, part).await?))
}

/// Gives the whole history, one event a line.
async fn exported(asked: answer::Asked) -> Result<Response, answer::Failure> {
    let lines = events::lines(&App::new(asked.hub, asked.space)).await?;
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
}
