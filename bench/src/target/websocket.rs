//! Plain WebSocket connections with small buffers, as the hub and its ceiling are measured by.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::{Failure, wire};

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

/// Connects to the hub's address, or one like it.
pub(crate) async fn connect(address: SocketAddr, protocol: &str) -> Result<Web, Failure> {
    connect_to(address, "ws", Some(protocol)).await
}

/// Connects to an address and a path, with a subprotocol where there is one.
pub(super) async fn connect_to(
    address: SocketAddr,
    path: &str,
    protocol: Option<&str>,
) -> Result<Web, Failure> {
    let stream = wire::connect(address).await?;
    let mut request = format!("ws://{address}/{path}").into_client_request()?;
    if let Some(protocol) = protocol {
        let protocol = protocol.parse().map_err(|_| Failure::new("a subprotocol is a token"))?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let (web, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config())).await?;
    Ok(web)
}
