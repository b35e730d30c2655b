//! The handle for a hub. Cheap to clone; the last one, of whatever kind, ends the client.

use std::sync::Arc;

use syncline_protocol::session::client::ConnectionState;
use syncline_protocol::{DeviceId, Filter, SpaceName};

use crate::builder::Builder;
use crate::changes::{Notices, States};
use crate::error::{Error, StoreError};
use crate::shared::Shared;
use crate::space::Space;

/// A hub as one device knows it.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// Ends the loop when the last handle goes.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Client {
    /// Begins to describe a client of the hub at `url` (`ws://`, `wss://`, `http://` or `https://`,
    /// a host, and a port and a path where they are needed), with an API token.
    #[must_use]
    pub fn builder(url: &str, token: &str) -> Builder {
        Builder::new(url, token)
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { inner: Arc::new(Inner { shared }) }
    }

    /// A space of the hub, whole. Its copy is kept up from now on and in later runs, too.
    ///
    /// # Errors
    /// When the name is none, or the client is closed.
    pub fn space(&self, name: &str) -> Result<Space, Error> {
        self.space_with(name, Filter::default())
    }

    /// A part of a space. A space has one filter at a time: the latest holds for all its handles.
    ///
    /// # Errors
    /// When the name is none, or the client is closed.
    pub fn space_with(&self, name: &str, filter: Filter) -> Result<Space, Error> {
        let name = SpaceName::new(name)?;
        let shared = &self.inner.shared;
        let now = shared.moment();
        let mut core = shared.lock();
        core.check_open()?;
        let actions = core.session.open(&name, filter, now);
        shared.absorb(&mut core, actions);
        drop(core);
        Ok(Space::new(Arc::clone(&self.inner), name))
    }

    /// The spaces that are kept up, those of earlier runs among them.
    #[must_use]
    pub fn spaces(&self) -> Vec<SpaceName> {
        let names = |replica: &syncline_protocol::Replica| {
            replica.spaces().map(|(name, _)| name.clone()).collect()
        };
        self.inner.shared.read(names)
    }

    /// Drops all that this device knows of a space, unsent writes too.
    ///
    /// # Errors
    /// When the name is none.
    pub fn forget(&self, name: &str) -> Result<(), Error> {
        let name = SpaceName::new(name)?;
        self.inner.shared.call(|session, now| ((), session.forget(&name, now)));
        self.inner.shared.lock().drop_unanswerable();
        Ok(())
    }

    /// The lasting id of this device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.inner.shared.read(syncline_protocol::Replica::device)
    }

    /// How the connection stands.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.inner.shared.state.borrow().clone()
    }

    /// How the connection stands, now and whenever that changes; quick changes may be skipped.
    #[must_use]
    pub fn states(&self) -> States {
        States::new(Arc::clone(&self.inner), self.inner.shared.state.subscribe())
    }

    /// What a person or a log should hear of: refusals, conflicts, divergences, lost rights. Writes
    /// of earlier runs, for which nobody holds a handle, are answered here.
    #[must_use]
    pub fn notices(&self) -> Notices {
        Notices::new(Arc::clone(&self.inner), self.inner.shared.notices.subscribe())
    }

    /// How many writes wait for the hub.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.shared.read(syncline_protocol::Replica::outbox_len)
    }

    /// Connects at once instead of at the next try: the app knows that the network is back.
    pub fn retry_now(&self) {
        self.inner.shared.call(|session, now| ((), session.retry_now(now)));
    }

    /// Greets with another token from now on, and starts again if the last one was refused.
    pub fn set_token(&self, token: &str) {
        let token = token.to_owned();
        self.inner.shared.call(|session, now| ((), session.set_token(token, now)));
    }

    /// Works offline until [`Client::start`].
    pub fn stop(&self) {
        self.inner.shared.call(|session, _| ((), session.stop()));
    }

    /// Goes online again after a stop, by the app or by the hub.
    pub fn start(&self) {
        self.inner.shared.call(|session, now| ((), session.start(now)));
    }

    /// Saves everything, leaves the hub and frees the file. Other handles find the client closed.
    ///
    /// # Errors
    /// When the file failed: what was not saved before is lost.
    pub async fn close(self) -> Result<(), StoreError> {
        let shared = &self.inner.shared;
        shared.close();
        // The loop ends in any case, and the sender lives as long as this handle.
        let _ = shared.ended.subscribe().wait_for(|ended| *ended).await;
        let failure = shared.saved.borrow().failure.clone();
        failure.map_or(Ok(()), Err)
    }
}
