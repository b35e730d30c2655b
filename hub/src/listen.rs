//! One port for everything: accepts connections, tells TLS from clear text by the first byte, does
//! the handshake, and hands on a stream. It never reads a byte of HTTP, and no peer, however slow
//! or silent, delays another.
//!
//! ```text
//! accept -> half open -+- first byte 0x16 -> TLS handshake -+-> accept() -> HTTP
//!           (bounded)  +- any other byte -------------------+
//!              |
//!              +- nothing within the timeout, too many of one address, pushed out: closed
//! ```

mod half_open;
mod serve;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::config::Config;
use crate::tls::CertifiedServer;

use crate::newcomer::{Newcomer, Newcomers};
pub use crate::stream::{Entrance, Opened, Stream};
pub use serve::{entrances, serve};

use half_open::{HalfOpen, Place};

/// Connections that have not shown what they speak, in all. Each costs about 10 KiB in a TLS
/// handshake; beyond this the oldest makes room, which under an attack is the attacker's.
const HALF_OPEN_MAX: usize = 4096;
/// Streams that wait to be taken over. Few, since whoever takes them only spawns a task.
const OPENED_MAX: usize = 64;
/// Rest when the system has no file descriptors or memory left: some connection must end first.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// An exhaustion is one event in the log until it has been over for this long.
const EXHAUSTED_SILENCE: Duration = Duration::from_secs(60);
/// The first byte of a TLS connection: a handshake record (RFC 8446, section 5.1). No HTTP request
/// begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a peer may take before it has shown what it speaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// How long it may take to send a first byte and finish the TLS handshake.
    pub handshake_timeout: Duration,
    /// Connections in that state, in all (at least 1).
    pub half_open: usize,
    /// Connections in that state from one address (at least 1); an IPv6 /64 counts as one.
    pub half_open_per_address: usize,
    /// Networks whose addresses speak for many people, such as proxies: bounded in all only.
    pub trusted: Vec<IpNet>,
}

impl Bounds {
    /// The bounds that the settings ask for.
    pub fn of(config: &Config) -> Self {
        let per_address = config.limits.unauthenticated_per_address;
        Self {
            handshake_timeout: config.sync.hello_timeout,
            half_open: HALF_OPEN_MAX,
            half_open_per_address: usize::try_from(per_address).unwrap_or(usize::MAX),
            trusted: config.http.trusted_proxies.clone(),
        }
    }
}

/// The open ports. Dropping it closes them, as soon as the runtime gets to it, and every connection
/// that is still half open; streams that were handed on live on.
#[derive(Debug)]
pub struct Listener {
    addresses: Vec<(SocketAddr, Entrance)>,
    opened: mpsc::Receiver<Opened>,
    half_open: Arc<HalfOpen>,
    /// One accepting task for each address, and one that watches the certificate.
    tasks: JoinSet<()>,
}

impl Listener {
    /// Opens every address, or none. With `tls` the same ports speak TLS too, and its certificate
    /// is watched for changes.
    ///
    /// # Errors
    /// [`ListenError`] names the address and the remedy.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time.
    pub fn bind(
        entrances: &[(SocketAddr, Entrance)],
        tls: Option<Arc<CertifiedServer>>,
        bounds: &Bounds,
    ) -> Result<Self, ListenError> {
        let wanted: Vec<SocketAddr> = entrances.iter().map(|(address, _)| *address).collect();
        let listeners = socket::open_all(&wanted)?;
        let (opened, receiver) = mpsc::channel(OPENED_MAX);
        let half_open = Arc::new(HalfOpen::new(bounds));
        let greeter = Arc::new(Greeter {
            tls: tls.as_ref().map(|tls| tls.acceptor()),
            timeout: bounds.handshake_timeout,
            half_open: Arc::clone(&half_open),
            newcomers: Arc::default(),
            opened,
        });
        let mut tasks = JoinSet::new();
        let mut addresses = Vec::new();
        for ((address, listener), (_, entrance)) in listeners.into_iter().zip(entrances) {
            addresses.push((address, *entrance));
            tasks.spawn(accept_all(listener, *entrance, Arc::clone(&greeter)));
        }
        if let Some(tls) = tls {
            tasks.spawn(tls.watch());
        }
        Ok(Self { addresses, opened: receiver, half_open, tasks })
    }

