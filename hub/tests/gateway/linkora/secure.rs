//! The app's own kind of TLS: version 1.2 only, P-256, no ALPN, and an address where a name should
//! be.

use std::process::Command;

use super::kit::{Kit, free_address};

/// Speaks as the app's TLS does, and asks for the event socket.
const CLIENT: &str = r#"
import socket, ssl, sys
host, port, token = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
context.set_ciphers('ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256')
context.set_ecdh_curve('prime256v1')
stream = context.wrap_socket(socket.create_connection((host, port)), server_hostname=host)
correlation = '%7B%22id%22%3A%22c-1%22%2C%22clientName%22%3A%22Swift+Fox%22%7D'
request = [
    'GET /events?correlation=' + correlation + ' HTTP/1.1', 'Host: ' + host,
    'Authorization: Bearer ' + token, 'Upgrade: websocket', 'Connection: Upgrade',
    'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '']
stream.sendall('\r\n'.join(request).encode())
answer = stream.recv(4096).decode('latin-1')
print(stream.version(), stream.cipher()[0], answer.split('\r\n')[0])
"#;

/// A tool that may be missing; the test says so instead of passing in silence.
fn tool(command: &mut Command) -> Option<std::process::Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("not run: {error}");
            None
        }
    }
}

#[tokio::test]
async fn the_apps_tls_reaches_the_events_on_the_port_of_clear_text() {
    let own = free_address();
    let kit = Kit::start_with(&[("SYNCLINE_GATEWAYS__LINKORA__LISTEN", &own.to_string())]).await;
    for address in [kit.address, own] {
        let mut python = Command::new("python3");
        let port = address.port().to_string();
        python.args(["-c", CLIENT, "127.0.0.1", &port, &kit.token]);
        let Some(output) = tool(&mut python) else { return };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("TLSv1.2 ECDHE-ECDSA-AES"), "{said}{errors}");
        assert!(said.trim().ends_with("HTTP/1.1 101 Switching Protocols"), "{said}{errors}");
    }
    // The same in clear text on both, and nothing of the hub's own on the gateway's port.
    let get = |path: &str, port: u16| {
        let url = format!("http://127.0.0.1:{port}/{path}");
        kit.send(kit.http().get(url).bearer_auth(&kit.token))
    };
    assert_eq!(get("TEST_BEARER", own.port()).await.status, 200);
    assert_eq!(get("health", own.port()).await.status, 200);
    assert_eq!(get("hub/v1/whoami", own.port()).await.status, 404);
}

/// OpenSSL sends whatever it is told as a name: an address too, which the standard forbids.
#[tokio::test]
async fn an_address_instead_of_a_name_is_borne() {
    let kit = Kit::start().await;
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-connect", &kit.address.to_string(), "-servername", "192.168.1.5"]);
    openssl.args(["-tls1_2", "-groups", "P-256", "-sigalgs", "ECDSA+SHA256:RSA+SHA256", "-brief"]);
    openssl.stdin(std::process::Stdio::null());
    let Some(output) = tool(&mut openssl) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("TLSv1.2") && said.contains("CONNECTION ESTABLISHED"), "{said}");
}

/// The certificate is for anybody to fetch, by a name that the desktop app takes, and names no host
/// that it was not told of: the app then accepts it for every host.
#[tokio::test]
async fn the_certificate_is_public_and_names_only_what_was_set() {
    let kit = &Kit::start().await;
    let certificate = |path: &'static str| async move {
        let answer = kit.http().get(kit.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/x-x509-ca-cert");
        answer.bytes().await.unwrap()
    };
    let der = certificate("linkora.cer").await;
    assert_eq!(der, certificate("linkora/linkora.cer").await);
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert!(parsed.subject_alternative_name().unwrap().is_none());
    let days = (parsed.validity().not_after.timestamp() - super::kit::now()) / 86_400;
    assert!(days >= 364, "{days}");
}
