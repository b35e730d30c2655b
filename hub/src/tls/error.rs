//! What can be wrong with a certificate, told with the file and the remedy. Never a key's content.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no usable certificate.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: cannot be read ({cause}): check the path and its permissions", file.display())]
    Read {
        /// The certificate or the key.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file of the generated certificate cannot be written.
    #[error("{}: cannot be written ({cause}): the data folder must be writable", file.display())]
    Write {
        /// The certificate or the key.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {problem}", file.display())]
    Content {
        /// The certificate or the key.
        file: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Certificate and key do not belong together, or the key is of a kind that TLS cannot use.
    #[error(
        "{}: the certificate cannot be used with the key {} ({cause}): \
         replace both files by a pair that was issued together",
        certificate.display(),
        key.display()
    )]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls said.
        cause: rustls::Error,
    },
    /// The system's random generator or the TLS library does not work.
    #[error("TLS cannot be set up ({0}): turn it off with tls.enabled = false, or report this")]
    Setup(rustls::Error),
    /// A certificate could not be generated.
    #[error("a certificate could not be made ({0}): check tls.names")]
    Generate(rcgen::Error),
}
