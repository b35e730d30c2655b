//! What the system has to be told about a socket: how ports are opened, and how an accepted
//! connection behaves. It knows nothing of what is spoken on it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use super::ListenError;

/// Connections that the system holds while the hub is busy; after a restart every app comes back
/// within seconds. The system may allow fewer (net.core.somaxconn).
const BACKLOG: i32 = 4096;
/// A silent connection is probed after this long, and given up after some probes: half of the time
/// that most routers remember a connection, and a peer that lost its power sends nothing at all.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Opens every address, or none.
pub(super) fn open_all(
    addresses: &[SocketAddr],
) -> Result<Vec<(SocketAddr, TcpListener)>, ListenError> {
    let open_one = |address: &SocketAddr| {
        let alone = addresses.iter().all(|other| !clashes(*address, *other));
        open(*address, alone).map_err(|cause| ListenError::Bind { address: *address, cause })
    };
    addresses.iter().map(open_one).collect()
}

/// Whether an IPv6 address would take the port of an IPv4 one, as `[::]` does of `0.0.0.0`.
fn clashes(address: SocketAddr, other: SocketAddr) -> bool {
    address.is_ipv6() && other.is_ipv4() && address.port() == other.port()
}

/// Opens one address. `both` lets an IPv6 port take IPv4 peers too, whatever the system's default.
fn open(address: SocketAddr, both: bool) -> io::Result<(SocketAddr, TcpListener)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted hub must not wait until the connections of its predecessor are forgotten. On
    // Windows the option means something else: that anybody may take the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    Ok((listener.local_addr()?, listener))
}

/// Makes an accepted connection fit for live messages: small ones leave at once, dead ones are
/// noticed.
pub(super) fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// The peer's address as people write it: an IPv4 peer on an IPv6 port is an IPv4 peer.
pub(super) fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), peer.port()),
        IpAddr::V6(_) => peer,
    }
}
