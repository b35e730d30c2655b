//! Where a request comes from: the peer, or whom a trusted proxy names.

use std::net::IpAddr;

use http::{HeaderMap, Request};
use ipnet::IpNet;

/// The address of the connection's other end; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Whether the connection itself is encrypted; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeerEncrypted(pub(super) bool);

/// Whether the client came by TLS: to the hub, or to a trusted proxy that says so.
pub(super) fn is_encrypted<B>(request: &Request<B>, peer: IpAddr, trusted: &[IpNet]) -> bool {
    if request.extensions().get() == Some(&PeerEncrypted(true)) {
        return true;
    }
    let proto = request.headers().get("x-forwarded-proto");
    trusted.iter().any(|net| net.contains(&peer)) && proto.is_some_and(|proto| proto == "https")
}

/// The client's address. Behind trusted proxies it is the last one in `X-Forwarded-For` that no
/// trusted proxy wrote of itself; a client's own words in that header are never believed.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let texts = headers.get_all("x-forwarded-for").into_iter().filter_map(|it| it.to_str().ok());
    let named: Vec<&str> = texts.flat_map(|text| text.split(',')).map(str::trim).collect();
    let mut address = peer;
    for name in named.iter().rev() {
        let Ok(next) = name.parse::<IpAddr>() else { break };
        address = next.to_canonical();
        if !is_trusted(&address) {
            break;
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_that_they_were_reached_by_tls() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let asked = |peer: &str, tls: bool, proto: &str| {
            let mut request = Request::new(());
            request.extensions_mut().insert(PeerEncrypted(tls));
            request.headers_mut().insert("x-forwarded-proto", proto.parse().unwrap());
            is_encrypted(&request, peer.parse().unwrap(), &trusted)
        };
        assert!(asked("3.3.3.3", true, "http") && asked("10.0.0.1", false, "https"));
        assert!(!asked("3.3.3.3", false, "https") && !asked("10.0.0.1", false, "http"));
    }

    #[test]
    fn only_trusted_proxies_name_others() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let client = |peer: &str, forwarded: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            client_address(ip(peer), &headers, &trusted)
        };
        assert_eq!(client("10.0.0.1", "1.1.1.1, 2.2.2.2"), ip("2.2.2.2"));
        assert_eq!(client("10.0.0.1", "2.2.2.2, 10.0.0.9"), ip("2.2.2.2"));
        assert_eq!(client("3.3.3.3", "2.2.2.2"), ip("3.3.3.3"));
        assert_eq!(client("10.0.0.1", "nonsense"), ip("10.0.0.1"));
    }
}
