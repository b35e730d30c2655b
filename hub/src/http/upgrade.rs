//! From a request to a session: the WebSocket handshake (RFC 6455, section 4.2).

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use dashmap::DashMap;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use syncline_protocol::SUBPROTOCOL;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Shared;
use super::address::{PeerAddress, client_address};
use crate::access::household::Household;
use crate::admin::cookie;
use crate::newcomer::Newcomer;
use crate::socket::{self, Caller};
use crate::stream::Stream;

/// Answers a handshake and begins the session.
pub(super) async fn upgrade(
    State(shared): State<Shared>,
    Extension(peer): Extension<PeerAddress>,
    mut request: Request,
) -> Response {
    let headers = request.headers();
    let key = match check(headers, &shared) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err((status, text)) => return (status, text).into_response(),
    };
    let address = client_address(peer.0, headers, &shared.hub.config().http.trusted_proxies);
    let limit = shared.hub.config().limits.unauthenticated_per_address;
    let Some(place) = Place::take(&shared.unauthenticated, address, limit) else {
        let text = "too many connections of your address have not said hello\n";
        return (StatusCode::TOO_MANY_REQUESTS, text).into_response();
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return (StatusCode::BAD_REQUEST, "this connection cannot be upgraded\n").into_response();
    };
    // A page of the hub's own need not know a token: its browser shows who it is.
    let own = cookie::is_own_origin(request.headers()) == Some(true);
    let session = cookie::session(request.headers()).filter(|_| own);
    let newcomer = request.extensions_mut().remove::<Newcomer>();
    tokio::spawn(begin(shared, upgrade, Caller { address, session }, (place, newcomer)));
    accept(&key)
}

fn accept(key: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Ok(key) = HeaderValue::from_str(key) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    response
}

async fn begin(
    shared: Shared,
    upgrade: OnUpgrade,
    caller: Caller,
    held: (Place, Option<Newcomer>),
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "an upgrade broke");
            return;
        }
    };
    // The connection itself, without what HTTP kept around it: idle sessions are many.
    let config = Some(socket::websocket_config());
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
        tracing::error!("an upgraded connection is not one that this hub accepted");
        return;
    };
    let (io, rest) = (parts.io.into_inner(), parts.read_buf.to_vec());
    // As long as this is held, so is the whole buffer that HTTP read into.
    drop(parts.read_buf);
    let web = WebSocketStream::from_partially_read(io, rest, Role::Server, config).await;
    socket::run(shared.hub, web, caller, held).await;
}

/// The key of a good handshake.
fn check<'h>(
    headers: &'h HeaderMap,
    shared: &Shared,
) -> Result<&'h HeaderValue, (StatusCode, &'static str)> {
    let holds = |name: header::HeaderName, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    if !holds(header::UPGRADE, "websocket") || !holds(header::CONNECTION, "upgrade") {
        return Err((StatusCode::UPGRADE_REQUIRED, "connect with a WebSocket\n"));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err((StatusCode::BAD_REQUEST, "this hub speaks WebSocket version 13\n"));
    }
    if !holds(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err((StatusCode::BAD_REQUEST, "ask for the subprotocol syncline.v1\n"));
    }
    if !is_origin_good(headers, &shared.hub.config().http.allowed_origins) {
        let text = "pages of this origin may not connect; see http.allowed_origins\n";
        return Err((StatusCode::FORBIDDEN, text));
    }
    headers
        .get(header::SEC_WEBSOCKET_KEY)
        .ok_or((StatusCode::BAD_REQUEST, "a WebSocket handshake has a key\n"))
}

/// Programs send no origin; pages may connect from the hub's own origin and from those allowed.
fn is_origin_good(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    cookie::is_own_origin(headers) == Some(true)
        || allowed.iter().any(|allowed| allowed == "*" || allowed == origin)
}

/// A socket's place among those of its address that have not said who they are; given back when it
/// is dropped.
pub(crate) struct Place {
    counts: Arc<DashMap<Household, u32>>,
    household: Household,
}

impl Place {
    fn take(counts: &Arc<DashMap<Household, u32>>, address: IpAddr, limit: u32) -> Option<Self> {
        let household = Household::of(address);
        let mut count = counts.entry(household).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(count);
        Some(Self { counts: counts.clone(), household })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut count) = self.counts.get_mut(&self.household) {
            *count = count.saturating_sub(1);
        }
        self.counts.remove_if(&self.household, |_, count| *count == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_and_are_given_back() {
        let counts = Arc::new(DashMap::new());
        let address = IpAddr::from([127, 0, 0, 1]);
        let first = Place::take(&counts, address, 1);
        assert!(first.is_some() && Place::take(&counts, address, 1).is_none());
        drop(first);
        assert!(counts.is_empty());
        assert!(Place::take(&counts, address, 1).is_some());
    }

    #[test]
    fn foreign_pages_do_not_connect() {
        let headers = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            headers.insert(header::HOST, "hub.example:7962".parse().unwrap());
            headers
        };
        let allowed = ["https://app.example".to_owned()];
        assert!(is_origin_good(&HeaderMap::new(), &allowed));
        assert!(is_origin_good(&headers("http://hub.example:7962"), &allowed));
        assert!(is_origin_good(&headers("https://app.example"), &allowed));
        assert!(!is_origin_good(&headers("https://evil.example"), &allowed));
        assert!(!is_origin_good(&headers("null"), &allowed));
    }
}
