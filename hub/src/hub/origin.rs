//! Where a request comes from, as the routes of the hub and of its gateways are told.

use std::net::IpAddr;

use bytes::Bytes;

/// Where a request comes from, proxies that are believed left out: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Whether a request came by TLS, to the hub or to a proxy that it believes: an extension of every
/// request; one without it came in clear text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encrypted(pub bool);

/// The certificate that the hub shows, as DER: an extension of every request; none without TLS.
#[derive(Debug, Clone)]
pub struct Certificate(pub Bytes);
