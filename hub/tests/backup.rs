//! Backup and restore: of one moment, under load, whole or not at all; and what a restored hub
//! takes back from its replicas.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod workbench;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use syncline::access::directory;
use syncline::store::backup::{
    BackupError, BackupReport, RestoreOptions, RestoreReport, restore, write_backup,
};
use syncline::store::{CollectionRow, FILE, RecordRow, Store, doctor};
use syncline_protocol::{CollectionName, RecordKey, SpaceName};
use workbench::random::{Run, cases, step};
use workbench::{BEGIN_MS, Bench, CACHE_BYTES, put, stamp};

/// When every restore of this file happens.
const RESTORED_MS: u64 = BEGIN_MS + 1_000_000;

fn backup(store: &Store) -> (Vec<u8>, BackupReport) {
    let mut bytes = Vec::new();
    let report = write_backup(store, &mut bytes, &mut |_| {}).unwrap();
    assert_eq!(report.bytes, bytes.len() as u64);
    (bytes, report)
}

fn restore_into(
    folder: &Path,
    bytes: &[u8],
    authoritative: bool,
) -> Result<RestoreReport, BackupError> {
    let mut drawn = 1 << 40;
    let mut random = || {
        drawn += 1;
        drawn
    };
    let options = RestoreOptions { authoritative, now_ms: RESTORED_MS, random: &mut random };
    restore(&mut &*bytes, folder, options)
}

type Records = Vec<(RecordKey, RecordRow)>;

/// All records of all spaces, with what is kept of their collections.
fn content(
    store: &Store,
) -> BTreeMap<SpaceName, BTreeMap<CollectionName, (CollectionRow, Records)>> {
    let snapshot = store.snapshot().unwrap();
    let space = |(name, row): (SpaceName, syncline::store::SpaceRow)| {
        let collections = snapshot.collections(row.id).unwrap().into_iter();
        let collections = collections.map(|(collection, kept)| {
            let records = snapshot.range(row.id, &collection, "", usize::MAX).unwrap();
            (collection, (kept, records))
        });
        (name, collections.collect())
    };
    snapshot.spaces().unwrap().into_iter().map(space).collect()
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn a_restored_store_is_equal_under_new_epochs(
        steps in prop::collection::vec(step(), 1..40),
        authoritative: bool,
    ) {
        let mut run = Run::begin();
        steps.into_iter().for_each(|step| run.take(step));
        let store = run.bench.writer.store();
        let (bytes, report) = backup(store);
        let folder = tempfile::tempdir().unwrap();
        let restored = restore_into(folder.path(), &bytes, authoritative).unwrap();
        prop_assert_eq!((restored.spaces, restored.records), (report.spaces, report.records));
        let path = folder.path().join(FILE);
        let found = doctor(&path).unwrap();
        prop_assert!(found.is_sound(), "{:?}", found.faults);
        let again = Store::open(&path, CACHE_BYTES).unwrap();
        prop_assert_eq!(content(store), content(&again));
        let (old, new) = (store.snapshot().unwrap(), again.snapshot().unwrap());
        prop_assert_eq!(old.clock().unwrap(), new.clock().unwrap());
        let pairs = old.spaces().unwrap().into_iter().zip(new.spaces().unwrap());
        for ((name, old), (_, new)) in pairs {
            prop_assert_ne!(old.epoch, new.epoch);
            prop_assert_eq!(new.restored_ms, Some(RESTORED_MS));
            prop_assert_eq!(new.authoritative, authoritative || name.as_str() == "system");
            let same = (old.id, old.owner, old.sequence, old.horizon, old.log_entries);
            prop_assert_eq!(same, (new.id, new.owner, new.sequence, new.horizon, new.log_entries));
        }
    }
}

fn small_backup() -> Vec<u8> {
    let mut bench = Bench::in_memory(workbench::random::settings(), vec![]);
    bench.make_spaces(&["plain"]).unwrap();
    for at in 0..20 {
        let change = put("c", &format!("key {at}"), "x", at);
        bench.push("plain", vec![change.stamped(stamp(BEGIN_MS + at, 1))]).unwrap();
    }
    backup(bench.writer.store()).0
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_cut_or_flipped_backup_leaves_nothing_behind() {
    let whole = small_backup();
    let folder = tempfile::tempdir().unwrap();
    let cuts = (0..whole.len()).step_by(7).chain([whole.len() - 1]);
    for cut in cuts {
        let error = restore_into(folder.path(), &whole[..cut], false).unwrap_err();
        let fits = match error {
            // The last 32 bytes count as the seal, so a shorter file shows no whole head.
            BackupError::Foreign => cut < 12 + 32,
            BackupError::Damaged(_) => cut >= 12 + 32,
            _ => false,
        };
        assert!(fits && is_empty(folder.path()), "cut at {cut}: {error}");
    }
    for at in (0..whole.len()).step_by(5) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let error = restore_into(folder.path(), &flipped, false).unwrap_err();
        let fits = match error {
            BackupError::Foreign => at < 12,
            BackupError::Newer { .. } => (8..12).contains(&at),
            BackupError::Damaged(_) => at >= 12,
            _ => false,
        };
        assert!(fits && is_empty(folder.path()), "flipped at {at}: {error}");
    }
    let longer = [whole.as_slice(), b"x"].concat();
    let error = restore_into(folder.path(), &longer, false).unwrap_err();
    assert!(matches!(error, BackupError::Damaged(_)), "{error}");
    restore_into(folder.path(), &whole, false).unwrap();
}

