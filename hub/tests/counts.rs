//! Whatever is written, in whatever order, with housekeeping between: what the store keeps beside
//! the records (digests, counts, bytes, dead log entries) is what a recount finds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod workbench;

use std::time::Duration;

use proptest::prelude::*;
use redb::{ReadableTable as _, TableDefinition, WriteTransaction};
use syncline::store::{Store, StoreError, doctor};
use workbench::random::{Run, cases, settings, step};
use workbench::{BEGIN_MS, Bench, CACHE_BYTES, stamp};

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn what_is_kept_is_what_is_counted(steps in prop::collection::vec(step(), 1..60)) {
        let mut run = Run::begin();
        for (at, step) in steps.into_iter().enumerate() {
            run.take(step);
            if at % 4 == 3 {
                run.bench.assert_sound();
            }
        }
        run.bench.pass(Duration::from_secs(2));
        run.bench.assert_sound();
    }
}

/// Does something to the raw tables of a sound store, and gives what the doctor says of it.
fn faults_after(harm: impl FnOnce(&WriteTransaction)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut bench =
        Bench::open(Store::open(&path, CACHE_BYTES).unwrap(), 1, settings(), vec![]).unwrap();
    bench.make_spaces(&["plain"]).unwrap();
    for value in 0..3 {
        let change = workbench::put("c", "a", "x", value);
        bench.push("plain", vec![change.stamped(stamp(BEGIN_MS + value, 1))]).unwrap();
        // Whoever looks brings the entry to its table, so that it dies there and stays for a while.
        drop(bench.snapshot());
    }
    bench.assert_sound();
    drop(bench);
    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    harm(&transaction);
    transaction.commit().unwrap();
    drop(database);
    doctor(&path).unwrap().faults.join("; ")
}

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const LOG: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("log");

/// The plain space has the id 2.
fn log_key(sequence: u64) -> Vec<u8> {
    [2_u64.to_be_bytes(), sequence.to_be_bytes()].concat()
}

#[test]
fn the_doctor_finds_each_kind_of_damage() {
    assert_eq!(faults_after(|_| {}), "");
    let cut = |transaction: &WriteTransaction| {
        let mut table = transaction.open_table(RECORDS).unwrap();
        let (key, row) = {
            let entry = table.last().unwrap().unwrap();
            (entry.0.value().to_vec(), entry.1.value().to_vec())
        };
        table.insert(key.as_slice(), &row[..row.len() - 2]).unwrap();
    };
    assert!(faults_after(cut).contains("a record: the store holds a row that is cut short"));
    let lost_entry = faults_after(|transaction| {
        transaction.open_table(LOG).unwrap().remove(log_key(3).as_slice()).unwrap();
    });
    assert!(lost_entry.contains("live log entries is kept as 1 and counted as 0"), "{lost_entry}");
    let dead_entry = faults_after(|transaction| {
        transaction.open_table(LOG).unwrap().remove(log_key(1).as_slice()).unwrap();
    });
    assert!(dead_entry.contains("dead log entries is kept as 2 and counted as 1"), "{dead_entry}");
    let orphan = faults_after(|transaction| {
        let key = [&9_u64.to_be_bytes()[..], b"c\0k"].concat();
        transaction.open_table(RECORDS).unwrap().insert(key.as_slice(), &[0][..]).unwrap();
    });
    assert!(orphan.contains("rows of 0000000000000009, which is no space"), "{orphan}");
    let lost_record = faults_after(|transaction| {
        let mut table = transaction.open_table(RECORDS).unwrap();
        table.pop_last().unwrap().unwrap();
    });
    assert!(lost_record.contains("the digest of collection c"), "{lost_record}");
}

#[test]
fn what_is_no_store_or_a_newer_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    std::fs::write(&path, [7; 10_000]).unwrap();
    let error = doctor(&path).unwrap_err().to_string();
    assert!(error.contains("damaged or no store at all"), "{error}");
    let error = Store::open(&path, CACHE_BYTES).unwrap_err().to_string();
    assert!(error.contains("damaged or no store at all"), "{error}");
    std::fs::remove_file(&path).unwrap();
    drop(Store::open(&path, CACHE_BYTES).unwrap());
    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<'_, &str, &[u8]>::new("meta");
    let newer = 7_u32.to_be_bytes();
    transaction.open_table(meta).unwrap().insert("format", newer.as_slice()).unwrap();
    transaction.delete_table(RECORDS).unwrap();
    transaction.commit().unwrap();
    drop(database);
    for error in [doctor(&path).unwrap_err(), Store::open(&path, CACHE_BYTES).unwrap_err()] {
        let is_newer = matches!(error, StoreError::Newer { found: 7, known: 3 });
        assert!(is_newer && error.to_string().contains("use a newer syncline"), "{error}");
    }
}
