//! The hub's certificate: where it comes from, what it offers, and how it is replaced while
//! connections go on. TLS 1.2 and 1.3 by rustls with ring, ALPN http/1.1 only.
//! This room never accepts a connection (`listen` does) and never shows or logs a private key.
//!
//! ```text
//! files of the owner ----+                        +-> current identity -> every new handshake
//!                        +-> material -> identity +
//! generated, DATA/tls ---+      ^                 +-> public certificate, hash of its key
//!                               | every 30 s: unchanged, replaced, or broken and the old one kept
//! ```

mod error;
mod generated;
mod identity;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

pub use error::TlsError;
pub use identity::PublicCertificate;

use generated::Generated;
use identity::{Identity, Material, read_files};

/// How often the files are looked at. A new certificate is in use half a minute after it was put
/// there, without a signal and without watching directories.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// The one protocol that the hub speaks inside TLS (RFC 7301 registers the name).
const PROTOCOL: &[u8] = b"http/1.1";

/// A TLS server with a certificate that can be replaced while it serves.
pub struct CertifiedServer {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    source: Source,
    /// What the last refresh could not use, so that it is reported once and not every 30 s.
    reported: Mutex<Option<String>>,
}

/// What a refresh did.
#[derive(Debug)]
pub enum Refreshed {
    /// The certificate is the one in use.
    Unchanged,
    /// A new certificate is in use.
    Replaced,
    /// The new one cannot be used; the old one stays. The error was not reported before.
    Kept(TlsError),
    /// The same as before, reported already.
    StillKept,
}

impl CertifiedServer {
    /// Reads the configured certificate, or makes one below `data` when none is configured. It
    /// blocks on the disk.
    ///
    /// # Errors
    /// When there is no usable certificate: a hub must not start with TLS that cannot work.
    pub fn open(tls: &Tls, data: &Path, now: SystemTime) -> Result<Arc<Self>, TlsError> {
        let source = Source::of(tls, data);
        // The provider is named here and never taken from the process, since another crate may
        // install a default of its own.
        let provider = Arc::new(ring::default_provider());
        let identity = Identity::build(source.read(now)?, &provider)?;
        let current = Arc::new(Current { identity: RwLock::new(Arc::new(identity)), provider });
        let config = Arc::new(server_config(&current)?);
        Ok(Arc::new(Self { config, current, source, reported: Mutex::new(None) }))
    }

    /// The certificate that anybody may see, and the hash of its key for clients that pin it.
    pub fn public(&self) -> PublicCertificate {
        self.current.identity().public.clone()
    }

    /// Looks at the source again: replaces the certificate when it changed or is about to expire.
    /// It blocks on the disk. Connections that are open keep the certificate they began with.
    pub fn refresh(&self, now: SystemTime) -> Refreshed {
        // Held for the whole refresh, so that two never write the same file.
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        match self.current.replace(&self.source, now) {
            Ok(replaced) => {
                *reported = None;
                if replaced { Refreshed::Replaced } else { Refreshed::Unchanged }
            }
            Err(error) => {
                let text = error.to_string();
                let before = reported.replace(text.clone());
                if before == Some(text) { Refreshed::StillKept } else { Refreshed::Kept(error) }
            }
        }
    }

    /// Refreshes every 30 s for as long as the future is polled, and logs what happens.
    pub async fn watch(self: Arc<Self>) {
        // The certificate was read just before this begins.
        let mut ticks = interval_at(Instant::now() + REFRESH_INTERVAL, REFRESH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let server = Arc::clone(&self);
            let refresh = move || server.refresh(SystemTime::now());
            match tokio::task::spawn_blocking(refresh).await {
                Ok(Refreshed::Replaced) => {
                    let key_sha256 = self.public().key_sha256;
                    tracing::info!(key_sha256, "the TLS certificate was replaced");
                }
                Ok(Refreshed::Kept(error)) => {
                    tracing::error!(%error, "the old TLS certificate stays in use");
                }
                Ok(Refreshed::Unchanged | Refreshed::StillKept) => {}
                Err(error) => tracing::error!(%error, "looking at the TLS certificate failed"),
            }
        }
    }

    /// What turns an accepted connection into a TLS stream.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

impl fmt::Debug for CertifiedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertifiedServer({})", self.public().key_sha256)
    }
}

/// Where the certificate comes from.
#[derive(Debug)]
enum Source {
    /// Files that the owner keeps.
    Files { certificate: PathBuf, key: PathBuf },
    /// Self-signed, made and renewed by the hub.
    Generated(Generated),
}

impl Source {
    fn of(tls: &Tls, data: &Path) -> Self {
        match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => {
                Self::Files { certificate: certificate.clone(), key: key.clone() }
            }
            _ => Self::Generated(Generated::new(data.join("tls"), &tls.names)),
        }
    }

    fn read(&self, now: SystemTime) -> Result<Material, TlsError> {
        match self {
            Self::Files { certificate, key } => read_files(certificate, key),
            Self::Generated(generated) => generated.read(now),
        }
    }
}

/// The identity in use; rustls asks it for a certificate at each handshake.
struct Current {
    identity: RwLock<Arc<Identity>>,
    provider: Arc<CryptoProvider>,
}

impl Current {
    fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the source holds another identity than the one in use; it is in use afterwards.
    fn replace(&self, source: &Source, now: SystemTime) -> Result<bool, TlsError> {
        let material = source.read(now)?;
        if material.digest() == self.identity().digest {
            return Ok(false);
        }
        let identity = Arc::new(Identity::build(material, &self.provider)?);
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(true)
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current(..)")
    }
}

impl ResolvesServerCert for Current {
    /// One certificate for every name: apps send addresses, stale names or nothing as SNI.
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.identity().certified))
    }
}

fn server_config(current: &Arc<Current>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&current.provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(current) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Tickets let a thousand apps come back after a restart of their network without a signature
    // for each, and cost the hub no memory.
    config.ticketer = ring::Ticketer::new().map_err(TlsError::Setup)?;
    Ok(config)
}

#[cfg(test)]
mod tests;
