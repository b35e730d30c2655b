//! A hub for one client: the model of the protocol's tests behind a real socket, in clear or TLS.

#![allow(unreachable_pub, reason = "a part of a test binary")]
#![allow(clippy::unwrap_used, reason = "a hub that is wrong should stop the test")]

#[path = "../../../../protocol/tests/model/mod.rs"]
pub mod model;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use model::{ModelHub, START_MS};
use rcgen::PublicKeyData;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use syncline_protocol::codec::{self, Limits};
use syncline_protocol::{ClientFrame, Code, HubFrame, Reject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// The one token that the hub takes.
pub const TOKEN: &str = "sl_good";

/// A running hub; dropped, it is gone.
pub struct TestHub {
    pub model: Arc<Mutex<ModelHub>>,
    pub address: SocketAddr,
    /// What it says of itself, beside answers.
    say: broadcast::Sender<HubFrame>,
    task: JoinHandle<()>,
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A self-signed certificate, and the hash of its key.
pub struct Certificate {
    config: Arc<ServerConfig>,
    pub der: Vec<u8>,
    pub key_hash: String,
}

impl Certificate {
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let key_hash = hex::encode(Sha256::digest(made.signing_key.subject_public_key_info()));
        let der = made.cert.der().to_vec();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        Self { config: Arc::new(config), der, key_hash }
    }
}

/// An address where nobody listens yet.
pub async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

pub async fn start() -> TestHub {
    start_at("127.0.0.1:0".parse().unwrap(), None).await
}

pub async fn start_at(address: SocketAddr, certificate: Option<&Certificate>) -> TestHub {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut model = ModelHub::new(START_MS);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    model.now_ms = u64::try_from(now.as_millis()).unwrap();
    let model = Arc::new(Mutex::new(model));
    let say = broadcast::Sender::new(64);
    let acceptor = certificate.map(|certificate| TlsAcceptor::from(certificate.config.clone()));
    let task = tokio::spawn(accept(listener, acceptor, model.clone(), say.clone()));
    TestHub { model, address, say, task }
}

impl TestHub {
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Applies deltas as if another client had pushed them.
    pub fn write(&self, change: syncline_protocol::Change) {
        let mut model = self.model.lock().unwrap();
        let time = syncline_protocol::HlcTime::from_millis(model.now_ms);
        let counter = time.to_bits() + model.sequence;
        let replica = syncline_protocol::ReplicaId::from_random(9);
        let stamp = syncline_protocol::HlcTime::from_bits(counter);
        let delta = change.stamped(syncline_protocol::Stamp::new(stamp, replica));
        for frame in model.write(&[delta]) {
            self.say(frame);
        }
    }

    pub fn say(&self, frame: HubFrame) {
        // Nobody connected hears nothing.
        let _ = self.say.send(frame);
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    model: Arc<Mutex<ModelHub>>,
    say: broadcast::Sender<HubFrame>,
) {
    // One client at a time, as the model knows it; with the task goes the connection.
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        match &acceptor {
            None => serve(stream, &model, &say).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, &model, &say).await;
                }
            }
        }
        model.lock().unwrap().disconnect();
    }
}

#[allow(clippy::result_large_err, reason = "the library's signature")]
fn greet(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    assert_eq!(request.uri().path(), "/ws");
    let protocol = request.headers()["sec-websocket-protocol"].clone();
    assert_eq!(protocol, "syncline.v1");
    response.headers_mut().insert("sec-websocket-protocol", protocol);
    Ok(response)
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    model: &Mutex<ModelHub>,
    say: &broadcast::Sender<HubFrame>,
) {
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, greet).await else { return };
    let mut said = say.subscribe();
    loop {
        let frames = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = codec::decode_client(&bytes, &Limits::default()).unwrap();
                    answer(frame, model)
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            frame = said.recv() => vec![frame.unwrap()],
        };
        for frame in frames {
            let is_goodbye = matches!(frame, HubFrame::Goodbye { .. });
            let bytes = codec::encode_hub(&frame);
            if socket.send(Message::Binary(bytes.into())).await.is_err() {
                return;
            }
            if is_goodbye {
                let _ = socket.close(None).await;
            }
        }
    }
}

fn answer(frame: ClientFrame, model: &Mutex<ModelHub>) -> Vec<HubFrame> {
    match &frame {
        ClientFrame::Hello(hello) if hello.token != TOKEN => {
            let reject = Reject::new(Code::Unauthorized, "the token is unknown");
            vec![HubFrame::Goodbye { reject, retry_after_ms: None }]
        }
        _ => model.lock().unwrap().receive(frame),
    }
}
