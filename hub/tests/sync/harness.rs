//! A hub in this process on a free port, and raw clients that speak the wire by hand.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use redb::backends::InMemoryBackend;
use syncline::config::Config;
use syncline::engine::Rule;
use syncline::hub::{Hub, Threads, TokenOrder, now_ms, random_u64};
use syncline::listen::{Bounds, Listener};
use syncline::store::Store;
use syncline_protocol::codec::{decode_hub, encode_client};
use syncline_protocol::{
    Applied, Change, ClientFrame, CollectionName, Delta, DeviceId, FieldName, Filter, Hello,
    HlcTime, HubFrame, Push, PushId, RecordKey, Reject, ReplicaId, SpaceName, Stamp, Start,
    Subject, VERSION, Value, Welcome,
};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Nothing in these tests takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

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
        let store = Store::with_backend(InMemoryBackend::new(), 16 << 20).unwrap();
        let bounds = Bounds::of(&config);
        let (hub, threads) = Hub::start(config, store, rules).unwrap();
        let admin = hub.bootstrap().await.unwrap().unwrap().0.reveal();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&[any], None, &bounds).unwrap();
        let address = listener.addresses()[0];
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = hub.clone();
        let served = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            syncline::http::serve(serving, listener, None, stopped).await;
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
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        let protocol = syncline_protocol::SUBPROTOCOL.parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let stream = TcpStream::connect(address).await.unwrap();
        let (web, _) = client_async(request, stream).await.unwrap();
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
