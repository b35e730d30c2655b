//! Which hub, as whom, and whether to trust it: the flags that all commands share.
//!
//! A hub on this machine needs none of them: its first start leaves a token in its data folder.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::StreamExt as _;
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use syncline_client::connect::Address;
use syncline_client::{Client, ConnectionState, Filter, Space, SyncError, tls};
use syncline_protocol::CollectionName;

use super::Failure;
use super::print::note;
use super::remote::Remote;

/// The token of the first start, in the data folder.
pub const TOKEN_FILE: &str = "admin-token";
/// The data folder when nothing else is said.
const DATA: &str = "./syncline-data";
/// Bytes of a token's file at most.
const TOKEN_FILE_BYTES: u64 = 4096;

/// Which hub, and as whom.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// The hub's address
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SYNCLINE_URL",
        default_value = "http://127.0.0.1:7962"
    )]
    url: String,
    /// An API token; for a hub on this machine the one of its first start
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        env = "SYNCLINE_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Trust the hub with this key and no other: the SHA-256 that `serve` prints
    #[arg(long, global = true, value_name = "SHA256", conflicts_with = "ca")]
    pin: Option<String>,
    /// Trust the certificates of this PEM file too
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Connection {
    /// The admin routes of the hub.
    pub(super) fn remote(&self) -> Result<Remote, Failure> {
        let url = self.parsed_url()?;
        Remote::new(url, self.token()?, self.tls()?)
    }

    /// A replica in memory.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let token = self.token()?;
        let mut builder = Client::builder(&self.url, &token).memory().device_name("syncline");
        if let Some(pin) = &self.pin {
            builder = builder.pin_key(pin);
        }
        for root in self.roots()? {
            builder = builder.root_certificate(root.as_ref());
        }
        builder.connect().map_err(Failure::usage)
    }

    /// Where the hub is, for those who speak the wire themselves.
    pub(super) fn address(&self) -> Result<Address, Failure> {
        Address::parse(&self.url, self.tls()?.map(std::sync::Arc::new)).map_err(Failure::usage)
    }

    /// The token: as it was given, or the one that the first start left on this machine.
    pub(super) fn token(&self) -> Result<String, Failure> {
        if let Some(token) = self.token.as_deref().map(str::trim).filter(|it| !it.is_empty()) {
            return Ok(token.to_owned());
        }
        let no_token = || {
            let text = "no token: give --token or set SYNCLINE_TOKEN; `syncline token create` \
                        makes one where the hub runs";
            Failure::usage(text)
        };
        if !is_loopback(&self.parsed_url()?) {
            return Err(no_token());
        }
        let data = std::env::var_os("SYNCLINE_DATA").filter(|data| !data.is_empty());
        let data = data.map_or_else(|| PathBuf::from(DATA), PathBuf::from);
        read_token(&data.join(TOKEN_FILE)).ok_or_else(no_token)
    }

    fn parsed_url(&self) -> Result<Url, Failure> {
        let wrong = || {
            let url = &self.url;
            Failure::usage(format!(
                "{url:?} is not the address of a hub, such as https://host:7962"
            ))
        };
        let text = match self.url.split_once("://") {
            Some(("ws", rest)) => format!("http://{rest}"),
            Some(("wss", rest)) => format!("https://{rest}"),
            Some(_) => self.url.clone(),
            None => return Err(wrong()),
        };
        let url = Url::parse(&text).map_err(|_| wrong())?;
        let known = matches!(url.scheme(), "http" | "https") && url.host().is_some();
        if known { Ok(url) } else { Err(wrong()) }
    }

    /// How to speak TLS; none when the address does not ask for it.
    fn tls(&self) -> Result<Option<ClientConfig>, Failure> {
        if self.parsed_url()?.scheme() != "https" {
            return Ok(None);
        }
        let pin = self.pin.as_deref().map(tls::parse_pin).transpose().map_err(Failure::usage)?;
        tls::config(pin, self.roots()?).map(Some).map_err(Failure::usage)
    }

    fn roots(&self) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let Some(file) = &self.ca else { return Ok(Vec::new()) };
        let wrong = |problem: String| Failure::usage(format!("--ca {}: {problem}", file.display()));
        let text = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match roots {
            Ok(roots) if roots.is_empty() => Err(wrong("it holds no certificate".to_owned())),
            Ok(roots) => Ok(roots),
            Err(error) => Err(wrong(format!("it is not PEM: {error}"))),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn read_token(file: &Path) -> Option<String> {
    let size = std::fs::metadata(file).ok()?.len();
    let text = (size <= TOKEN_FILE_BYTES).then(|| std::fs::read_to_string(file).ok())??;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A part of a space, as soon as the copy of it is whole.
pub(super) async fn open(client: &Client, space: &str, filter: Filter) -> Result<Space, Failure> {
    let space = client.space_with(space, filter).map_err(Failure::usage)?;
    tokio::select! {
        biased; // A refusal of the space says more than the end of the connection that follows.
        synced = space.synced() => synced.map_err(failed_sync)?,
        failure = interrupted(client, Patience::None) => return Err(failure),
    }
    Ok(space)
}

/// What a command does when there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It fails: a command that was just typed should say so instead of waiting.
    None,
    /// It says so and waits: the client connects again by itself, and goes on where it was.
    Endless,
}

/// Waits for what a client cannot mend by itself.
pub(super) async fn interrupted(client: &Client, patience: Patience) -> Failure {
    let mut states = client.states();
    // Who waits endlessly was live before: a hub that went between two calls is news as well.
    let mut was_live = true;
    while let Some(state) = states.next().await {
        match state {
            ConnectionState::Offline { reason: Some(reason), .. } => match patience {
                Patience::None => return Failure::Failed(reason),
                Patience::Endless if was_live => {
                    note(format!("{reason}; waiting for the hub, interrupt to give up"));
                    was_live = false;
                }
                Patience::Endless => {}
            },
            ConnectionState::NeedsAuth(reject) | ConnectionState::Stopped(Some(reject)) => {
                return reject.into();
            }
            ConnectionState::Live => was_live = true,
            _ => {}
        }
    }
    Failure::because("the client was closed")
}

pub(super) fn failed_sync(error: SyncError) -> Failure {
    match error {
        SyncError::Ended(reject) => reject.into(),
        other => Failure::because(other),
    }
}

/// A filter of whole collections, none for all.
pub(super) fn filter(collections: &[String], prefix: &str) -> Result<Filter, Failure> {
    let names: Result<Vec<_>, _> =
        collections.iter().map(|name| CollectionName::new(name)).collect();
    Filter::new(names.map_err(Failure::usage)?, prefix).map_err(Failure::usage)
}
