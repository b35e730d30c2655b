//! Tests with real sockets and real TLS clients: one port for both, old and odd clients, silent
//! peers, a machine without file descriptors. They wait for events, never for time to pass, except
//! where the hub's own timeout is the event.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::SystemTime;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use crate::config::Tls;

use super::*;

/// More than any of these tests needs; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listening hub that echoes what it reads, and the folder with its certificate.
struct Hub {
    address: SocketAddr,
    tls: Arc<CertifiedServer>,
    folder: TempDir,
    /// Echoes until the hub is dropped.
    _tasks: JoinSet<()>,
}

impl Hub {
    fn start(bounds: &Bounds) -> Self {
        Self::start_with(bounds, true)
    }

    fn start_with(bounds: &Bounds, offers_tls: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tls = certificate(folder.path());
        let offered = offers_tls.then(|| Arc::clone(&tls));
        let listener =
            Listener::bind(&shared(&[localhost()]), offered, bounds).expect("a free port");
        let address = listener.addresses()[0].0;
        let mut tasks = JoinSet::new();
        tasks.spawn(echo_all(listener));
        Self { address, tls, folder, _tasks: tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the port is open")
    }

    /// A TLS connection with what the client offers and the name it asks for.
    async fn connect_tls(
        &self,
        client: &Client,
        name: &str,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connector = TlsConnector::from(Arc::new(client.config(&self.tls.public().der)));
        connector.connect(name, self.connect().await).await
    }
}

fn localhost() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn certificate(folder: &Path) -> Arc<CertifiedServer> {
    CertifiedServer::open(&Tls::default(), folder, SystemTime::now()).expect("a certificate")
}

fn generous() -> Bounds {
    Bounds {
        handshake_timeout: PATIENCE * 10,
        half_open: 100,
        half_open_per_address: 100,
        trusted: Vec::new(),
    }
}

fn shared(addresses: &[SocketAddr]) -> Vec<(SocketAddr, Entrance)> {
    addresses.iter().map(|address| (*address, Entrance::Shared)).collect()
}

async fn echo_all(mut listener: Listener) {
    while let Some(Opened { stream, peer, .. }) = listener.accept().await {
        assert_eq!(peer.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(stream);
            tokio::io::copy(&mut read, &mut write).await
        });
    }
}

/// What a client offers.
struct Client {
    versions: &'static [&'static SupportedProtocolVersion],
    alpn: Vec<Vec<u8>>,
}

impl Client {
    fn new(alpn: &[&str]) -> Self {
        let alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { versions: rustls::ALL_VERSIONS, alpn }
    }

    /// A client that knows exactly one certificate, as apps that import or pin it do.
    fn config(&self, der: &[u8]) -> ClientConfig {
        let known = Arc::new(Known(CertificateDer::from(der.to_vec())));
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(self.versions)
            .expect("versions of this provider")
            .dangerous()
            .with_custom_certificate_verifier(known)
            .with_no_client_auth();
        config.alpn_protocols = self.alpn.clone();
        config
    }
}

