//! The wire of one socket: messages in and out of it, within bounds, and how they end.
//!
//! It knows frames as bytes. What they ask for is the session's to say.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use syncline_protocol::codec::encode_hub;
use syncline_protocol::session::server::HELLO_BYTES_MAX;
use syncline_protocol::{Code, HubFrame, Reject};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::outgoing::Outgoing;
use super::reply;

/// Read ahead of the frames: small, because idle sessions are many.
const READ_BUFFER: usize = 2 * 1024;
/// Frames gather up to so many bytes before they are written to the socket.
const GATHERED: usize = 32 * 1024;
/// What the protocol itself may have waiting: pongs to one who takes none, and a goodbye.
const OWN_BYTES_MAX: usize = 16 * 1024;
/// A client that was told goodbye has so long to close its end.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The WebSocket settings of a connection that has not said hello.
#[must_use]
pub fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(OWN_BYTES_MAX)
        .max_message_size(Some(HELLO_BYTES_MAX))
        .max_frame_size(Some(HELLO_BYTES_MAX))
}

/// Why a session ends: what the client is told, and when it may come back.
pub(super) struct Farewell {
    pub(super) reject: Reject,
    pub(super) retry_after_ms: Option<u64>,
}

impl From<Reject> for Farewell {
    fn from(reject: Reject) -> Self {
        let retry_after_ms = reject.code.is_retryable().then_some(1_000);
        Self { reject, retry_after_ms }
    }
}

/// The connection broke: nobody is left to be told anything.
pub(super) struct Broken;

/// How a session ends early.
pub(super) enum End {
    Farewell(Box<Farewell>),
    Broken,
}

impl<E: Into<Farewell>> From<E> for End {
    fn from(farewell: E) -> Self {
        Self::Farewell(Box::new(farewell.into()))
    }
}

impl From<Broken> for End {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

/// What a client has said.
pub(super) enum Said {
    /// A frame.
    Frame(Bytes),
    /// Something that only shows that it is there.
    Alive,
}

/// One WebSocket.
pub(super) struct Wire<S> {
    /// What comes in, and what the protocol itself says: pongs, the close.
    web: WebSocketStream<S>,
    /// What goes out. Empty whenever something is heard, so that no pong comes into the middle.
    outgoing: Outgoing,
    /// A socket that takes nothing for so long is as good as closed.
    patience: Duration,
}

impl<S> Wire<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    pub(super) fn new(web: WebSocketStream<S>, patience: Duration) -> Self {
        Self { web, outgoing: Outgoing::default(), patience }
    }

    /// Takes frames of full size from here on. A client waits for the welcome before it says more,
    /// so that nothing it sent is lost with the small buffers.
    pub(super) async fn open(self, frame_bytes: usize) -> Self {
        let Self { web, outgoing, patience } = self;
        let limit = Some(frame_bytes);
        let config = websocket_config().max_message_size(limit).max_frame_size(limit);
        let io = web.into_inner();
        let web = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        Self { web, outgoing, patience }
    }

    /// Waits for the next thing that the client says. May be dropped and asked again.
    pub(super) async fn hear(&mut self) -> Result<Said, End> {
        if !self.outgoing.is_empty() {
            self.flush().await?;
        }
        match self.web.next().await {
            Some(Ok(Message::Binary(bytes))) => Ok(Said::Frame(bytes)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Said::Alive),
            Some(Ok(Message::Text(_))) => {
                Err(Reject::new(Code::Malformed, "Messages are binary").into())
            }
            Some(Err(error)) => Err(reply::websocket_fault(&error).map_or(End::Broken, End::from)),
            Some(Ok(Message::Close(_) | Message::Frame(_))) | None => Err(End::Broken),
        }
    }

    /// What the client has said already, without waiting for it.
    pub(super) fn heard(&mut self) -> Option<Result<Said, End>> {
        self.hear().now_or_never()
    }

    /// Says goodbye, closes, and gives the client a moment to close its end.
    pub(super) async fn part(&mut self, farewell: Farewell) {
        let Farewell { reject, retry_after_ms } = farewell;
        tracing::debug!(code = %reject.code, text = reject.text, "a session ends");
        let close = CloseFrame {
            code: reject.code.websocket_close().into(),
            reason: reject.code.as_str().into(),
        };
        let goodbye = encode_hub(&HubFrame::Goodbye { reject, retry_after_ms });
        let parting = async {
            self.write().await?;
            self.web.feed(Message::Binary(goodbye.into())).await?;
            self.web.close(Some(close)).await?;
            let mut is_closed = false;
            while let Some(message) = self.web.next().await.transpose()? {
                is_closed |= message.is_close();
            }
            // A message that is refused before its end is read past: what is closed with unread
            // bytes in it is reset, and the goodbye is lost on the way.
            if !is_closed {
                tokio::io::copy(self.web.get_mut(), &mut tokio::io::sink()).await?;
            }
            Ok::<_, tungstenite::Error>(())
        };
        // Whoever has gone already misses nothing.
        let _ = timeout(CLOSE_WITHIN, parting).await;
    }

    /// Puts a frame behind those that wait; several are flushed together.
    pub(super) async fn send(&mut self, bytes: Bytes) -> Result<(), Broken> {
        self.outgoing.push(bytes);
        if self.outgoing.bytes() < GATHERED { Ok(()) } else { self.flush().await }
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        match self.write().now_or_never() {
            Some(written) => written.map_err(|_| Broken),
            None => patient(self.patience, self.write()).await,
        }
    }

    /// Writes what waits. May be dropped and asked again.
    async fn write(&mut self) -> Result<(), tungstenite::Error> {
        // A pong that was begun ends before a frame begins.
        self.web.flush().await?;
        let (web, outgoing) = (&mut self.web, &mut self.outgoing);
        poll_fn(|cx| outgoing.poll_write(web.get_mut(), cx)).await?;
        Ok(self.web.get_mut().flush().await?)
    }
}

/// Waits for a socket that takes nothing now: one that still does not after a while is as good as
/// gone. Boxed, so that the many sessions that never wait do not hold room for it.
fn patient<'a>(
    patience: Duration,
    taken: impl Future<Output = Result<(), tungstenite::Error>> + Send + 'a,
) -> BoxFuture<'a, Result<(), Broken>> {
    async move { timeout(patience, taken).await.map_err(|_| Broken)?.map_err(|_| Broken) }.boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pong_that_was_begun_ends_before_a_frame_begins() {
        let (client, hub) = tokio::io::duplex(16);
        let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        let config = Some(websocket_config());
        let hub = WebSocketStream::from_raw_socket(hub, Role::Server, config).await;
        let mut wire = Wire::new(hub, Duration::from_secs(10));
        let ping = Bytes::from_static(&[7; 100]);
        let (pinged, heard) = tokio::join!(client.send(Message::Ping(ping.clone())), wire.hear());
        assert!(pinged.is_ok() && matches!(heard, Ok(Said::Alive)));
        // The pong is begun, and the client reads nothing yet.
        assert!(wire.heard().is_none());
        let frame = Bytes::from_static(b"a frame");
        let hub = async {
            wire.send(frame.clone()).await?;
            wire.flush().await
        };
        let reading = async { (client.next().await, client.next().await) };
        let both = async { tokio::join!(hub, reading) };
        let both = timeout(Duration::from_secs(10), both).await;
        let (sent, (first, second)) = both.expect("the client understands what comes");
        assert!(sent.is_ok());
        assert_eq!(first.unwrap().unwrap(), Message::Pong(ping));
        assert_eq!(second.unwrap().unwrap(), Message::Binary(frame));
    }
}
