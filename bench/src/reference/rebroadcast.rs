//! The ceiling's server: takes payloads, joins all that wait into one message, and hands that one
//! message to all who listen. See `target/ceiling.rs` for its few bytes of protocol.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::target::websocket::config;

/// Messages that wait for the broadcaster.
const WAITING_MAX: usize = 8192;
/// A listener with more unsent bytes than this is hung up on.
const UNSENT_MAX: usize = 64 << 20;

/// Messages on their way to one connection.
#[derive(Debug, Default)]
struct Outbox {
    state: Mutex<(VecDeque<Bytes>, usize)>,
    ready: Notify,
}

impl Outbox {
    fn push(&self, bytes: Bytes) {
        let mut state = self.state.lock().expect("nothing panics while it holds an outbox");
        state.1 += bytes.len();
        state.0.push_back(bytes);
        drop(state);
        self.ready.notify_one();
    }

    /// What waits; none when it has grown too large.
    fn take(&self) -> Option<VecDeque<Bytes>> {
        let mut state = self.state.lock().expect("nothing panics while it holds an outbox");
        let bytes = std::mem::take(&mut state.1);
        (bytes <= UNSENT_MAX).then(|| std::mem::take(&mut state.0))
    }
}

/// What a connection tells the broadcaster.
enum Told {
    Listens(u64, String, Arc<Outbox>),
    Publishes(u64, Bytes, Arc<Outbox>),
    Leaves(u64),
}

/// Serves until the process ends.
pub(crate) async fn serve(address: SocketAddr) -> std::io::Result<()> {
    // Descriptors for as many connections as the machine allows.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener: TcpListener = socket.listen(8192)?;
    let (tell, told) = mpsc::channel(WAITING_MAX);
    tokio::spawn(broadcast(told));
    for connection in 1.. {
        let (stream, _) = listener.accept().await?;
        let tell = tell.clone();
        tokio::spawn(async move {
            // Whoever hangs up has what it came for.
            let _ = converse(stream, connection, &tell).await;
            let _ = tell.send(Told::Leaves(connection)).await;
        });
    }
    Ok(())
}

/// Joins what waits, and hands it on.
async fn broadcast(mut told: mpsc::Receiver<Told>) {
    let mut listeners: HashMap<String, HashMap<u64, Arc<Outbox>>> = HashMap::new();
    let mut spaces: HashMap<u64, String> = HashMap::new();
    let mut waiting = Vec::new();
    while told.recv_many(&mut waiting, WAITING_MAX).await > 0 {
        let mut payload = BytesMut::from(&b"D"[..]);
        let mut acks: HashMap<u64, (Arc<Outbox>, BytesMut)> = HashMap::new();
        for told in waiting.drain(..) {
            match told {
                Told::Listens(connection, space, outbox) => {
                    outbox.push(Bytes::from_static(b"A"));
                    listeners.entry(space.clone()).or_default().insert(connection, outbox);
                    spaces.insert(connection, space);
                }
                Told::Publishes(connection, push, outbox) => {
                    payload.put(&push[9..]);
                    let ack = acks.entry(connection);
                    let (_, ids) = ack.or_insert_with(|| (outbox, BytesMut::from(&b"A"[..])));
                    ids.put(&push[1..9]);
                }
                Told::Leaves(connection) => {
                    let space = spaces.remove(&connection).and_then(|it| listeners.get_mut(&it));
                    space.map(|listeners| listeners.remove(&connection));
                }
            }
        }
        let payload = payload.freeze();
        if payload.len() > 1 {
            // A run publishes in one space at a time; nothing needs telling spaces apart.
            for outbox in listeners.values().flat_map(HashMap::values) {
                outbox.push(payload.clone());
            }
        }
        for (outbox, ids) in acks.into_values() {
            outbox.push(ids.freeze());
        }
    }
}

async fn converse(
    stream: TcpStream,
    connection: u64,
    tell: &mpsc::Sender<Told>,
) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut web = accept_hdr_async_with_config(stream, agree, Some(config())).await?;
    let outbox = Arc::new(Outbox::default());
    loop {
        tokio::select! {
            () = outbox.ready.notified() => send(&mut web, &outbox).await?,
            message = web.next() => {
                let mut next = Some(message);
                // All that has arrived goes to the broadcaster before anything is sent.
                while let Some(message) = next {
                    let Some(message) = message.transpose()? else { return Ok(()) };
                    if let Message::Binary(bytes) = message {
                        hand_over(bytes, connection, &outbox, tell).await;
                    }
                    next = web.next().now_or_never();
                }
            }
        }
    }
}

async fn hand_over(bytes: Bytes, connection: u64, outbox: &Arc<Outbox>, tell: &mpsc::Sender<Told>) {
    let told = match bytes.first() {
        Some(b'R') => {
            let space = String::from_utf8_lossy(&bytes[1..]).into_owned();
            Told::Listens(connection, space, outbox.clone())
        }
        Some(b'P') if bytes.len() >= 9 => Told::Publishes(connection, bytes, outbox.clone()),
        _ => return,
    };
    // The broadcaster lives as long as the process.
    let _ = tell.send(told).await;
}

async fn send(web: &mut WebSocketStream<TcpStream>, outbox: &Outbox) -> Result<(), Error> {
    let Some(messages) = outbox.take() else { return Err(Error::ConnectionClosed) };
    for message in messages {
        web.feed(Message::Binary(message)).await?;
    }
    web.flush().await
}

#[allow(clippy::result_large_err, reason = "the library's signature")]
fn agree(
    request: &Request,
    mut answer: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    if let Some(protocol) = request.headers().get(SEC_WEBSOCKET_PROTOCOL) {
        answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol.clone());
    }
    Ok(answer)
}
