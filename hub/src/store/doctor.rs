//! The doctor: reads a store at rest, row by row, and says what does not agree.
//!
//! It judges and never mends: what redb itself repairs on opening is told, nothing else is written.
//! Everything that is kept while records change (digests, counts, bytes, dead log entries) is
//! counted again from the rows; see `recount.rs`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use redb::{Database, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _};
use syncline_protocol::{HlcTime, SpaceId, SpaceName};

use super::migration::read_format;
use super::pages::Pacing;
use super::row::{OutcomeRow, ReplicaRow, SpaceRow, parse_replica_key};
use super::snapshot::Snapshot;
use super::tables::{Bytes, META, after_prefix};
use super::{FORMAT, Store, StoreError, open_journal, recount};

/// Faults that are told one by one; those beyond are counted.
const FAULTS_MAX: usize = 100;

/// What a look at the whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Spaces.
    pub spaces: u64,
    /// Rows of records: those that show, and tombstones.
    pub records: u64,
    /// Entries in all logs.
    pub log_entries: u64,
    /// Entries among them that say nothing any more.
    pub log_dead: u64,
    /// Lost values kept for people.
    pub conflicts: u64,
    /// Recorded answers of guarded pushes.
    pub outcomes: u64,
    /// Replicas known.
    pub replicas: u64,
    /// Whether redb found its pages damaged and could repair them.
    pub repaired: bool,
    /// What is wrong, the first hundred faults.
    pub faults: Vec<String>,
    /// How many faults there are beyond those told.
    pub faults_untold: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn fault(&mut self, text: impl fmt::Display) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(text.to_string());
        } else {
            self.faults_untold += 1;
        }
    }

    /// What a row holds, or a fault when it cannot be read.
    pub(super) fn read<T>(
        &mut self,
        row: Result<T, StoreError>,
        of: &dyn fmt::Display,
    ) -> Option<T> {
        row.map_err(|error| self.fault(format_args!("{of}: {error}"))).ok()
    }
}

/// Opens the store in a file that no hub holds, checks its pages, its journal and all its rows. The
/// file may be repaired by redb, and the journal read back, when it was not closed in order.
///
/// # Errors
/// A file that is missing, in use, newer than this program, or too damaged to be opened.
pub fn doctor(path: &Path) -> Result<Report, StoreError> {
    let mut database = Database::open(path)?;
    let was_whole = database.check_integrity()?;
    if let Some(report) = unlike_format(&database)? {
        return Ok(report);
    }
    let store = Store::prepare(database, open_journal(path)?, Pacing::default())?;
    let mut report = store.examine()?;
    report.repaired = !was_whole;
    if report.repaired {
        report.fault("the pages were damaged; they were repaired as far as they could be");
    }
    Ok(report)
}

/// What is said of a file of an older format, which the doctor does not migrate.
fn unlike_format(database: &Database) -> Result<Option<Report>, StoreError> {
    // The format first: the tables of another one may be others.
    let format = read_format(&database.begin_read()?.open_table(META)?)?;
    if let Some(found) = format.filter(|found| *found > FORMAT) {
        return Err(StoreError::Newer { found, known: FORMAT });
    }
    if format == Some(FORMAT) {
        return Ok(None);
    }
    let mut report = Report::default();
    report.fault(format_args!("the format is {format:?}: start the hub once to migrate it"));
    Ok(Some(report))
}

impl Store {
    /// Counts everything again, of one moment, and says what does not agree. Reads every row: for
    /// tests, and for whoever may wait.
    ///
    /// # Errors
    /// When the store fails.
    pub fn examine(&self) -> Result<Report, StoreError> {
        examine_rows(&self.snapshot()?)
    }
}

fn examine_rows(snapshot: &Snapshot) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let clock = report.read(snapshot.clock(), &"the clock").unwrap_or(HlcTime::from_bits(u64::MAX));
    let spaces = read_spaces(snapshot, &mut report)?;
    let known = known_ids(snapshot, &spaces, &mut report)?;
    for (name, table) in snapshot.by_space() {
        find_orphans(name, table, &known, &mut report)?;
    }
    for (name, row) in &spaces {
        recount::space(snapshot, name, row, clock, &mut report)?;
    }
    read_outcomes(snapshot, &mut report)?;
    read_replicas(snapshot, &mut report)?;
    Ok(report)
}

fn read_spaces(
    snapshot: &Snapshot,
    report: &mut Report,
) -> Result<Vec<(SpaceName, SpaceRow)>, StoreError> {
    let mut spaces = Vec::new();
    for entry in snapshot.spaces.iter()? {
        let (name, row) = entry?;
        report.spaces += 1;
        let what = format!("space {}", name.value());
        let checked = SpaceName::new(name.value()).map_err(|_| StoreError::Corrupt("a name"));
        let checked = report.read(checked, &what);
        let row = report.read(SpaceRow::decode(row.value()), &what);
        spaces.extend(checked.zip(row));
    }
    Ok(spaces)
}

/// The ids of spaces, and of dropped ones whose rows still wait to be removed.
fn known_ids(
    snapshot: &Snapshot,
    spaces: &[(SpaceName, SpaceRow)],
    report: &mut Report,
) -> Result<BTreeSet<SpaceId>, StoreError> {
    let mut known = BTreeSet::new();
    for (name, row) in spaces {
        if !known.insert(row.id) {
            report.fault(format_args!("space {name}: another space has its id {}", row.id));
        }
    }
    for entry in snapshot.dropped.iter()? {
        let key = entry?.0;
        match <[u8; 8]>::try_from(key.value()) {
            Ok(id) if known.insert(SpaceId(u64::from_be_bytes(id))) => {}
            Ok(_) => report.fault("a dropped space has the id of one that lives"),
            Err(_) => report.fault("a dropped space has an id that cannot be read"),
        }
    }
    Ok(known)
}

/// Looks at the first row of each space alone and jumps over the others.
fn find_orphans(
    name: &str,
    table: &ReadOnlyTable<Bytes, Bytes>,
    known: &BTreeSet<SpaceId>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut from = Some(Vec::new());
    while let Some(key) = from {
        let Some(entry) = table.range(key.as_slice()..)?.next() else { break };
        let (key, _) = entry?;
        let Some(prefix) = key.value().first_chunk::<8>() else {
            report.fault(format_args!("table {name}: a key that is too short"));
            from = Some([key.value(), &[0]].concat());
            continue;
        };
        let id = SpaceId(u64::from_be_bytes(*prefix));
        if !known.contains(&id) {
            report.fault(format_args!("table {name}: rows of {id}, which is no space"));
        }
        from = after_prefix(prefix);
    }
    Ok(())
}

fn read_outcomes(snapshot: &Snapshot, report: &mut Report) -> Result<(), StoreError> {
    for entry in snapshot.outcomes.iter()? {
        let (key, row) = entry?;
        report.outcomes += 1;
        if key.value().len() != 24 {
            report.fault("an outcome's key cannot be read");
        }
        report.read(OutcomeRow::decode(row.value()), &"an outcome");
    }
    Ok(())
}

fn read_replicas(snapshot: &Snapshot, report: &mut Report) -> Result<(), StoreError> {
    for entry in snapshot.replicas.iter()? {
        let (key, row) = entry?;
        report.replicas += 1;
        report.read(parse_replica_key(key.value()), &"a replica's key");
        report.read(ReplicaRow::decode(row.value()), &"a replica");
    }
    Ok(())
}
