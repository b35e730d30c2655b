//! Plain WebSocket connections with small buffers, as the hub and its ceiling are measured by.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::{Failure, source};

/// A client's end of a WebSocket.
pub(crate) type Web = WebSocketStream<TcpStream>;

/// The buffers of both ends: small reads, because links are many; writes gather.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(32 * 1024)
        .max_write_buffer_size(64 << 20)
        .max_message_size(None)
        .max_frame_size(None)
}

/// Connects from one of several loopback addresses: one has not enough ports for all.
pub(crate) async fn connect(address: SocketAddr, protocol: &str) -> Result<Web, Failure> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let socket = TcpSocket::new_v4()?;
    if address.ip().is_loopback() {
        socket.bind(source(NEXT.fetch_add(1, Ordering::Relaxed)))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    let protocol = protocol.parse().map_err(|_| Failure::new("a subprotocol is a token"))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    let (web, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config())).await?;
    Ok(web)
}
