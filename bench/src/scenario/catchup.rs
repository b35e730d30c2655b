//! `catchup`: a newcomer gets all records; one who was away for a few changes gets those.
//!
//! Filling a store takes longer than reading it, so that every system keeps its own through all
//! rounds. Beside them the bare store's rows go through a socket as they are.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use super::write::BARE;
use super::{CHANNEL, fill, heard};
use crate::bench::{Bench, Stage};
use crate::book::Found;
use crate::clock::now_ns;
use crate::figure;
use crate::process::{Server, free_address};
use crate::settings::Settings;
use crate::target::encoding::Encoder;
use crate::target::{Ability, Arrival, Failure, Link, Listening, Place, Running};
use crate::workload::marks;

pub(super) async fn run(bench: &mut Bench) {
    let records = bench.settings.snapshot_records;
    let snapshot = format!("snapshot of {records}");
    let resume = format!("resume after {} of {records}", bench.settings.changes);
    let mut stages = Vec::new();
    for index in bench.able("catchup", &snapshot, Ability::Snapshot) {
        if let Some(stage) = filled(bench, index, &snapshot, records).await {
            stages.push((stage, bench.can(index, Ability::Resume)));
        }
    }
    let bare = Bare::start(&bench.settings, records).await;
    for _ in 0..bench.settings.rounds {
        for (stage, can_resume) in &stages {
            bench.say("catchup", &snapshot, stage.name);
            let found = fresh(stage.running.as_ref(), records).await;
            let (found, place) = match found {
                Ok((found, place)) => (Ok(found), place),
                Err(failure) => (Err(failure), None),
            };
            bench.note("catchup", &snapshot, stage.name, found);
            match (can_resume, place) {
                (Ok(()), Some(place)) => {
                    let (settings, running) = (&bench.settings, stage.running.as_ref());
                    let found = back(settings, running, place, records / 2).await;
                    bench.note("catchup", &resume, stage.name, found);
                }
                (Err(why), _) => bench.book.absent("catchup", &resume, stage.name, why),
                (Ok(()), None) => {}
            }
        }
        bench.say("catchup", &snapshot, BARE);
        let found = match &bare {
            Ok(bare) => bare.read(records).await,
            Err(failure) => Err(failure.clone()),
        };
        bench.note("catchup", &snapshot, BARE, found);
    }
    for (stage, _) in stages {
        stage.stop().await;
    }
    if let Ok(bare) = bare {
        bare.server.stop().await;
    }
}

/// A system that holds so many records; none, with a note in the book, when that failed.
async fn filled(bench: &mut Bench, index: usize, variant: &str, records: u64) -> Option<Stage> {
    let stage = match bench.start(index).await {
        Ok(stage) => stage,
        Err(failure) => {
            let name = bench.name(index);
            bench.note("catchup", variant, name, Err(failure));
            return None;
        }
    };
    bench.say("catchup", variant, stage.name);
    let filling = async {
        stage.running.prepare(CHANNEL).await?;
        fill(stage.running.as_ref(), &bench.settings.workload(), 0, records).await
    };
    if let Err(failure) = filling.await {
        bench.note("catchup", variant, stage.name, Err(failure));
        stage.stop().await;
        return None;
    }
    Some(stage)
}

/// What a link received until it had so many writes.
struct Received {
    link: Box<dyn Link>,
    seconds: f64,
    bytes: u64,
}

/// Opens a link and reads until it has so many writes.
async fn receive(
    running: &dyn Running,
    listening: Listening,
    writes: u64,
) -> Result<Received, Failure> {
    let begun_ns = now_ns();
    let mut link = running.link(CHANNEL, listening).await?;
    let (mut count, mut bytes) = (0, 0);
    while count < writes {
        if let Arrival::Bytes(some) = heard(link.as_mut()).await? {
            count += marks(&some).count() as u64;
            bytes += some.len() as u64;
        }
    }
    Ok(Received { link, seconds: (now_ns() - begun_ns) as f64 / 1e9, bytes })
}

/// Reads everything, then on until the link knows how far it has read.
pub(super) async fn fresh(
    running: &dyn Running,
    records: u64,
) -> Result<(Found, Option<Place>), Failure> {
    let mut received = receive(running, Listening::All, records).await?;
    // The end of a snapshot may come behind its last record.
    let settling = async {
        loop {
            received.link.next().await?;
        }
    };
    let settled: Result<Result<(), Failure>, _> =
        tokio::time::timeout(std::time::Duration::from_millis(200), settling).await;
    if let Ok(settled) = settled {
        settled?;
    }
    let (seconds, bytes) = (received.seconds, received.bytes as f64);
    let found = Found::default()
        .figure(figure::SECONDS, seconds)
        .figure(figure::RECORDS, records as f64 / seconds)
        .figure(figure::MEGABYTES, bytes / 1e6 / seconds)
        .figure(figure::WIRE_RECORD, bytes / records as f64);
    Ok((found, received.link.place()))
}

/// Comes back after some changes: of records from this one on, each once, so that none supersedes
/// another.
pub(super) async fn back(
    settings: &Settings,
    running: &dyn Running,
    place: Place,
    from: u64,
) -> Result<Found, Failure> {
    let changes = settings.changes;
    fill(running, &settings.workload().branch(now_ns()), from, from + changes).await?;
    let received = receive(running, Listening::After(place), changes).await?;
    Ok(Found::default()
        .figure(figure::SECONDS, received.seconds)
        .figure(figure::WIRE_BYTES, received.bytes as f64)
        .figure(figure::WIRE_RECORD, received.bytes as f64 / changes as f64)
        .figure(figure::CHANGED_BYTES, changed_bytes(settings, from, changes)))
}

/// The bytes of these changes in the log's own form.
fn changed_bytes(settings: &Settings, from: u64, changes: u64) -> f64 {
    let (mut workload, mut encoder, mut bytes) = (settings.workload(), Encoder::new(), Vec::new());
    for record in from..from + changes {
        encoder.applied(&mut bytes, &workload.of(record, 0));
    }
    bytes.len() as f64
}

/// The bare store behind a socket.
struct Bare {
    server: Server,
    address: std::net::SocketAddr,
    _folder: tempfile::TempDir,
}

impl Bare {
    async fn start(settings: &Settings, records: u64) -> Result<Self, Failure> {
        let (address, folder) = (free_address()?, settings.folder()?);
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["rows", "serve"]).arg(folder.path()).arg(address.to_string());
        command.args([records.to_string(), settings.seed.to_string()]);
        let mut server = Server::start(command, &folder.path().join("log"))?;
        server.listens(address).await?;
        Ok(Self { server, address, _folder: folder })
    }

    async fn read(&self, records: u64) -> Result<Found, Failure> {
        let begun_ns = now_ns();
        let mut stream = TcpStream::connect(self.address).await?;
        let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
        loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            bytes += read;
        }
        let seconds = (now_ns() - begun_ns) as f64 / 1e9;
        Ok(Found::default()
            .figure(figure::SECONDS, seconds)
            .figure(figure::RECORDS, records as f64 / seconds)
            .figure(figure::MEGABYTES, bytes as f64 / 1e6 / seconds)
            .figure(figure::WIRE_RECORD, bytes as f64 / records as f64))
    }
}
