//! The ceiling: a WebSocket server that only hands on what it gets, coalescing as well as it can,
//! with no merge, no order that lasts and no disk. What fans out faster does less than it must.
//!
//! ```text
//! in   R space            listen          P id payload      publish
//! out  D payload...       what came       A id...           these were taken
//! ```
//! It runs in a process of its own (`syncline-bench ceiling ADDRESS`), so that its processor time
//! can be told from the harness'. Payloads have the hub's own encoding, and so its size.

use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::{BufMut as _, Bytes};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

use super::encoding::Encoder;
use super::websocket::{Web, connect};
use super::{Ability, Arrival, Failure, Link, Listening, Place, Running, Site, Target};
use crate::process::{Server, free_address};
use crate::workload::Write;

/// The subprotocol.
const PROTOCOL: &str = "ceiling";

/// The ceiling.
pub(crate) struct Ceiling;

#[async_trait]
impl Target for Ceiling {
    fn name(&self) -> &'static str {
        "ceiling"
    }

    fn acknowledges(&self) -> &'static str {
        "in memory: nothing is kept"
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn can(&self, ability: Ability) -> Result<(), &'static str> {
        match ability {
            Ability::FanOut | Ability::Acknowledge | Ability::Session => Ok(()),
            Ability::Snapshot | Ability::Resume => Err("it keeps nothing"),
        }
    }

    fn installed(&self) -> Result<(), String> {
        Ok(())
    }

    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["ceiling", &address.to_string()]);
        let mut server = Server::start(command, &site.folder.path().join("log"))?;
        server.listens(address).await?;
        Ok(Box::new(RunningCeiling { server: Some(server), address }))
    }
}

struct RunningCeiling {
    /// None in tests, where the ceiling has no process of its own.
    server: Option<Server>,
    address: SocketAddr,
}

#[async_trait]
impl Running for RunningCeiling {
    fn version(&self) -> String {
        concat!("in syncline-bench ", env!("CARGO_PKG_VERSION")).to_owned()
    }

    fn processes(&self) -> Vec<u32> {
        self.server.iter().map(Server::id).collect()
    }

    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure> {
        let mut web = connect(self.address, PROTOCOL).await?;
        if !matches!(listening, Listening::Nothing) {
            web.send(Message::Binary([b"R", channel.as_bytes()].concat().into())).await?;
            // Its first answer, an empty list of acks, says that the link listens.
            web.next().await.transpose()?;
        }
        Ok(Box::new(CeilingLink { web, encoder: Encoder::new(), pushes: 0 }))
    }

    async fn stop(self: Box<Self>) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

/// One connection.
struct CeilingLink {
    web: Web,
    encoder: Encoder,
    pushes: u64,
}

#[async_trait]
impl Link for CeilingLink {
    async fn feed(&mut self, writes: &[Write]) -> Result<(), Failure> {
        let mut message = vec![b'P'];
        message.put_u64(self.pushes);
        self.pushes += 1;
        for write in writes {
            self.encoder.applied(&mut message, write);
        }
        Ok(self.web.feed(Message::Binary(message.into())).await?)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.web.flush().await?)
    }

    async fn next(&mut self) -> Result<Arrival, Failure> {
        match self.web.next().await {
            Some(Ok(Message::Binary(bytes))) => Ok(understand(bytes)),
            Some(Ok(Message::Close(_))) | None => Err(Failure::new("it hung up")),
            Some(Ok(_)) => Ok(Arrival::Nothing),
            Some(Err(error)) => Err(error.into()),
        }
    }

    fn place(&self) -> Option<Place> {
        None
    }
}

fn understand(bytes: Bytes) -> Arrival {
    let id = |chunk: &[u8; 8]| u64::from_be_bytes(*chunk);
    match bytes.split_first() {
        Some((b'A', ids)) => Arrival::Acked(ids.as_chunks::<8>().0.iter().map(id).collect()),
        _ => Arrival::Bytes(bytes),
    }
}

/// A ceiling within this process, for tests of what is built on targets.
#[cfg(test)]
pub(crate) async fn in_process() -> Box<dyn Running> {
    let address = free_address().expect("the loopback address has a free port");
    tokio::spawn(crate::reference::rebroadcast::serve(address));
    while tokio::net::TcpStream::connect(address).await.is_err() {
        tokio::task::yield_now().await;
    }
    Box::new(RunningCeiling { server: None, address })
}
