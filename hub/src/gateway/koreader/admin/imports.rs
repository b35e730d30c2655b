//! Imports: a file is sent, and told of while it is taken in, one JSON object a line.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Query, Request};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use http_body_util::{BodyExt as _, Limited};
use syncline_protocol::Code;
use tokio::sync::mpsc;

use super::super::import::{self, Order, Report};
use super::answer::{Asked, Failure};

/// Bytes of a file at most: it is held in memory while it is read.
const FILE_BYTES: usize = 256 << 20;
/// Reports that wait for a reader who is slow; the import waits with them.
const REPORTS: usize = 16;

/// Imports what another server kept. An admin's to do.
pub(super) async fn import(
    asked: Asked,
    Query(order): Query<Order>,
    request: Request,
) -> Result<Response, Failure> {
    asked.hub.require_admin(&asked.principal)?;
    let bytes = Limited::new(request.into_body(), FILE_BYTES).collect().await;
    let too_large =
        |_| Failure::new(Code::TooLarge, "The file is larger than 256 MiB or cut short");
    let bytes = bytes.map_err(too_large)?.to_bytes();
    let wanted = order.clone();
    let read = tokio::task::spawn_blocking(move || import::read(&wanted, &bytes));
    let lost = |_| Failure::new(Code::Internal, "The file could not be read");
    let source = read.await.map_err(lost)??;
    let (send, reports) = mpsc::channel::<Report>(REPORTS);
    tokio::spawn(async move {
        import::write(&asked.hub, &asked.principal, &order, source, &send).await;
    });
    let lines = stream::unfold(reports, |mut reports| async move {
        let line = serde_json::to_string(&reports.recv().await?).unwrap_or_default();
        Some((Ok::<_, Infallible>(line + "\n"), reports))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines)).into_response())
}
