//! Law 3: what was acknowledged survives a crash at any moment, and a disk that fails.
//!
//! Runs are recorded once and cut at every operation of the disk; what is left is opened again.
//! That the test would notice a missing fsync is part of the test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/history.rs"]
mod history;
mod workbench;

use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};

use disk::{Disk, Failure, Image};
use history::{History, run, run_ahead, run_beside_flushes};
use syncline::config::Config;
use syncline::engine::Submission;
use syncline::hub::{Hub, Realm};
use syncline::store::Store;
use syncline_protocol::Code;
use workbench::{CACHE_BYTES, put, space};

/// Batches of a run.
const BATCHES: usize = 40;
/// Seeds of runs.
const SEEDS: u64 = 3;
/// Cuts of a run in a debug build; a release build makes all.
const CUTS: usize = 120;

/// The points at which to cut a run of so many operations.
fn points(ops: usize) -> impl Iterator<Item = usize> {
    let step = if cfg!(debug_assertions) { ops.div_ceil(CUTS).max(1) } else { 1 };
    (0..=ops).step_by(step)
}

/// Runs batches over a disk.
type Run = fn(&Disk, u64, usize) -> History;

/// Cuts a run everywhere; gives what was wrong, by operation.
fn losses(run: Run, disk: &Disk, seed: u64) -> (History, Vec<(usize, String)>) {
    let history = run(disk, seed, BATCHES);
    assert!(history.error.is_none(), "{:?}", history.error);
    let mut cuts = disk.cuts();
    let mut found = Vec::new();
    for at in points(disk.ops()).filter(|at| *at >= history.commits[0].ops) {
        let acknowledged = history.acknowledged(at);
        let image = cuts.at(at, seed.wrapping_mul(1_000_003) + at as u64);
        // Pages that were never synced can be anything, and redb may stop short at them.
        let check = AssertUnwindSafe(|| history.check(image, acknowledged));
        let checked = catch_unwind(check).unwrap_or_else(|_| Err("a panic".to_owned()));
        if let Err(what) = checked {
            found.push((at, format!("after {acknowledged} commits: {what}")));
        }
    }
    (history, found)
}

#[test]
fn law_3_acknowledged_means_durable() {
    for run in [run as Run, run_ahead] {
        for seed in 0..SEEDS {
            let (history, losses) = losses(run, &honest(), seed);
            let commits: Vec<_> = history.commits.iter().map(|commit| commit.ops).collect();
            assert!(losses.is_empty(), "seed {seed}, commits at {commits:?}: {losses:#?}");
        }
    }
}

#[test]
fn law_3_holds_while_what_was_written_is_flushed() {
    let mut overlaps = 0;
    for seed in 0..2 * SEEDS {
        // Slow pages let batches fall among their writes, quick ones before them.
        let disk = if seed % 2 == 0 { honest().slow() } else { honest() };
        let (history, losses) = losses(run_beside_flushes, &disk, seed);
        let commits: Vec<_> = history.commits.iter().map(|commit| commit.ops).collect();
        assert!(losses.is_empty(), "seed {seed}, commits at {commits:?}: {losses:#?}");
        overlaps += disk.overlaps();
    }
    assert!(overlaps > 0, "no batch was written while pages were: the test proves nothing");
}

#[test]
fn without_the_fsync_acknowledged_deltas_are_lost() {
    let disk = Disk::new(Image::default(), Failure::Never, true);
    let (_, losses) = losses(run, &disk, 0);
    let lost = losses.iter().filter(|(_, what)| what.contains("is lost")).count();
    assert!(lost > 0, "a disk that syncs nothing lost nothing: the test proves nothing");
}

/// A disk that keeps what it was told to.
fn honest() -> Disk {
    Disk::new(Image::default(), Failure::Never, false)
}