#[test]
fn a_folder_made_for_nothing_goes_again() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("data");
    restore_into(&new, b"not a backup at all", false).unwrap_err();
    assert!(!new.exists());
    restore_into(&new, &small_backup(), false).unwrap();
    assert!(new.join(FILE).exists());
    let names: Vec<_> = std::fs::read_dir(&new).unwrap().collect();
    assert_eq!(names.len(), 1, "only the store remains: {names:?}");
}

#[test]
fn a_store_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), b"precious").unwrap();
    let error = restore_into(folder.path(), &small_backup(), false).unwrap_err();
    assert!(matches!(error, BackupError::Occupied), "{error}");
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), b"precious");
}

/// Fails after so many bytes, as a disk or a pipe does.
struct Breaks<'a>(&'a [u8], usize);

impl std::io::Read for Breaks<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.1 == 0 {
            return Err(std::io::Error::other("the pipe broke"));
        }
        let length = out.len().min(self.1).min(self.0.len());
        out[..length].copy_from_slice(&self.0[..length]);
        (self.0, self.1) = (&self.0[length..], self.1 - length);
        Ok(length)
    }
}

impl std::io::Write for Breaks<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.1 < bytes.len() {
            return Err(std::io::Error::other("the pipe broke"));
        }
        self.1 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_that_fails_is_told_from_a_damaged_one() {
    let whole = small_backup();
    for limit in [0, 5, 12, whole.len() / 2] {
        let folder = tempfile::tempdir().unwrap();
        let mut random = || 5;
        let options = RestoreOptions { authoritative: false, now_ms: 0, random: &mut random };
        let error = restore(&mut Breaks(&whole, limit), folder.path(), options).unwrap_err();
        assert!(matches!(&error, BackupError::Io(_)), "{limit}: {error}");
        assert!(error.to_string().contains("the pipe broke") && is_empty(folder.path()));
    }
    let store = Store::in_memory(CACHE_BYTES).unwrap();
    let error = write_backup(&store, &mut Breaks(&[], 60), &mut |_| {}).unwrap_err();
    assert!(matches!(error, BackupError::Io(_)), "{error}");
}

#[test]
fn a_backup_under_load_is_of_one_moment() {
    let mut bench = Bench::in_memory(workbench::random::settings(), vec![]);
    bench.make_spaces(&["plain"]).unwrap();
    let store = bench.writer.store().clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut at = 0;
            while !done.load(Ordering::Relaxed) {
                at += 1;
                // Two records that are only ever written together.
                let pair =
                    ["a", "b"].map(|key| put("c", key, "x", at).stamped(stamp(BEGIN_MS + at, 1)));
                bench.push("plain", pair.to_vec()).unwrap();
            }
        });
        let mut last = 0;
        for _ in 0..10 {
            let (bytes, _) = backup(&store);
            let folder = tempfile::tempdir().unwrap();
            restore_into(folder.path(), &bytes, false).unwrap();
            let path = folder.path().join(FILE);
            assert!(doctor(&path).unwrap().is_sound());
            let content = content(&Store::open(&path, CACHE_BYTES).unwrap());
            let Some((_, records)) = content[&workbench::space("plain")].values().next() else {
                continue;
            };
            let values: Vec<_> =
                records.iter().map(|(_, row)| row.record.get("x").unwrap().as_u64()).collect();
            assert!(values[0] == values[1] && values[0] >= Some(last), "{values:?}");
            last = values[0].unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_tokens_that_a_restore_revives_are_listed() {
    let mut bench = Bench::in_memory(workbench::random::settings(), vec![]);
    bench.make_spaces(&[]).unwrap();
    let token = |id: &str, label: &str, ends_ms: Option<u64>| {
        let mut fields =
            vec![("user", "ann".into()), ("label", label.into()), ("role", "owner".into())];
        fields.extend(ends_ms.map(|end| ("expires_ms", end.into())));
        syncline::engine::admin::system_put(directory::collection::TOKENS, id, &fields)
    };
    let changes = vec![
        token("t1", "phone", None),
        token("t2", "old", Some(RESTORED_MS)),
        token("t3", "laptop", Some(RESTORED_MS + 1)),
    ];
    let system = workbench::space(directory::SYSTEM_SPACE);
    let work = |changes| {
        let submission = syncline::engine::Submission::changes(system.clone(), changes);
        syncline::engine::Work::Write(submission)
    };
    assert!(bench.commit(vec![work(changes)]).unwrap().answers[0].is_ok());
    let (bytes, _) = backup(bench.writer.store());
    // Revoked after the backup: the restore revives it.
    let revoked = syncline::engine::admin::system_delete(directory::collection::TOKENS, "t1");
    assert!(bench.commit(vec![work(vec![revoked])]).unwrap().answers[0].is_ok());
    let folder = tempfile::tempdir().unwrap();
    let report = restore_into(folder.path(), &bytes, false).unwrap();
    let listed: Vec<_> =
        report.tokens.iter().map(|token| (&*token.id, &*token.user, &*token.label)).collect();
    assert_eq!(listed, [("t1", "ann", "phone"), ("t3", "ann", "laptop")]);
}
