//! Whom to trust behind `wss://`: the system's roots, the app's own, or one pinned key.
//!
//! A pinned key stands for the hub whatever its certificate says about names and dates; a hub keeps
//! its key when it renews its certificate. The provider is always ring, never a process default.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use sha2::{Digest as _, Sha256};

use crate::error::OpenError;

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 pins the same bytes).
pub type KeyHash = [u8; 32];

/// Reads a hash as the hub prints it; colons are welcome.
///
/// # Errors
/// [`OpenError::Pin`] for anything but 64 hexadecimal digits.
pub fn parse_pin(text: &str) -> Result<KeyHash, OpenError> {
    let digits: String = text.chars().filter(|&c| c != ':').collect();
    let wrong = |_| OpenError::Pin(text.to_owned());
    let mut hash = KeyHash::default();
    hex::decode_to_slice(digits, &mut hash).map_err(wrong)?;
    Ok(hash)
}

/// The TLS settings for one kind of trust: one pinned key, or the system's roots and `roots`.
///
/// # Errors
/// A root that is no certificate, or no root at all.
pub fn config(
    pin: Option<KeyHash>,
    roots: Vec<CertificateDer<'static>>,
) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = match pin {
        Some(hash) => {
            let verifier = Arc::new(PinnedKey { hash, provider });
            builder.dangerous().with_custom_certificate_verifier(verifier)
        }
        None => builder.with_root_certificates(trusted(roots)?),
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The system's roots and the app's.
fn trusted(own: Vec<CertificateDer<'static>>) -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    for certificate in own {
        store.add(certificate).map_err(|error| OpenError::Certificate(error.to_string()))?;
    }
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() { Err(OpenError::NoRoots) } else { Ok(store) }
}

/// Takes exactly one key.
#[derive(Debug)]
struct PinnedKey {
    hash: KeyHash,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = webpki::EndEntityCert::try_from(end_entity)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let hash: KeyHash = Sha256::digest(certificate.subject_public_key_info()).into();
        if hash == self.hash {
            return Ok(ServerCertVerified::assertion());
        }
        let found = hex::encode(hash);
        Err(rustls::Error::General(format!(
            "the hub's key is {found}, which is not the pinned one"
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_64_digits_with_or_without_colons() {
        let digits = "ab".repeat(32);
        let colons = ["ab"; 32].join(":");
        assert_eq!(parse_pin(&digits).unwrap(), [0xab; 32]);
        assert_eq!(parse_pin(&colons).unwrap(), [0xab; 32]);
        for wrong in ["", "ab", &"g0".repeat(32), &"ab".repeat(33)] {
            assert!(matches!(parse_pin(wrong), Err(OpenError::Pin(_))), "{wrong}");
        }
    }

    #[test]
    fn a_root_that_is_no_certificate_is_refused() {
        let wrong = CertificateDer::from(vec![1, 2, 3]);
        assert!(matches!(config(None, vec![wrong]), Err(OpenError::Certificate(_))));
    }
}
