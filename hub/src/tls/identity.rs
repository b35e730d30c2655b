//! From PEM text to something that TLS can serve with: the chain, the key, and what may be shown.
//! This room reads files and never writes any.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TlsError;

/// More than any chain or key has; a wrong path must not fill the memory.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The two PEM files as they were read.
pub(super) struct Material {
    pub(super) certificate: Pem,
    pub(super) key: Pem,
}

/// The content of one PEM file, and its path for errors. It may be a key: it is never shown.
pub(super) struct Pem {
    pub(super) file: PathBuf,
    pub(super) text: Vec<u8>,
}

impl Pem {
    pub(super) fn read(file: &Path) -> Result<Self, TlsError> {
        let fail = |cause| TlsError::Read { file: file.to_owned(), cause };
        let mut text = Vec::new();
        let opened = File::open(file).map_err(fail)?;
        opened.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(fail)?;
        Ok(Self { file: file.to_owned(), text })
    }

    pub(super) fn wrong(&self, problem: &str) -> TlsError {
        TlsError::Content { file: self.file.clone(), problem: problem.to_owned() }
    }
}

impl Material {
    /// Tells two readings apart without keeping the text of the key.
    pub(super) fn digest(&self) -> [u8; 32] {
        let parts = [&self.certificate.text, &self.key.text];
        let hashes = parts.map(|text| <[u8; 32]>::from(Sha256::digest(text)));
        Sha256::digest(hashes.concat()).into()
    }
}

/// Reads the owner's certificate and key.
pub(super) fn read_files(certificate: &Path, key: &Path) -> Result<Material, TlsError> {
    Ok(Material { certificate: Pem::read(certificate)?, key: Pem::read(key)? })
}

/// What the hub shows of its certificate to anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicCertificate {
    /// The hub's own certificate in DER form, without its chain.
    pub der: Vec<u8>,
    /// The same as PEM text.
    pub pem: String,
    /// The SHA-256 of its `SubjectPublicKeyInfo` in lowercase hex: what a client pins. It outlives
    /// renewals as long as the key does (the idea is that of RFC 7469, section 2.4).
    pub key_sha256: String,
}

impl fmt::Debug for PublicCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicCertificate({})", self.key_sha256)
    }
}

impl PublicCertificate {
    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        Some(Self {
            der: certificate.to_vec(),
            pem: to_pem(certificate),
            key_sha256: hex::encode(Sha256::digest(parsed.public_key().raw)),
        })
    }
}

/// Lines of 64 characters between the markers of RFC 7468.
fn to_pem(der: &[u8]) -> String {
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem + "-----END CERTIFICATE-----\n"
}

/// A certificate and its key, ready for handshakes.
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) public: PublicCertificate,
    /// The digest of the material that this was built from.
    pub(super) digest: [u8; 32],
}

impl Identity {
    /// Checks that the material is whole and that certificate and key belong together.
    pub(super) fn build(material: Material, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let digest = material.digest();
        let Material { certificate, key } = material;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate.text).collect();
        let chain = chain.map_err(|_| certificate.wrong("is not PEM: export it as PEM text"))?;
        let missing =
            || certificate.wrong("holds no certificate: it must begin with the hub's own");
        let public = PublicCertificate::of(chain.first().ok_or_else(missing)?)
            .ok_or_else(|| certificate.wrong("its first certificate is damaged: issue it anew"))?;
        let private = PrivateKeyDer::from_pem_slice(&key.text)
            .map_err(|_| key.wrong("holds no private key in PEM form, or an encrypted one"))?;
        let certified = CertifiedKey::from_der(chain, private, provider).map_err(|cause| {
            TlsError::Pair { certificate: certificate.file, key: key.file, cause }
        })?;
        Ok(Self { certified: Arc::new(certified), public, digest })
    }
}
