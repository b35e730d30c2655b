//! The bare store: redb doing the least that keeps a write and lets someone catch up on it.
//!
//! A write is two rows, the record and its place in the log, committed in batches under the same
//! durability as the hub's. A snapshot is all rows of one table, written to a socket as they are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::BufMut as _;
use hdrhistogram::Histogram;
use redb::{Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::target::Failure;
use crate::target::encoding::Encoder;
use crate::workload::{Workload, key};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const LOG: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("log");
/// Rows of one commit while a store is filled.
const FILL_BATCH: usize = 20_000;
/// Bytes read from the store before they are written to the socket.
const PAGE_BYTES: usize = 256 * 1024;

macro_rules! from_redb {
    ($($error:ident),+) => {
        $(impl From<redb::$error> for Failure {
            fn from(error: redb::$error) -> Self {
                Self::new(error.to_string())
            }
        })+
    };
}
from_redb!(
    DatabaseError,
    TransactionError,
    TableError,
    StorageError,
    CommitError,
    SetDurabilityError
);

/// What the bare store is asked to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Rows {
    /// Commits batches for a while, and says how many writes that were.
    Write(Writing),
    /// Fills a store, then sends all of it to whoever connects.
    Serve {
        /// The store's folder
        folder: PathBuf,
        /// Where to listen
        address: SocketAddr,
        /// Rows to fill it with
        records: u64,
        /// The seed of what is written
        seed: u64,
    },
}

/// A run of commits.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Writing {
    /// The store's folder
    pub(crate) folder: PathBuf,
    /// Writes of one commit
    #[arg(long)]
    pub(crate) batch: usize,
    /// Records that are edited; the store is filled with them first
    #[arg(long)]
    pub(crate) records: u64,
    /// For how long, in milliseconds, after a fifth of it to warm up
    #[arg(long)]
    pub(crate) millis: u64,
    /// The seed of what is written
    #[arg(long)]
    pub(crate) seed: u64,
}

/// What came of a run of commits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Writes a second.
    pub(crate) per_second: f64,
    /// The commit's time, in nanoseconds.
    pub(crate) commit_p50_ns: u64,
    /// The same, exceeded by one in a hundred.
    pub(crate) commit_p99_ns: u64,
}

impl Rows {
    /// Does it; what it says goes to standard output.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Write(writing) => {
                let written = tokio::task::block_in_place(|| write(&writing))?;
                println!("{}", serde_json::json!(written));
                Ok(())
            }
            Self::Serve { folder, address, records, seed } => {
                let store = Store::open(&folder, seed)?;
                let store = tokio::task::block_in_place(|| store.filled(records))?;
                serve(store, address).await
            }
        }
    }
}

/// The store, and what fills it.
struct Store {
    database: Database,
    workload: Workload,
    encoder: Encoder,
    sequence: u64,
}

impl Store {
    fn open(folder: &Path, seed: u64) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        let database = Database::create(folder.join("rows.redb"))?;
        let workload = Workload::new(seed, 1);
        Ok(Self { database, workload, encoder: Encoder::new(), sequence: 0 })
    }

    fn filled(mut self, records: u64) -> Result<Self, Failure> {
        for from in (0..records).step_by(FILL_BATCH) {
            let batch: Vec<u64> = (from..records).take(FILL_BATCH).collect();
            self.commit(&batch)?;
        }
        Ok(self)
    }

    /// One commit of these records, two rows each, on the disk when it returns.
    fn commit(&mut self, records: &[u64]) -> Result<(), Failure> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        {
            let mut rows = transaction.open_table(RECORDS)?;
            let mut log = transaction.open_table(LOG)?;
            let mut value = Vec::new();
            for &record in records {
                self.sequence += 1;
                value.clear();
                let write = self.workload.of(record, self.sequence);
                self.encoder.applied(&mut value, &write);
                let place = self.sequence.to_be_bytes();
                rows.insert(key(record).as_bytes(), value.as_slice())?;
                log.insert(place.as_slice(), value.as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn write(writing: &Writing) -> Result<Written, Failure> {
    let mut store = Store::open(&writing.folder, writing.seed)?.filled(writing.records)?;
    let mut workload = Workload::new(writing.seed, writing.records);
    let bounds = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3);
    let mut commits = bounds.expect("these bounds are possible");
    let span = Duration::from_millis(writing.millis);
    let (mut begun, mut written) = (Instant::now() + span / 5, 0_usize);
    loop {
        let batch: Vec<u64> = (0..writing.batch).map(|_| workload.next(0).record).collect();
        let committing = Instant::now();
        store.commit(&batch)?;
        let now = Instant::now();
        if committing < begun {
            // The first commit that begins after the warm-up begins the measurement.
            begun = begun.max(now);
            continue;
        }
        written += writing.batch;
        commits.saturating_record(crate::clock::span_ns(now - committing));
        if now - begun >= span {
            return Ok(Written {
                per_second: written as f64 / (now - begun).as_secs_f64(),
                commit_p50_ns: commits.value_at_quantile(0.5),
                commit_p99_ns: commits.value_at_quantile(0.99),
            });
        }
    }
}

async fn serve(store: Store, address: SocketAddr) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        if let Err(failure) = send_all(&store, stream).await {
            // Whoever only looked whether somebody listens has hung up.
            eprintln!("a reader went: {failure}");
        }
    }
}

async fn send_all(store: &Store, mut stream: TcpStream) -> Result<(), Failure> {
    let transaction = store.database.begin_read()?;
    let table = transaction.open_table(RECORDS)?;
    let mut page = Vec::with_capacity(PAGE_BYTES * 2);
    for row in table.iter()? {
        let (key, value) = row?;
        page.put(key.value());
        page.put(value.value());
        if page.len() >= PAGE_BYTES {
            stream.write_all(&page).await?;
            page.clear();
        }
    }
    stream.write_all(&page).await?;
    Ok(stream.shutdown().await?)
}
