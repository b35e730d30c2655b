//! The certificate that the hub makes for itself: self-signed, P-256, in `DATA/tls`.
//! The key is made once and outlives every renewal, because apps remember it: an imported
//! certificate counts by its key, and native clients pin the key's hash. This room never replaces
//! a key, not even a damaged one: that is the owner's decision.
//!
//! Without `tls.names` the certificate carries no name at all. Apps that check names accept that
//! for every address, while a wrong name, such as a container's inner address, is refused.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TlsError;
use super::identity::{Material, Pem};

const DAY: Duration = Duration::from_secs(86_400);
/// Valid for a year: some apps refuse certificates that are valid for longer than 398 days.
const VALIDITY: Duration = DAY.saturating_mul(365);
/// Renewed a month before the end, so that an app that is online now and then sees it in time.
const RENEWAL: Duration = DAY.saturating_mul(30);
/// Valid since yesterday, for apps whose clock is behind.
const BACKDATED: Duration = DAY;

/// The folder with the key and the certificate, and the names to put in.
#[derive(Debug)]
pub(super) struct Generated {
    folder: PathBuf,
    names: BTreeSet<String>,
}

impl Generated {
    pub(super) fn new(folder: PathBuf, names: &[String]) -> Self {
        Self { folder, names: names.iter().map(|name| normal(name)).collect() }
    }

    /// The key and a certificate that is good at this moment; makes what is missing.
    pub(super) fn read(&self, now: SystemTime) -> Result<Material, TlsError> {
        let (key, pair) = self.key()?;
        let file = self.folder.join("certificate.pem");
        if file.exists() {
            let certificate = Pem::read(&file)?;
            if self.is_good(&certificate, &pair, now) {
                return Ok(Material { certificate, key });
            }
        }
        let text = self.issue(&pair, now).map_err(TlsError::Generate)?.into_bytes();
        write(&file, &text, 0o644)?;
        Ok(Material { certificate: Pem { file, text }, key })
    }

    /// The key, made at the first start.
    fn key(&self) -> Result<(Pem, KeyPair), TlsError> {
        let file = self.folder.join("key.pem");
        if file.exists() {
            let key = Pem::read(&file)?;
            restrict(&file, 0o600).map_err(|cause| TlsError::Write { file, cause })?;
            let text = std::str::from_utf8(&key.text).ok();
            let pair = text.and_then(|text| KeyPair::from_pem(text).ok());
            let problem = "is damaged: restore it from a backup, or delete it to have a new key \
                           made, which apps that remember the old one will refuse";
            let pair = pair.ok_or_else(|| key.wrong(problem))?;
            return Ok((key, pair));
        }
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(TlsError::Generate)?;
        let text = pair.serialize_pem().into_bytes();
        fs::create_dir_all(&self.folder)
            .and_then(|()| restrict(&self.folder, 0o700))
            .map_err(|cause| TlsError::Write { file: self.folder.clone(), cause })?;
        write(&file, &text, 0o600)?;
        Ok((Pem { file, text }, pair))
    }

    /// Whether a certificate is of this key, with these names, and not to be renewed yet.
    fn is_good(&self, certificate: &Pem, key: &KeyPair, now: SystemTime) -> bool {
        let Ok(der) = CertificateDer::from_pem_slice(&certificate.text) else { return false };
        let Ok((_, parsed)) = X509Certificate::from_der(&der) else { return false };
        let validity = parsed.validity();
        parsed.public_key().raw == key.subject_public_key_info()
            && names_of(&parsed) == Some(self.names.clone())
            && validity.not_before.to_datetime() <= OffsetDateTime::from(now)
            && validity.not_after.to_datetime() > OffsetDateTime::from(now + RENEWAL)
    }

    fn issue(&self, key: &KeyPair, now: SystemTime) -> Result<String, rcgen::Error> {
        let names: Vec<String> = self.names.iter().cloned().collect();
        let mut params = CertificateParams::new(names)?;
        params.not_before = OffsetDateTime::from(now - BACKDATED);
        params.not_after = OffsetDateTime::from(now + VALIDITY);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Syncline hub");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // A serial number of its own for each: browsers refuse two certificates of one issuer with
        // the same number (RFC 5280, section 4.1.2.2).
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        params.serial_number = Some(SerialNumber::from_slice(&serial(since)));
        Ok(params.self_signed(key)?.pem())
    }
}

/// Nanoseconds since 1970, with the first bit clear, since a serial number is positive.
fn serial(since: Duration) -> [u8; 16] {
    let mut bytes = since.as_nanos().to_be_bytes();
    bytes[0] &= 0x7f;
    bytes
}

/// The names in a certificate; nothing when they cannot be read or are of a kind never put in.
fn names_of(certificate: &X509Certificate<'_>) -> Option<BTreeSet<String>> {
    let Some(extension) = certificate.subject_alternative_name().ok()? else {
        return Some(BTreeSet::new());
    };
    extension.value.general_names.iter().map(name_of).collect()
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(text) => Some(normal(text)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// One text for each name, however it is written.
fn normal(name: &str) -> String {
    let address: Result<IpAddr, _> = name.parse();
    address.map_or_else(|_| name.to_ascii_lowercase(), |address| address.to_string())
}

/// Writes a file whole or not at all, durable and with these permissions from its first byte.
fn write(file: &Path, text: &[u8], mode: u32) -> Result<(), TlsError> {
    let replace = || -> io::Result<()> {
        let fresh = file.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        with_mode(&mut options, mode);
        let mut opened = options.open(&fresh)?;
        restrict(&fresh, mode)?;
        opened.write_all(text)?;
        opened.sync_all()?;
        fs::rename(&fresh, file)?;
        // The rename is durable when the folder is.
        file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    replace().map_err(|cause| TlsError::Write { file: file.to_owned(), cause })
}

#[cfg(unix)]
fn with_mode(options: &mut OpenOptions, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(mode);
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn with_mode(_options: &mut OpenOptions, _mode: u32) {}

/// Other systems protect the data folder as a whole.
#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