/// Runs over a disk that fails at every point; nothing that was acknowledged may be lost.
fn fail_everywhere(run: Run, failure: fn(usize) -> Failure) {
    let whole = honest();
    let begin = run(&whole, 7, BATCHES).commits[0].ops;
    for at in points(whole.ops()).filter(|at| *at >= begin) {
        let disk = Disk::new(Image::default(), failure(at), false);
        let history = run(&disk, 7, BATCHES);
        if !disk.has_failed() {
            // Only closing the store came after the last operation of this kind.
            assert!(history.error.is_none());
            continue;
        }
        let acknowledged = history.commits.len();
        assert!(history.error.is_some() || acknowledged == BATCHES + 2, "an error went unheard");
        let image = disk.image();
        let checked = history.check(image, acknowledged);
        assert_eq!(checked, Ok(()), "the process ended after a failure at {at}");
        let powerless = disk.cuts().at(disk.ops(), at as u64);
        let checked = history.check(powerless, acknowledged);
        assert_eq!(checked, Ok(()), "the power went after a failure at {at}");
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    fail_everywhere(run, Failure::Full);
    fail_everywhere(run_ahead, Failure::Full);
    fail_everywhere(run_beside_flushes, Failure::Full);
}

#[test]
fn a_failing_sync_loses_nothing_that_was_acknowledged() {
    fail_everywhere(run, Failure::Sync);
    fail_everywhere(run_ahead, Failure::Sync);
    fail_everywhere(run_beside_flushes, Failure::Sync);
}

/// Writes through a real hub until its disk fails, and gives the disk and what was acknowledged.
async fn until_failure(failure: Failure) -> (Disk, Vec<u64>) {
    let disk = Disk::new(Image::default(), failure, false);
    let store = Store::with_backends(disk.backends(), CACHE_BYTES).unwrap();
    let (hub, threads) = Hub::start(Config::default(), store, vec![]).unwrap();
    let token = hub.bootstrap().await.unwrap().unwrap().0.reveal();
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let admin = hub.authenticate(Realm::Token, "", &token, here).await.unwrap();
    hub.create_space(&admin, space("a"), "admin").await.unwrap();
    let mut acknowledged = Vec::new();
    let mut failed = hub.failed();
    assert!(!*failed.borrow());
    let write = |value: u64| {
        Submission::changes(space("a"), vec![put("c", &format!("k{value}"), "x", value)])
    };
    let reject = loop {
        let value = acknowledged.len() as u64;
        match hub.apply(&admin, write(value)).await {
            Ok(_) => acknowledged.push(value),
            Err(reject) => break reject,
        }
    };
    assert_eq!(reject.code, Code::Unavailable);
    failed.wait_for(|failed| *failed).await.unwrap();
    // From now on nothing is acknowledged, even if the disk would take it; reading goes on.
    for value in 1000..1003 {
        let again = hub.apply(&admin, write(value)).await;
        assert_eq!(again.unwrap_err().code, Code::Unavailable);
    }
    let view = hub.read(&admin, &space("a")).unwrap();
    let records = view.range(&workbench::collection("c"), "", 10_000).unwrap();
    assert_eq!(records.len(), acknowledged.len());
    drop((view, hub));
    threads.stop();
    (disk, acknowledged)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_disk_fails_stops_writing_and_loses_nothing() {
    for failure in [Failure::Full(400), Failure::Sync(400)] {
        let (disk, acknowledged) = until_failure(failure).await;
        assert!(acknowledged.len() > 3, "the failure came too early to prove anything");
        let image = disk.cuts().at(disk.ops(), 5);
        let disk = Disk::new(image, Failure::Never, false);
        let store = Store::with_backends(disk.backends(), CACHE_BYTES).unwrap();
        assert!(store.examine().unwrap().is_sound());
        let snapshot = store.snapshot().unwrap();
        let row = snapshot.space(&space("a")).unwrap().unwrap();
        let found = snapshot.range(row.id, &workbench::collection("c"), "", usize::MAX).unwrap();
        let keys: Vec<_> = found.iter().map(|(key, _)| key.as_str().to_owned()).collect();
        for value in acknowledged {
            assert!(keys.contains(&format!("k{value}")), "k{value} is lost after {failure:?}");
        }
    }
}
