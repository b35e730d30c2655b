//! A backup, streamed as it is made: nothing of it waits in memory but a few pieces.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use tokio::sync::mpsc;

use super::answer::Failure;
use super::caller::Caller;
use super::document::Authenticated;
use crate::hub::Hub;
use crate::store::backup::write_backup;

/// Bytes of a piece on its way to the socket.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for the socket: the disk need not wait for each.
const PIECES_MAX: usize = 4;
/// A reader that takes nothing for so long is gone: a backup pins pages of the store.
const TAKE_WITHIN: Duration = Duration::from_secs(60);

type Piece = Result<Bytes, io::Error>;

/// Everything the hub knows, of one moment; an admin's to take, since it holds all credentials.
/// An answer that breaks off is no backup, and the connection says so.
#[utoipa::path(get, path = "/backup", operation_id = "backup", tag = "operation",
    responses((status = 200, description = "A backup of one moment, for `syncline restore`",
        body = Vec<u8>, content_type = "application/octet-stream"), Authenticated))]
pub(super) async fn backup(
    State(hub): State<Hub>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    hub.require_admin(&caller)?;
    let (send, receive) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || write(&hub, send));
    let pieces = stream::unfold(receive, |mut receive: mpsc::Receiver<Piece>| async move {
        Some((receive.recv().await?, receive))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"syncline.backup\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn write(hub: &Hub, send: mpsc::Sender<Piece>) {
    let pieces = Pieces { send, runtime: tokio::runtime::Handle::current() };
    let mut out = BufWriter::with_capacity(PIECE_BYTES, pieces);
    let report = write_backup(hub.store(), &mut out, &mut |_| {});
    let report = report.and_then(|report| Ok((out.flush()?, report).1));
    match report {
        Ok(report) => {
            tracing::info!(spaces = report.spaces, records = report.records, "a backup was taken");
        }
        Err(error) => {
            tracing::warn!(%error, "a backup broke off");
            // The reader must not take what it has for the whole; it may have gone itself.
            let _ = out.get_mut().put(Err(io::Error::other("the backup broke off")));
        }
    }
}

/// Writes into the body of an answer.
struct Pieces {
    send: mpsc::Sender<Piece>,
    runtime: tokio::runtime::Handle,
}

impl Pieces {
    fn put(&self, piece: Piece) -> io::Result<()> {
        let sent = self.runtime.block_on(self.send.send_timeout(piece, TAKE_WITHIN));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the backup"))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(Ok(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
