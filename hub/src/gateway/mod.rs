//! The list of gateways: what each claims of the shared port, and what it brings along. Whoever
//! mounts them knows this list alone: delete a folder and its entry, and the rest compiles.
//!
//! ```text
//! a request > its host is a gateway's      > that gateway, whole
//!           > its path has its prefix      > that gateway, without the prefix
//!           > a claim on the shared root   > that gateway
//!           > everything else              > the hub itself
//! ```
//! A gateway speaks one foreign protocol outside and deltas inside. It knows the door (`hub`), the
//! protocol and itself; it never stamps, and keeps nothing but records.

pub mod koreader;
pub mod linkora;
pub mod simple_sync;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use axum::Router;
use http::{HeaderMap, Method, header};
use syncline_protocol::Reject;

use crate::config::Config;
use crate::hub::{Derivation, Hub, Rule};

/// Every gateway of this hub.
pub const ALL: &[Gateway] = &[koreader::GATEWAY, linkora::GATEWAY, simple_sync::GATEWAY];

/// One gateway's entry in the list.
#[derive(Debug, Clone, Copy)]
pub struct Gateway {
    /// Its name, as in `gateways.<name>` of the settings.
    pub name: &'static str,
    /// Under each of these it is mounted whole, such as `/kosync`.
    pub prefixes: &'static [&'static str],
    /// What it answers at the root of the shared port.
    pub claims: &'static [Claim],
    /// What it demands of every push in its spaces, native ones too. In force while it is turned
    /// off as well: its records must bear being served again.
    pub rule: Option<Rule>,
    /// Its routes as if it were alone on a port, with its own answer to what it does not know.
    pub router: fn(Hub) -> Router,
    /// What people and the command ask of it, under `/hub/v1/gateways/<name>`. Each request
    /// carries the caller's [`crate::hub::Principal`] as an extension.
    pub admin: Option<fn() -> Router<Hub>>,
    /// What it needs to be there before it is served.
    pub start: Option<fn(Hub) -> Starting>,
    /// How its apps' secret follows from an account's password, where it does.
    pub derives: Option<Derivation>,
    /// Where the settings say it is reached.
    pub mount: fn(&Config) -> Mount<'_>,
}

/// The start of a gateway; gives the secrets that it made.
pub type Starting = Pin<Box<dyn Future<Output = Result<Vec<FirstSecret>, Reject>> + Send>>;

/// A secret that a start made, for whoever started it: shown once, kept nowhere but in a file of
/// theirs.
#[derive(Clone)]
pub struct FirstSecret {
    /// What it is, for people.
    pub what: String,
    /// The name of the file in the data folder.
    pub file: String,
    /// The secret.
    pub secret: String,
}

impl std::fmt::Debug for FirstSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstSecret").field("what", &self.what).finish_non_exhaustive()
    }
}

/// Starts the gateways that the settings turn on.
///
/// # Errors
/// Why one cannot be served.
pub async fn start(hub: &Hub) -> Result<Vec<FirstSecret>, Reject> {
    let mut secrets = Vec::new();
    for gateway in ALL.iter().filter(|it| (it.mount)(hub.config()).enabled) {
        if let Some(start) = gateway.start {
            secrets.extend(start(hub.clone()).await?);
        }
    }
    Ok(secrets)
}

/// Where a gateway is reached besides its prefixes and claims.
#[derive(Debug, Clone, Copy)]
pub struct Mount<'a> {
    /// Whether it is served at all.
    pub enabled: bool,
    /// Host names under which the whole port is its own; `*.example.org` is every name below.
    pub hosts: &'a [String],
    /// Addresses of its own.
    pub listen: &'a [SocketAddr],
}

/// A path that a gateway answers at the root of the shared port.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// With these methods; any when there is none.
    pub methods: &'static [Method],
    /// The path, with `{name}` for a segment and `{*name}` for the rest.
    pub path: &'static str,
    /// Only of these requests.
    pub when: When,
}

/// Which requests a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// Those with `Authorization: Bearer`: a program that brings a token, not a person's browser.
    /// And what a browser asks before it sends such a request for a page of another origin.
    Bearer,
}

impl Claim {
    /// Whether a request of this method and with these headers is claimed, its path aside.
    #[must_use]
    pub fn covers(&self, method: &Method, headers: &HeaderMap) -> bool {
        let bearer = |value: &header::HeaderValue| {
            value.as_bytes().get(..7).is_some_and(|it| it.eq_ignore_ascii_case(b"bearer "))
        };
        let announces = |value: &header::HeaderValue| {
            let names = value.to_str().unwrap_or_default().split(',');
            names.map(str::trim).any(|name| name.eq_ignore_ascii_case("authorization"))
        };
        let fits = match self.when {
            When::Always => true,
            When::Bearer if *method == Method::OPTIONS => {
                headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).is_some_and(announces)
            }
            When::Bearer => headers.get(header::AUTHORIZATION).is_some_and(bearer),
        };
        fits && (self.methods.is_empty() || self.methods.contains(method))
    }
}

/// What the gateways demand of pushes in their spaces.
#[must_use]
pub fn rules() -> Vec<Rule> {
    ALL.iter().filter_map(|gateway| gateway.rule).collect()
}

/// How gateways' secrets follow from passwords.
#[must_use]
pub fn derivations() -> Vec<Derivation> {
    ALL.iter().filter_map(|gateway| gateway.derives).collect()
}
