//! What the program survives: being killed under load, and being restored from a backup.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::program::Program;
use super::size;
use syncline_client::{Client, Space, Verified};
use syncline_protocol::Value;
use tokio::task::JoinHandle;

/// Who writes at once.
const WRITERS: usize = 8;
/// What each round acknowledges before the next blow.
const ACKS_A_ROUND: usize = 40;

/// A client that follows one space.
async fn client(url: &str, token: &str, space: &str) -> (Client, Space) {
    let client = Client::builder(url, token).device_name("survivor").connect().unwrap();
    let space = client.space(space).unwrap();
    space.synced().await.unwrap();
    (client, space)
}

/// Writers at work, each waiting for its ack before the next write.
struct Load {
    stop: Arc<AtomicBool>,
    acked: Arc<AtomicUsize>,
    writers: Vec<JoinHandle<(Client, Space, BTreeSet<String>)>>,
}

impl Load {
    async fn begin(program: &Program, space: &str) -> Self {
        let (stop, acked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let (client, space) = client(&program.url(), &program.token(), space).await;
            let (stop, acked) = (stop.clone(), acked.clone());
            writers.push(tokio::spawn(async move {
                let mut written = BTreeSet::new();
                while !stop.load(Ordering::Acquire) {
                    let key = format!("{writer}-{}", written.len());
                    let value = Value::from(written.len() as u64);
                    let write = space.put("notes", &key, [("n", value)]).unwrap();
                    write.acked().await.unwrap();
                    acked.fetch_add(1, Ordering::AcqRel);
                    written.insert(key);
                }
                (client, space, written)
            }));
        }
        Self { stop, acked, writers }
    }

    /// Waits until so many more writes are acknowledged.
    async fn more(&self, acks: usize) {
        let enough = self.acked.load(Ordering::Acquire) + acks;
        while self.acked.load(Ordering::Acquire) < enough {
            tokio::task::yield_now().await;
        }
    }

    /// Ends the load; gives the replicas and what was acknowledged to them.
    async fn end(self) -> (Vec<(Client, Space)>, BTreeSet<String>) {
        self.stop.store(true, Ordering::Release);
        let (mut replicas, mut acked) = (Vec::new(), BTreeSet::new());
        for writer in self.writers {
            let (client, space, written) = writer.await.unwrap();
            acked.extend(written);
            replicas.push((client, space));
        }
        (replicas, acked)
    }
}

fn keys(space: &Space) -> BTreeSet<String> {
    space.list("notes").into_iter().map(|record| record.key.to_string()).collect()
}

async fn is_equal(space: &Space) -> bool {
    matches!(space.verify().await.unwrap(), Verified::Equal { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let kills = size("SYNCLINE_KILLS", 5);
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start_in(folder.path(), &[]);
    program.command(&["space", "create", "notes"]);
    let load = Load::begin(&program, "notes").await;
    for _ in 0..kills {
        load.more(ACKS_A_ROUND).await;
        program = tokio::task::spawn_blocking(move || {
            program.kill_and_restart();
            program
        })
        .await
        .unwrap();
    }
    load.more(ACKS_A_ROUND).await;
    let (replicas, acked) = load.end().await;
    let (_fresh, fresh) = client(&program.url(), &program.token(), "notes").await;
    assert_eq!(keys(&fresh), acked, "what was acknowledged is not what is there");
    for (_, space) in &replicas {
        assert!(is_equal(space).await, "a replica differs from the hub");
        assert_eq!(keys(space), acked);
    }
    println!("{kills} kills, {} acknowledged writes, none lost", acked.len());
}

/// A hub, a backup of it taken under load, and what was acknowledged before and after.
struct Restored {
    program: Program,
    replicas: Vec<(Client, Space)>,
    acked: BTreeSet<String>,
    deleted: String,
    unsent: String,
}

/// Takes a backup while writers write, lets them write on, deletes a record that is in the backup,
/// then puts the backup in the hub's place.
async fn restored(folder: &Path, authoritative: bool) -> Restored {
    let mut program = Program::start_in(folder, &[]);
    program.command(&["space", "create", "notes"]);
    let load = Load::begin(&program, "notes").await;
    load.more(ACKS_A_ROUND).await;
    let backup = folder.join("backup");
    let file = backup.to_str().unwrap().to_owned();
    let (back, _) = tokio::task::spawn_blocking(move || {
        let said = program.command(&["backup", &file]);
        (program, said)
    })
    .await
    .unwrap();
    program = back;
    load.more(ACKS_A_ROUND).await;
    let (replicas, mut acked) = load.end().await;
    let deleted = "0-0".to_owned();
    replicas[1].1.synced().await.unwrap();
    replicas[1].1.delete("notes", &deleted).unwrap().acked().await.unwrap();
    acked.remove(&deleted);
    // Gone before anything more is written: what it still acknowledged, the backup would take back.
    program = tokio::task::spawn_blocking(move || {
        program.kill();
        program.replace_data(&backup, authoritative);
        program
    })
    .await
    .unwrap();
    // Written while there is no hub: it must arrive all the same.
    let unsent = "unsent".to_owned();
    let write = replicas[2].1.put("notes", &unsent, [("n", Value::from(1_u64))]).unwrap();
    program = tokio::task::spawn_blocking(move || {
        program.restart();
        program
    })
    .await
    .unwrap();
    write.acked().await.unwrap();
    Restored { program, replicas, acked, deleted, unsent }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_give_back_what_a_backup_did_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let Restored { program, replicas, mut acked, deleted, unsent } =
        restored(folder.path(), false).await;
    acked.insert(unsent);
    let (_fresh, fresh) = client(&program.url(), &program.token(), "notes").await;
    // Replicas offer after a delay of their own; the fresh one hears of it.
    while keys(&fresh) != acked {
        tokio::task::yield_now().await;
    }
    assert!(fresh.get("notes", &deleted).is_none());
    for (_, space) in &replicas {
        // What a replica offers shows there until the hub has answered.
        while keys(space) != acked {
            tokio::task::yield_now().await;
        }
        assert!(is_equal(space).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authoritative_backup_is_what_counts() {
    let folder = tempfile::tempdir().unwrap();
    let Restored { program, replicas, acked, deleted, unsent } =
        restored(folder.path(), true).await;
    let (_fresh, fresh) = client(&program.url(), &program.token(), "notes").await;
    let kept = keys(&fresh);
    assert!(kept.contains(&deleted) && kept.contains(&unsent), "{kept:?}");
    assert!(kept.len() < acked.len() + 2, "the backup was not the older one");
    for (_, space) in &replicas {
        space.synced().await.unwrap();
        assert!(is_equal(space).await);
        assert_eq!(keys(space), kept);
    }
}

/// The same backup on two addresses: each hub stamps under an id of its own.
#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_of_one_backup_never_stamp_alike() {
    let folder = tempfile::tempdir().unwrap();
    let first = Program::start_in(&folder.path().join("first"), &[]);
    first.command(&["space", "create", "notes"]);
    let backup = folder.path().join("backup");
    first.command(&["backup", backup.to_str().unwrap()]);
    let token = first.token();
    let second = Program::restored(&folder.path().join("second"), &backup, &token);
    let mut replicas = BTreeSet::new();
    for program in [&first, &second] {
        let raw = super::raw::RawClient::connect(program.address, &token).await.unwrap();
        replicas.insert(raw.welcome.unwrap().hub_replica);
    }
    assert_eq!(replicas.len(), 2);
}
