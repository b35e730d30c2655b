//! How a client is opened: where the hub is, who greets it, where copies live, whom to trust.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use syncline_protocol::codec::{LABEL_BYTES_MAX, TOKEN_BYTES_MAX};
use syncline_protocol::session::client::{ClientSession, Identity};
use syncline_protocol::{DeviceId, Replica, ReplicaId};

use crate::client::Client;
use crate::connect::{self, Address};
use crate::error::OpenError;
use crate::persist::Store;
use crate::shared::Shared;
use crate::{socket, tls};

/// A client that is not opened yet.
#[derive(Debug, Clone)]
pub struct Builder {
    url: String,
    identity: Identity,
    path: Option<PathBuf>,
    pin: Option<String>,
    roots: Vec<Vec<u8>>,
}

impl Builder {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let version = ("client".to_owned(), concat!("rust/", env!("CARGO_PKG_VERSION")).to_owned());
        let identity = Identity {
            token: token.to_owned(),
            device_name: String::new(),
            attributes: BTreeMap::from([version]),
        };
        Self { url: url.to_owned(), identity, path: None, pin: None, roots: Vec::new() }
    }

    /// The name under which people know this device; at most 128 bytes.
    #[must_use]
    pub fn device_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.identity.device_name);
        self
    }

    /// Keeps copies and unsent writes in this file; it is made when there is none.
    #[must_use]
    pub fn store(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Keeps copies and unsent writes in memory, which is what happens without a file.
    #[must_use]
    pub fn memory(mut self) -> Self {
        self.path = None;
        self
    }

    /// Trusts one key behind `wss://` and no other: the SHA-256 of its SubjectPublicKeyInfo in
    /// hexadecimal digits, as the hub prints it. For hubs with a certificate of their own making.
    #[must_use]
    pub fn pin_key(mut self, sha256: &str) -> Self {
        self.pin = Some(sha256.to_owned());
        self
    }

    /// Trusts a root certificate, given as DER, beside those of the system.
    #[must_use]
    pub fn root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.roots.push(der.into());
        self
    }

    /// Opens the client. It returns at once and connects by itself; until then, and whenever the
    /// hub cannot be reached, it works offline.
    ///
    /// # Errors
    /// When the address, a name, the file or the trust is of no use, or there is no tokio runtime.
    pub fn connect(self) -> Result<Client, OpenError> {
        for (what, text, most) in [
            ("token", &self.identity.token, TOKEN_BYTES_MAX),
            ("device name", &self.identity.device_name, LABEL_BYTES_MAX),
        ] {
            if text.len() > most {
                return Err(OpenError::TooLong(what, most));
            }
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        let address = self.address()?;
        let (store, replica) = self.replica()?;
        let shared = Arc::new(Shared::new(ClientSession::new(replica, self.identity)));
        runtime.spawn(socket::run(Arc::clone(&shared), address, store));
        Ok(Client::new(shared))
    }

    fn address(&self) -> Result<Address, OpenError> {
        let pin = self.pin.as_deref().map(tls::parse_pin).transpose()?;
        if !connect::is_secure(&self.url) {
            return Address::parse(&self.url, None);
        }
        let roots = self.roots.iter().cloned().map(CertificateDer::from).collect();
        Address::parse(&self.url, Some(Arc::new(tls::config(pin, roots)?)))
    }

    /// The replica under an id that nobody else has, and the file that it lives in.
    fn replica(&self) -> Result<(Option<Store>, Replica), OpenError> {
        let draw = || getrandom::u64().map_err(OpenError::Random);
        let (id, device) = (ReplicaId::from_random(draw()?), DeviceId(draw()?));
        Ok(match &self.path {
            None => (None, Replica::new(id, device)),
            Some(path) => {
                let (store, replica) = Store::open(path, id, device)?;
                (Some(store), replica)
            }
        })
    }
}
