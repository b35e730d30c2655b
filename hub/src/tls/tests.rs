//! Tests of certificates: made, kept, renewed, reloaded. Handshakes are tested in `listen`.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// A data folder and a moment, from which a hub's certificate can be opened again and again.
struct Place {
    folder: TempDir,
    now: SystemTime,
}

impl Place {
    fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + DAY * 20_000;
        Self { folder: tempfile::tempdir().expect("a temporary folder"), now }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("tls").join(name)
    }

    fn open(&self, names: &[&str]) -> Arc<CertifiedServer> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let tls = Tls { names, ..Tls::default() };
        CertifiedServer::open(&tls, self.folder.path(), self.now).expect("a certificate")
    }

    /// Opens with a certificate and key copied from another place.
    fn open_files(&self, from: &Self) -> Result<Arc<CertifiedServer>, TlsError> {
        let (certificate, key) =
            (self.folder.path().join("c.pem"), self.folder.path().join("k.pem"));
        fs::copy(from.file("certificate.pem"), &certificate).expect("a certificate to copy");
        fs::copy(from.file("key.pem"), &key).expect("a key to copy");
        let tls = Tls { certificate: Some(certificate), key: Some(key), ..Tls::default() };
        CertifiedServer::open(&tls, self.folder.path(), self.now)
    }
}

#[test]
fn the_first_start_makes_a_certificate_and_the_next_keeps_it() {
    let place = Place::new();
    let first = place.open(&[]).public();
    assert_eq!(place.open(&[]).public(), first);
    assert_eq!(first.key_sha256.len(), 64);
    let (_, parsed) = X509Certificate::from_der(&first.der).expect("a certificate");
    assert!(parsed.subject_alternative_name().expect("readable").is_none(), "no names, no SAN");
    assert!(!parsed.is_ca());
    assert_eq!(first.pem.as_bytes(), fs::read(place.file("certificate.pem")).expect("the file"));
}

#[cfg(unix)]
#[test]
fn the_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let mode = |file: &PathBuf| fs::metadata(file).expect("there").permissions().mode() & 0o777;
    place.open(&[]);
    assert_eq!(mode(&place.file("key.pem")), 0o600);
    assert_eq!(mode(&place.folder.path().join("tls")), 0o700);
    fs::set_permissions(place.file("key.pem"), fs::Permissions::from_mode(0o644)).expect("owned");
    place.open(&[]);
    assert_eq!(mode(&place.file("key.pem")), 0o600, "a careless copy is tightened");
}

#[test]
fn a_renewal_keeps_the_key_and_takes_another_serial_number() {
    let mut place = Place::new();
    let server = place.open(&["hub.example"]);
    let first = server.public();
    assert!(matches!(server.refresh(place.now + DAY * 334), Refreshed::Unchanged));
    place.now += DAY * 336;
    assert!(matches!(server.refresh(place.now), Refreshed::Replaced));
    let second = server.public();
    assert_ne!(second.der, first.der);
    assert_eq!(second.key_sha256, first.key_sha256);
    let serial = |public: &PublicCertificate| {
        let (_, parsed) = X509Certificate::from_der(&public.der).expect("a certificate");
        parsed.raw_serial_as_string()
    };
    assert_ne!(serial(&first), serial(&second));
    assert!(matches!(server.refresh(place.now), Refreshed::Unchanged));
    assert_eq!(place.open(&["hub.example"]).public(), second);
}

#[test]
fn a_certificate_from_the_future_is_renewed() {
    let mut place = Place::new();
    let first = place.open(&[]).public();
    place.now -= DAY * 300;
    let second = place.open(&[]).public();
    assert_ne!(second.der, first.der);
    assert_eq!(second.key_sha256, first.key_sha256);
}

#[test]
fn new_names_make_a_new_certificate_of_the_same_key() {
    let place = Place::new();
    let bare = place.open(&[]).public();
    let named = place.open(&["Hub.Example", "*.hub.example", "10.0.0.1", "2001:DB8::1"]).public();
    assert_ne!(named.der, bare.der);
    assert_eq!(named.key_sha256, bare.key_sha256);
    let same = place.open(&["2001:db8:0::1", "hub.example", "10.0.0.1", "*.hub.example"]).public();
    assert_eq!(same, named, "order and spelling do not matter");
    assert_ne!(place.open(&["hub.example"]).public().der, named.der);
}

#[test]
fn a_damaged_key_is_an_error_and_a_damaged_certificate_is_made_anew() {
    let place = Place::new();
    let first = place.open(&[]).public();
    fs::write(place.file("certificate.pem"), "rubbish").expect("writable");
    assert_eq!(place.open(&[]).public().key_sha256, first.key_sha256);
    fs::write(place.file("key.pem"), "rubbish").expect("writable");
    let opened = CertifiedServer::open(&Tls::default(), place.folder.path(), place.now);
    let message = opened.expect_err("a damaged key").to_string();
    assert!(message.contains("key.pem") && message.contains("restore it"), "{message}");
}

#[test]
fn files_are_reloaded_and_a_broken_one_keeps_the_old() {
    let (place, one, two) = (Place::new(), Place::new(), Place::new());
    let (first, second) = (one.open(&[]).public(), two.open(&[]).public());
    let server = place.open_files(&one).expect("a valid pair");
    assert_eq!(server.public(), first);
    assert!(matches!(server.refresh(place.now), Refreshed::Unchanged));

    // Half of the exchange: the new certificate with the old key.
    fs::copy(two.file("certificate.pem"), place.folder.path().join("c.pem")).expect("a copy");
    let Refreshed::Kept(error) = server.refresh(place.now) else { panic!("must be kept") };
    assert!(error.to_string().contains("c.pem") && error.to_string().contains("k.pem"));
    assert!(matches!(server.refresh(place.now), Refreshed::StillKept), "reported once");
    assert_eq!(server.public(), first);

    fs::copy(two.file("key.pem"), place.folder.path().join("k.pem")).expect("a copy");
    assert!(matches!(server.refresh(place.now), Refreshed::Replaced));
    assert_eq!(server.public(), second);

    fs::remove_file(place.folder.path().join("k.pem")).expect("there");
    assert!(matches!(server.refresh(place.now), Refreshed::Kept(TlsError::Read { .. })));
    assert_eq!(server.public(), second);
}

#[test]
fn a_start_with_unusable_files_says_which_and_why() {
    let (place, one) = (Place::new(), Place::new());
    one.open(&[]);
    place.open_files(&one).expect("a valid pair");
    let refused = |certificate: &str, key: &str| {
        let (c, k) = (place.folder.path().join("c2.pem"), place.folder.path().join("k2.pem"));
        fs::write(&c, certificate).expect("writable");
        fs::write(&k, key).expect("writable");
        let tls = Tls { certificate: Some(c), key: Some(k), ..Tls::default() };
        let opened = CertifiedServer::open(&tls, place.folder.path(), place.now);
        opened.expect_err("unusable").to_string()
    };
    let read = |name: &str| fs::read_to_string(one.file(name)).expect("PEM text");
    let (certificate, key) = (read("certificate.pem"), read("key.pem"));
    assert!(refused("", &key).contains("c2.pem: holds no certificate"));
    assert!(refused(&certificate, "").contains("k2.pem: holds no private key"));
    assert!(refused(&certificate, &certificate).contains("k2.pem: holds no private key"));
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refused(damaged, &key).contains("damaged"));
    let all = [refused("", &key), refused(&certificate, &key[..60])].concat();
    assert!(!key.lines().skip(1).any(|line| line.len() > 30 && all.contains(line)), "no secrets");
}
