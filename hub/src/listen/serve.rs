//! Serving: every accepted connection to the router, until it is time to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Entrance, Listener};
use crate::config::Config;
use crate::gateway;
use crate::http::{self, Routers};
use crate::hub::Hub;
use crate::tls::CertifiedServer;

/// What was heard of replicas is written down so often, and idle feeds are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// Connections that are still answering have so long once the sessions have gone.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// The addresses that the settings name: the hub's own, and those of gateways that are served.
#[must_use]
pub fn entrances(config: &Config) -> Vec<(SocketAddr, Entrance)> {
    let own = config.listen.iter().map(|address| (*address, Entrance::Shared));
    let alone = gateway::ALL.iter().flat_map(|gateway| {
        let mount = (gateway.mount)(config);
        let listen = if mount.enabled { mount.listen } else { &[] };
        listen.iter().map(|address| (*address, Entrance::Gateway(gateway.name)))
    });
    own.chain(alone).collect()
}

/// Serves until `stop` is ready; then lets nobody in, says goodbye to all sessions, and returns.
pub async fn serve(
    hub: Hub,
    mut listener: Listener,
    tls: Option<Arc<CertifiedServer>>,
    stop: impl Future<Output = ()>,
) {
    let routers = Routers::new(hub.clone(), tls, gateway::ALL);
    let mut connections = JoinSet::new();
    let mut minute = tokio::time::interval(TIDY_EVERY);
    let (close, closing) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased; // A stop comes before another connection.
            () = &mut stop => break,
            _ = minute.tick() => {
                hub.write_heard();
                hub.sweep_feeds();
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Some(opened) => {
                    let (router, closing) = (routers.at(opened.entrance), closing.clone());
                    connections.spawn(http::connection(router, opened, closing));
                }
                None => break,
            },
        }
    }
    listener.close().await;
    close.send_replace(true);
    hub.drain(hub.config().sync.drain_timeout).await;
    hub.write_heard();
    let finish = async { while connections.join_next().await.is_some() {} };
    // What does not finish in time is cut: nothing acknowledged depends on it.
    let _ = tokio::time::timeout(FINISH_WITHIN.min(hub.config().sync.drain_timeout), finish).await;
}
