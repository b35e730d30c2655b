//! Serving: from settings to a running hub, until a signal or a failing store ends it.
//!
//! ```text
//! settings > log > data folder > store > certificate > ports > hub > first start > HTTP
//!     signal: no new connections, goodbye to all sessions, what waits is committed, exit 0
//!     a store that cannot write: the same, exit 1
//! ```
//! It puts rooms together and decides nothing about data. Whatever can fail for a reason that a
//! person can mend fails before the first connection is taken.

mod at_rest;
mod first;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use syncline_protocol::Reject;

use crate::config::{Config, ConfigError, Overrides};
use crate::gateway;
use crate::hub::Hub;
use crate::listen::{self, Bounds, Entrance, ListenError, Listener};
use crate::logging::{self, LoggingError};
use crate::store::{self, Store, StoreError};
use crate::tls::{CertifiedServer, TlsError};

pub use at_rest::{AtRestError, ask};

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The file with the settings.
    pub config: Option<PathBuf>,
    /// What flags say instead.
    pub overrides: Overrides,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The name of the file, in the data folder, for the token of the first start.
    pub token_file: &'static str,
}

/// Why a hub does not serve, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The data folder, or something in it.
    #[error("{path} cannot be used: {cause}; give another folder by --data")]
    Data {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The store.
    #[error("{path}: {cause}")]
    Store {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: StoreError,
    },
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The ports.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gives no threads or no signals.
    #[error("the program cannot run: {0}")]
    Runtime(std::io::Error),
    /// The first start could not be finished.
    #[error("the first start failed: {0}")]
    First(Reject),
    /// The token of the first start could not be kept.
    #[error(
        "the admin's token cannot be written to {path}: {cause}; nobody could log in, so remove \
         the new store and start again"
    )]
    Token {
        /// Where.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The store failed while the hub was serving.
    #[error("the store cannot write any more; look at the log and the disk, then start again")]
    Failed,
}

/// Serves until a signal ends it.
///
/// # Errors
/// Why it could not begin, or had to end.
pub fn run(options: Options) -> Result<(), ServeError> {
    let Options { config, overrides, environment, token_file } = options;
    let config = Config::load(config.as_deref(), environment.into_iter(), overrides)?;
    logging::init(&config.log)?;
    raise_file_limit();
    make_folder(&config.data)?;
    let path = config.data.join(store::FILE);
    let is_new = !path.exists();
    let cache_bytes = usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX);
    let store = Store::open(&path, cache_bytes);
    let store = store.map_err(|cause| ServeError::Store { path: path.clone(), cause })?;
    if is_new {
        keep_private(&path)?;
    }
    let tls = match config.tls.enabled {
        true => Some(CertifiedServer::open(&config.tls, &config.data, SystemTime::now())?),
        false => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(ServeError::Runtime)?;
    runtime.block_on(Box::pin(serve(config, store, tls, token_file)))
}

async fn serve(
    config: Config,
    store: Store,
    tls: Option<Arc<CertifiedServer>>,
    token_file: &'static str,
) -> Result<(), ServeError> {
    let stop = Stop::listen().map_err(ServeError::Runtime)?;
    let listener = Listener::bind(&listen::entrances(&config), tls.clone(), &Bounds::of(&config))?;
    let path = config.data.join(store::FILE);
    let started = Hub::start(config, store, gateway::rules());
    let (hub, threads) = started.map_err(|cause| ServeError::Store { path, cause })?;
    hub.derive_secrets(gateway::derivations());
    let first = begin(&hub, token_file).await;
    let greeted = first.and_then(|first| greet(&listener, tls.as_deref(), &first));
    let mut failed = hub.failed();
    if greeted.is_ok() {
        let stop = async {
            tokio::select! {
                () = stop.wait() => tracing::info!("asked to stop"),
                // The sender lives in the hub, which lives as long as this.
                _ = failed.wait_for(|failed| *failed) => {}
            }
        };
        Box::pin(listen::serve(hub.clone(), listener, tls, stop)).await;
    }
    let has_failed = *hub.failed().borrow();
    // It blocks until what waits is on the disk.
    let stopped = tokio::task::spawn_blocking(move || threads.stop()).await;
    if let Err(error) = stopped {
        tracing::error!(%error, "the hub's threads did not end well");
    }
    match greeted {
        Ok(()) if has_failed => Err(ServeError::Failed),
        greeted => greeted,
    }
}

/// Makes what a new store, and a gateway that was just turned on, lack; gives what to tell of it.
async fn begin(hub: &Hub, token_file: &str) -> Result<String, ServeError> {
    let data = &hub.config().data;
    let mut text = String::new();
    if let Some(first) = hub.bootstrap().await.map_err(ServeError::First)? {
        text.push_str(&first::begin(data, &first, token_file)?);
    }
    for secret in gateway::start(hub).await.map_err(ServeError::First)? {
        text.push_str(&first::keep_secret(data, &secret)?);
    }
    Ok(text)
}

/// Tells the person who started it where the hub is, and after the first start how to begin.
fn greet(
    listener: &Listener,
    tls: Option<&CertifiedServer>,
    first: &str,
) -> Result<(), ServeError> {
    let mut text = String::new();
    for (address, entrance) in listener.addresses() {
        let schemes = if tls.is_some() { "http and https" } else { "http" };
        let of = match entrance {
            Entrance::Shared => "Syncline",
            Entrance::Gateway(name) => name,
        };
        text.push_str(&format!("{of} listens on http://{address} ({schemes})\n"));
        tracing::info!(%address, of, "listening");
    }
    if let Some(tls) = tls {
        let hash = tls.public().key_sha256;
        text.push_str(&format!("The SHA-256 of its TLS key, for --pin: {hash}\n"));
    }
    text.push_str(first);
    // Where nobody reads standard output, nobody is told.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Ok(())
}

/// Makes the data folder, for its owner alone.
fn make_folder(path: &Path) -> Result<(), ServeError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| ServeError::Data { path: path.to_owned(), cause })
}

/// A new store is its owner's to read, wherever its folder lies. It holds no secret yet.
fn keep_private(path: &Path) -> Result<(), ServeError> {
    #[cfg(unix)]
    {
        let owner = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
        let kept = std::fs::set_permissions(path, owner);
        kept.map_err(|cause| ServeError::Data { path: path.to_owned(), cause })?;
    }
    let _ = path;
    Ok(())
}

/// A session costs a file descriptor, and the usual limit is made for smaller programs.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::debug!(files, "open files allowed"),
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}

/// What asks the program to stop: the signals by which systems and people do.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt })
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        // Without the signal nothing but the system can end the program.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