/// Accepts one certificate and checks the signatures made with its key.
#[derive(Debug)]
struct Known(CertificateDer<'static>);

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.0 {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General("another certificate".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn check_echo(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let exchange = async {
        stream.write_all(b"GET / hello").await.expect("writable");
        stream.flush().await.expect("writable");
        let mut answer = [0; 11];
        stream.read_exact(&mut answer).await.expect("an echo");
        assert_eq!(&answer, b"GET / hello");
    };
    timeout(PATIENCE, exchange).await.expect("an echo in time");
}

/// Waits until the hub closes this connection.
async fn check_closed(stream: &mut TcpStream) {
    let ended = timeout(PATIENCE, stream.read(&mut [0; 64])).await.expect("closed in time");
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

const OLD: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const NEW: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

#[tokio::test]
async fn one_port_speaks_clear_text_and_both_versions_of_tls() {
    let hub = Hub::start(&generous());
    check_echo(&mut hub.connect().await).await;
    for versions in [OLD, NEW] {
        let client = Client { versions, alpn: Vec::new() };
        let mut stream = hub.connect_tls(&client, "hub.example").await.expect("a handshake");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(versions[0].version));
        check_echo(&mut stream).await;
    }
}

#[tokio::test]
async fn only_http_1_1_is_agreed_on() {
    let hub = Hub::start(&generous());
    let offers: [(&[&str], Option<&[u8]>); 3] =
        [(&[], None), (&["http/1.1"], Some(PROTOCOL)), (&["h2", "http/1.1"], Some(PROTOCOL))];
    for (alpn, agreed) in offers {
        let mut stream = hub.connect_tls(&Client::new(alpn), "hub").await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed, "{alpn:?}");
        check_echo(&mut stream).await;
    }
    let refused = hub.connect_tls(&Client::new(&["h2"]), "hub").await.expect_err("no h2 here");
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

const PROTOCOL: &[u8] = b"http/1.1";

#[tokio::test]
async fn any_name_is_served() {
    let hub = Hub::start(&generous());
    // rustls sends no SNI for an address, and a name for the others.
    for name in ["127.0.0.1", "::1", "other.example", "under_score.local"] {
        let mut stream = hub.connect_tls(&Client::new(&[]), name).await.expect("a handshake");
        check_echo(&mut stream).await;
    }
}

/// Some apps send an address as SNI, which RFC 6066 forbids. No client library here does, so a
/// greeting is altered on its way; the hub must answer it with a handshake, not with an alert.
#[tokio::test]
async fn an_address_as_sni_is_no_reason_to_refuse() {
    const HANDSHAKE: u8 = 0x16;
    let hub = Hub::start(&generous());
    for versions in [OLD, NEW] {
        let client = Client { versions, alpn: Vec::new() };
        let config = Arc::new(client.config(&hub.tls.public().der));
        let name = ServerName::try_from("aaaaaaaaa").expect("a name");
        let mut connection = rustls::ClientConnection::new(config, name).expect("a client");
        let mut hello = Vec::new();
        connection.write_tls(&mut hello).expect("a greeting");
        let at = hello.windows(9).position(|window| window == b"aaaaaaaaa").expect("the SNI");
        hello[at..at + 9].copy_from_slice(b"127.0.0.1");
        let mut stream = hub.connect().await;
        stream.write_all(&hello).await.expect("writable");
        let kind = timeout(PATIENCE, stream.read_u8()).await.expect("an answer in time");
        assert_eq!(kind.expect("an answer"), HANDSHAKE);
    }
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_the_old_ones_go_on() {
    let hub = Hub::start(&generous());
    let client = Client::new(&[]);
    let mut before = hub.connect_tls(&client, "hub").await.expect("a handshake");
    let old = hub.tls.public();
    let next_year = SystemTime::now() + Duration::from_secs(340 * 86_400);
    assert!(matches!(hub.tls.refresh(next_year), crate::tls::Refreshed::Replaced));
    assert_ne!(hub.tls.public().der, old.der);
    let mut after = hub.connect_tls(&client, "hub").await.expect("a handshake");
    check_echo(&mut before).await;
    check_echo(&mut after).await;
    // A hub that starts on the same folder later shows the same certificate.
    let later = CertifiedServer::open(&Tls::default(), hub.folder.path(), next_year);
    assert_eq!(later.expect("a certificate").public(), hub.tls.public());
}

#[tokio::test]
async fn a_silent_peer_is_dropped_after_the_timeout() {
    let bounds = Bounds { handshake_timeout: Duration::from_millis(50), ..generous() };
    let hub = Hub::start(&bounds);
    let (mut silent, mut stuck) = (hub.connect().await, hub.connect().await);
    stuck.write_all(&[TLS_HANDSHAKE, 3, 1]).await.expect("writable");
    check_closed(&mut silent).await;
    check_closed(&mut stuck).await;
}

#[tokio::test]
async fn silent_peers_delay_nobody() {
    // The timeout is longer than the test's patience: whoever is served was not waited for.
    let hub = Hub::start(&generous());
    let mut silent = Vec::new();
    for number in 0..40 {
        let mut stream = hub.connect().await;
        if number % 2 == 0 {
            stream.write_all(&[TLS_HANDSHAKE, 3]).await.expect("writable");
        }
        silent.push(stream);
    }
    check_echo(&mut hub.connect().await).await;
    let mut stream = hub.connect_tls(&Client::new(&[]), "hub").await.expect("a handshake");
    check_echo(&mut stream).await;
}

#[tokio::test]
async fn too_many_half_open_connections_of_one_address_are_refused() {
    let hub = Hub::start(&Bounds { half_open_per_address: 2, ..generous() });
    let (mut first, _second) = (hub.connect().await, hub.connect().await);
    check_closed(&mut hub.connect().await).await;
    check_echo(&mut first).await;
}

#[tokio::test]
async fn when_the_door_is_full_the_oldest_makes_room() {
    let hub = Hub::start(&Bounds { half_open: 2, ..generous() });
    let (mut first, mut second) = (hub.connect().await, hub.connect().await);
    let mut third = hub.connect().await;
    check_closed(&mut first).await;
    check_echo(&mut second).await;
    check_echo(&mut third).await;
}

#[tokio::test]
async fn without_tls_only_clear_text_is_served() {
    let hub = Hub::start_with(&generous(), false);
    check_echo(&mut hub.connect().await).await;
    assert!(hub.connect_tls(&Client::new(&[]), "hub").await.is_err());
}

#[tokio::test]
async fn a_dropped_listener_closes_its_port_and_who_is_in_the_door() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tls = certificate(folder.path());
    let mut listener =
        Listener::bind(&shared(&[localhost()]), Some(tls), &generous()).expect("a port");
    let address = listener.addresses()[0].0;
    let mut silent = TcpStream::connect(address).await.expect("open");
    let mut served = TcpStream::connect(address).await.expect("open");
    served.write_all(b"x").await.expect("writable");
    let Opened { mut stream, .. } = listener.accept().await.expect("a stream");
    assert!(!stream.is_tls());
    drop(listener);
    check_closed(&mut silent).await;
    stream.write_all(b"y").await.expect("what was handed on lives on");
    assert_eq!(served.read_u8().await.expect("readable"), b'y');
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_stream_tells_its_entrance() {
    let entrances = [Entrance::Shared, Entrance::Gateway("books")];
    let wanted = entrances.map(|entrance| (localhost(), entrance));
    let mut listener = Listener::bind(&wanted, None, &generous()).expect("free ports");
    for (address, entrance) in listener.addresses().to_vec() {
        let mut client = TcpStream::connect(address).await.expect("open");
        client.write_all(b"x").await.expect("writable");
        assert_eq!(listener.accept().await.expect("a stream").entrance, entrance);
    }
}

#[tokio::test]
async fn an_address_in_use_is_named_with_a_remedy() {
    let taken = std::net::TcpListener::bind(localhost()).expect("a free port");
    let address = taken.local_addr().expect("bound");
    let error =
        Listener::bind(&shared(&[address]), None, &generous()).expect_err("taken").to_string();
    assert!(error.contains(&address.to_string()) && error.contains("`listen`"), "{error}");
}

#[tokio::test]
async fn both_families_share_a_port_and_ipv4_peers_keep_their_form() {
    let everywhere = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0));
    let bound = Listener::bind(&shared(&[everywhere]), None, &generous());
    if std::net::TcpListener::bind(everywhere).is_err() {
        // A machine without IPv6 must say so, not listen on something else.
        assert!(matches!(bound, Err(ListenError::Bind { address, .. }) if address == everywhere));
        return;
    }
    let mut listener = bound.expect("a free port");
    let port = listener.addresses()[0].0.port();
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("dual stack");
    client.write_all(b"x").await.expect("writable");
    let Opened { peer, .. } = listener.accept().await.expect("a stream");
    assert_eq!(peer.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    listener.close().await;
    let apart =
        [SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), SocketAddr::new(everywhere.ip(), port)];
    let listener =
        Listener::bind(&shared(&apart), None, &generous()).expect("the two do not clash");
    assert_eq!(listener.addresses(), shared(&apart));
}

/// The limit of open files holds for a whole process, so this test runs itself in another one.
#[cfg(unix)]
#[test]
fn running_out_of_files_is_survived() {
    const NAME: &str = "listen::tests::running_out_of_files_is_survived";
    const CHILD: &str = "SYNCLINE_TEST_RUNS_OUT_OF_FILES";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime").block_on(run_out_of_files());
    }
    let program = std::env::current_exe().expect("this test's program");
    let child = std::process::Command::new(program)
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("this program starts");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{child:?}");
    let logged = String::from_utf8_lossy(&child.stderr);
    assert_eq!(logged.matches("no connection can be accepted").count(), 1, "{logged}");
}

#[cfg(unix)]
async fn run_out_of_files() {
    let lines = tracing_subscriber::fmt().with_writer(io::stderr).finish();
    let _guard = tracing::subscriber::set_default(lines);
    let hub = Hub::start(&generous());
    let (_, hard) = rlimit::Resource::NOFILE.get().expect("a limit");
    rlimit::Resource::NOFILE.set(64, hard).expect("lowering is allowed");
    let mut files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    files.pop();
    // The client takes the last file; the system has accepted it, but the hub cannot.
    let mut client = hub.connect().await;
    assert!(std::fs::File::open("/dev/null").is_err());
    client.write_all(b"x").await.expect("writable");
    let early = timeout(EXHAUSTED_PAUSE * 4, client.read_u8()).await;
    assert!(early.is_err(), "nobody can be served: {early:?}");
    drop(files);
    let answer = timeout(PATIENCE, client.read_u8()).await.expect("an answer in time");
    assert_eq!(answer.expect("an echo"), b'x');
}
