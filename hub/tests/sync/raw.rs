//! A raw client: it speaks the wire by hand, and does nothing by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use syncline::hub::{now_ms, random_u64};
use syncline_protocol::codec::{decode_hub, encode_client};
use syncline_protocol::{
    Applied, Change, ClientFrame, CollectionName, Delta, DeviceId, FieldName, Filter, Hello,
    HlcTime, HubFrame, Push, PushId, RecordKey, Reject, ReplicaId, SpaceName, Stamp, Start,
    Subject, VERSION, Value, Welcome,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Nothing in these tests takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that does nothing by itself.
pub(crate) struct RawClient {
    pub(crate) web: WebSocketStream<TcpStream>,
    pub(crate) replica: ReplicaId,
    pub(crate) welcome: Option<Welcome>,
    counter: u64,
    last_ms: u64,
    tick: u64,
}

impl RawClient {
    /// Opens a WebSocket and says nothing.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::open_on(address, TcpStream::connect(address).await.unwrap()).await
    }

    /// The same from another address of this machine.
    pub(crate) async fn open_from(address: SocketAddr, from: [u8; 4]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        Self::open_on(address, socket.connect(address).await.unwrap()).await
    }

    async fn open_on(address: SocketAddr, stream: TcpStream) -> Self {
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        let protocol = syncline_protocol::SUBPROTOCOL.parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (web, _) = client_async(request, stream).await.unwrap();
        Self::over(web)
    }

    /// A client over a WebSocket that is open.
    pub(crate) fn over(web: WebSocketStream<TcpStream>) -> Self {
        let replica = ReplicaId::from_random(random_u64());
        Self { web, replica, welcome: None, counter: 0, last_ms: 0, tick: 0 }
    }

    pub(crate) async fn connect(address: SocketAddr, token: &str) -> Result<Self, Reject> {
        let mut client = Self::open(address).await;
        client.hello(token).await?;
        Ok(client)
    }

    pub(crate) async fn hello(&mut self, token: &str) -> Result<(), Reject> {
        self.hello_with(token, vec![]).await
    }

    pub(crate) async fn hello_with(
        &mut self,
        token: &str,
        outbox: Vec<PushId>,
    ) -> Result<(), Reject> {
        let hello = Hello {
            version: VERSION,
            replica: self.replica,
            device: DeviceId(self.replica.get()),
            name: "test".into(),
            token: token.into(),
            clock_ms: now_ms(),
            outbox,
            attributes: BTreeMap::new(),
        };
        self.send(&ClientFrame::Hello(hello)).await;
        match self.next().await {
            HubFrame::Welcome(welcome) => self.welcome = Some(welcome),
            HubFrame::Goodbye { reject, .. } => return Err(reject),
            other => panic!("expected a welcome, got {other:?}"),
        }
        Ok(())
    }

    pub(crate) async fn send(&mut self, frame: &ClientFrame) {
        self.send_bytes(encode_client(frame)).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.web.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// The next frame of the hub.
    pub(crate) async fn next(&mut self) -> HubFrame {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.web.next()).await;
            match message.expect("the hub says something in time") {
                Some(Ok(Message::Binary(bytes))) => return decode_hub(&bytes).unwrap(),
                Some(Ok(_)) => {}
                other => panic!("the hub hung up: {other:?}"),
            }
        }
    }

    /// How the session ends: the goodbye's refusal, and the WebSocket close code.
    pub(crate) async fn ending(&mut self) -> (Reject, u16) {
        let mut reject = None;
        loop {
            match tokio::time::timeout(PATIENCE, self.web.next()).await.unwrap() {
                Some(Ok(Message::Binary(bytes))) => {
                    if let HubFrame::Goodbye { reject: why, .. } = decode_hub(&bytes).unwrap() {
                        reject = Some(why);
                    }
                }
                Some(Ok(Message::Close(close))) => {
                    let code = close.map_or(CloseCode::Status, |close| close.code);
                    return (reject.expect("a goodbye comes before the close"), code.into());
                }
                Some(Ok(_)) => {}
                None | Some(Err(Error::ConnectionClosed)) => panic!("closed without a word"),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// Subscribes and reads until the catch-up is done; gives the deltas.
    pub(crate) async fn subscribe(&mut self, space: &SpaceName, filter: Filter) -> Vec<Applied> {
        let start = Start::Snapshot;
        self.send(&ClientFrame::Subscribe { space: space.clone(), filter, start }).await;
        let mut found = Vec::new();
        loop {
            match self.next().await {
                HubFrame::SnapshotPart { deltas, .. } => found.extend(deltas),
                HubFrame::Changes { deltas, more, .. } => {
                    found.extend(deltas);
                    if !more {
                        return found;
                    }
                }
                HubFrame::Reject { reject, .. } => panic!("{reject}"),
                _ => {}
            }
        }
    }

    /// A stamp of this client at this moment.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.last_ms = self.last_ms.max(now_ms());
        self.tick += 1;
        let bits = HlcTime::from_millis(self.last_ms).to_bits() + self.tick;
        Stamp::new(HlcTime::from_bits(bits), self.replica)
    }

    /// A push of one put of one field.
    pub(crate) fn put(&mut self, space: &SpaceName, key: &str, value: &str) -> Push {
        let change = change(key, value);
        let delta = change.stamped(self.stamp());
        self.push_of(space, vec![delta])
    }

    pub(crate) fn push_of(&mut self, space: &SpaceName, deltas: Vec<Delta>) -> Push {
        self.counter += 1;
        let id = PushId { replica: self.replica, counter: self.counter };
        Push { id, space: space.clone(), epoch: None, base: 0, guards: vec![], deltas }
    }

    /// Sends a push and waits for its answer, past whatever else comes.
    pub(crate) async fn push(&mut self, push: Push) -> Result<u64, Reject> {
        let id = push.id;
        self.send(&ClientFrame::Push(push)).await;
        self.answer(id).await
    }

    pub(crate) async fn answer(&mut self, id: PushId) -> Result<u64, Reject> {
        loop {
            match self.next().await {
                HubFrame::Ack { push, sequence } if push == id => return Ok(sequence),
                HubFrame::Reject { subject: Subject::Push(push), reject, .. } if push == id => {
                    return Err(reject);
                }
                _ => {}
            }
        }
    }

    /// Waits for the delta with this key.
    pub(crate) async fn hears_of(&mut self, key: &str) -> Applied {
        loop {
            if let HubFrame::Changes { deltas, .. } = self.next().await {
                let found = deltas.into_iter().find(|it| it.delta.change.key.as_str() == key);
                if let Some(found) = found {
                    return found;
                }
            }
        }
    }
}

/// A put of the field `title` in `links`.
pub(crate) fn change(key: &str, value: &str) -> Change {
    Change::put(
        CollectionName::new("links").unwrap(),
        RecordKey::new(key).unwrap(),
        vec![(FieldName::new("title").unwrap(), Some(Value::from(value)))],
    )
    .unwrap()
}
