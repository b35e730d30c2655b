//! A hub in this process on a free port.

use std::net::SocketAddr;

use syncline::config::Config;
use syncline::engine::Rule;
use syncline::hub::{Hub, Threads, TokenOrder};
use syncline::listen::{Bounds, Entrance, Listener};
use syncline::store::Store;
use syncline_protocol::SpaceName;
use tokio::sync::oneshot;

use super::raw::RawClient;

/// A running hub.
pub(crate) struct TestHub {
    pub(crate) hub: Hub,
    pub(crate) address: SocketAddr,
    pub(crate) admin: String,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<()>,
    threads: Option<Threads>,
}

impl TestHub {
    pub(crate) async fn start(change: impl FnOnce(&mut Config), rules: Vec<Rule>) -> Self {
        let mut config = Config::default();
        config.limits.failed_logins_per_minute = 1000;
        change(&mut config);
        let store = Store::in_memory(16 << 20).unwrap();
        let bounds = Bounds::of(&config);
        let (hub, threads) = Hub::start(config, store, rules).unwrap();
        let admin = hub.bootstrap().await.unwrap().unwrap().0.reveal();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&[(any, Entrance::Shared)], None, &bounds).unwrap();
        let address = listener.addresses()[0].0;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = hub.clone();
        let served = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            syncline::listen::serve(serving, listener, None, stopped).await;
        });
        Self { hub, address, admin, stop: Some(stop), served, threads: Some(threads) }
    }

    pub(crate) async fn plain() -> Self {
        Self::start(|_| {}, vec![]).await
    }

    /// Makes a space owned by the admin.
    pub(crate) async fn space(&self, name: &str) -> SpaceName {
        let space = SpaceName::new(name).unwrap();
        self.hub.create_space(&self.principal().await, space.clone(), "admin").await.unwrap();
        space
    }

    pub(crate) async fn principal(&self) -> syncline::access::principal::Principal {
        let from = "127.0.0.1".parse().unwrap();
        self.hub.authenticate(syncline::hub::Realm::Token, "", &self.admin, from).await.unwrap()
    }

    pub(crate) async fn token(&self, order: TokenOrder<'_>) -> String {
        let principal = self.principal().await;
        self.hub.create_token(&principal, &order).await.unwrap().reveal()
    }

    pub(crate) async fn client(&self) -> RawClient {
        RawClient::connect(self.address, &self.admin).await.unwrap()
    }

    /// Stops as a signal does, and waits until all is done.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        (&mut self.served).await.unwrap();
        let threads = self.threads.take().unwrap();
        tokio::task::spawn_blocking(move || threads.stop()).await.unwrap();
    }
}