    /// The addresses that are open, with the port that the system chose where 0 was asked for.
    pub fn addresses(&self) -> &[(SocketAddr, Entrance)] {
        &self.addresses
    }

    /// The next stream that is ready to be read. An IPv4 peer shows as such on an IPv6 port too.
    /// Cancelling the wait loses nothing. `None` never comes while the runtime runs.
    pub async fn accept(&mut self) -> Option<Opened> {
        self.opened.recv().await
    }

    /// Closes the ports, and returns when others may open them. Streams that were accepted live on.
    pub async fn close(mut self) {
        self.half_open.close();
        self.tasks.shutdown().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.tasks.abort_all();
        self.half_open.close();
    }
}

/// Why the hub cannot listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// An address could not be opened.
    #[error("cannot listen on {address} ({cause}): {}", remedy(cause))]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
}

fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "stop the program that has it, or set `listen` to another port",
        io::ErrorKind::AddrNotAvailable => "set `listen` to an address of this machine",
        io::ErrorKind::PermissionDenied => "set `listen` to a port above 1023",
        _ => "set `listen` to another address",
    }
}

/// What the accepting tasks share.
struct Greeter {
    tls: Option<TlsAcceptor>,
    timeout: Duration,
    half_open: Arc<HalfOpen>,
    newcomers: Arc<Newcomers>,
    opened: mpsc::Sender<Opened>,
}

/// Accepts until it is aborted. No error ends it: a port that stays open but answers nobody is the
/// worst of failures.
async fn accept_all(listener: TcpListener, entrance: Entrance, greeter: Arc<Greeter>) {
    let mut exhausted: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                greeter.clone().admit(socket, (socket::canonical(peer), entrance)).await;
            }
            Err(error) if concerns_one_peer(&error) => tracing::debug!(%error, "a peer left early"),
            Err(error) => {
                if exhausted.is_none_or(|last| last.elapsed() > EXHAUSTED_SILENCE) {
                    tracing::error!(%error, "no connection can be accepted: raise the limit of \
                        open files (LimitNOFILE, ulimit -n) or lower limits.sessions");
                }
                exhausted = Some(Instant::now());
                sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Errors of accept(2) that tell of a connection that ended before it was accepted. All others are
/// of the machine, and trying again at once would only burn a core.
fn concerns_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

impl Greeter {
    /// Lets one connection in. Whoever is refused takes nobody's turn.
    async fn admit(self: Arc<Self>, socket: TcpStream, (peer, entrance): (SocketAddr, Entrance)) {
        let Some(place) = self.half_open.admit(peer.ip()) else {
            tracing::debug!(%peer, "refused: too many half-open connections of this address");
            return;
        };
        let newcomer = self.newcomers.enter().await;
        tokio::spawn(self.greet(socket, (peer, entrance), (place, newcomer)));
    }

    /// Brings one connection to the point where HTTP can take over, or drops it.
    async fn greet(
        self: Arc<Self>,
        socket: TcpStream,
        (peer, entrance): (SocketAddr, Entrance),
        (mut place, newcomer): (Place, Newcomer),
    ) {
        let opening = Box::pin(timeout(self.timeout, self.open(socket)));
        let hand_on = async {
            match opening.await {
                Ok(Ok(stream)) => {
                    let opened = Opened { stream, peer, entrance, newcomer };
                    drop(self.opened.send(opened).await);
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "the handshake failed"),
                Err(_) => tracing::debug!(%peer, "nothing came within the handshake timeout"),
            }
        };
        tokio::select! {
            // Being pushed out comes first: whoever pushed needs the place now.
            biased;
            () = place.revoked() => tracing::debug!(%peer, "pushed out by newer connections"),
            () = hand_on => {}
        }
    }

    async fn open(&self, socket: TcpStream) -> io::Result<Stream> {
        socket::prepare(&socket)?;
        let mut first = [0];
        if socket.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match &self.tls {
            _ if first[0] != TLS_HANDSHAKE => Ok(Stream::Plain(socket)),
            Some(acceptor) => Ok(Stream::Tls(Box::new(acceptor.accept(socket).await?))),
            None => Err(io::Error::other("the peer speaks TLS, which is turned off (tls.enabled)")),
        }
    }
}

#[cfg(test)]
mod tests;
