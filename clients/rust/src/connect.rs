//! From a hub's address to an open WebSocket: TCP, TLS where the address asks for it, the upgrade.
//!
//! It makes one attempt and says what went wrong; when to try again is the session's business.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use syncline_protocol::SUBPROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::error::OpenError;

/// Bytes of a message at most: a snapshot may carry values that came through the hub's own door,
/// which are up to 32 MiB.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Bytes of the read buffer; allocated for as long as the connection lives.
const READ_BUFFER_BYTES: usize = 32 << 10;
/// Bytes that wait for the socket at most; larger than any frame that a client sends.
const WRITE_BUFFER_BYTES_MAX: usize = 64 << 20;

/// An open connection.
pub type Socket = WebSocketStream<Stream>;

/// Where a hub is, and how to get there.
#[derive(Clone)]
pub struct Address {
    host: String,
    port: u16,
    uri: Uri,
    tls: Option<Arc<ClientConfig>>,
}

/// A TCP stream, in clear or not.
pub enum Stream {
    /// In clear.
    Clear(TcpStream),
    /// Inside TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Whether a hub's address asks for TLS.
pub(crate) fn is_secure(url: &str) -> bool {
    let scheme = url.split("://").next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("wss") || scheme.eq_ignore_ascii_case("https")
}

impl Address {
    /// Reads a hub's address; a path before `/ws` stays, for hubs behind a proxy. With settings for
    /// TLS it is spoken, whatever the address says.
    ///
    /// # Errors
    /// [`OpenError::Url`] when it is not the address of a hub.
    pub fn parse(url: &str, tls: Option<Arc<ClientConfig>>) -> Result<Self, OpenError> {
        let wrong = || OpenError::Url(url.to_owned());
        let given: Uri = url.parse().map_err(|_| wrong())?;
        let is_known = matches!(given.scheme_str(), Some("ws" | "wss" | "http" | "https"));
        let host = given.host().filter(|host| is_known && !host.is_empty()).ok_or_else(wrong)?;
        let authority = given.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') || given.query().is_some() {
            return Err(wrong());
        }
        let port = given.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        let path = given.path().trim_end_matches('/');
        let path = if path.ends_with("/ws") { path.to_owned() } else { format!("{path}/ws") };
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let uri = Uri::builder().scheme(scheme).authority(authority.clone()).path_and_query(path);
        let uri = uri.build().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if tls.is_some() {
            ServerName::try_from(host.as_str()).map_err(|_| wrong())?;
        }
        Ok(Self { host, port, uri, tls })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// A sentence for people.
    pub async fn open(self) -> Result<Box<Socket>, String> {
        let place = format!("{}:{}", self.host, self.port);
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await;
        let tcp = tcp.map_err(|error| format!("{place} cannot be reached: {error}"))?;
        // Small frames should leave at once; a socket that refuses is merely slower.
        let _ = tcp.set_nodelay(true);
        let stream = match &self.tls {
            None => Stream::Clear(tcp),
            Some(config) => {
                let name = ServerName::try_from(self.host.clone());
                let name = name.map_err(|error| format!("{place}: {error}"))?;
                let tls = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
                Stream::Tls(Box::new(tls.map_err(|error| format!("TLS with {place}: {error}"))?))
            }
        };
        let failed = |error| format!("{place} does not answer as a hub: {error}");
        let mut request = self.uri.into_client_request().map_err(failed)?;
        let headers = request.headers_mut();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        let (socket, _) = Box::pin(opening).await.map_err(failed)?;
        Ok(Box::new(socket))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_the_hubs_door() {
        for (url, port, uri) in [
            ("ws://127.0.0.1:7962", 7962, "ws://127.0.0.1:7962/ws"),
            ("http://hub.example/", 80, "ws://hub.example/ws"),
            ("ws://hub.example/sync/", 80, "ws://hub.example/sync/ws"),
            ("ws://[::1]:9/ws", 9, "ws://[::1]:9/ws"),
        ] {
            let address = Address::parse(url, None).unwrap();
            assert_eq!((address.port, address.uri.to_string()), (port, uri.to_owned()));
        }
        assert_eq!(Address::parse("ws://[::1]:9", None).unwrap().host, "::1");
        for wrong in ["", "hub", "ftp://hub", "ws://", "ws://a@b", "ws://hub?x=1", "/ws"] {
            assert!(matches!(Address::parse(wrong, None), Err(OpenError::Url(_))), "{wrong}");
        }
        assert!(is_secure("WSS://hub") && is_secure("https://hub") && !is_secure("ws://wss"));
    }

    #[test]
    fn secure_addresses_use_the_secure_port() {
        let config = crate::tls::config(Some([0; 32]), vec![]).unwrap();
        let address = Address::parse("https://hub.example", Some(Arc::new(config))).unwrap();
        assert_eq!((address.port, address.uri.to_string().as_str()), (443, "wss://hub.example/ws"));
    }
}
