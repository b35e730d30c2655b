//! The format of the file: made, recognised, brought up to date; a newer one is refused.

use redb::{ReadableTable, WriteTransaction};

use super::StoreError;
use super::tables::{
    Bytes, COLLECTIONS, CONFLICTS, DROPPED, LOG, META, OUTCOMES, RECORDS, REPLICAS, SPACES, meta,
};

/// A step from one format to the next.
type Step = fn(&WriteTransaction) -> Result<(), StoreError>;

/// The steps that there are: step n leads from format n + 1 to n + 2.
const STEPS: &[Step] = &[beside_a_journal, by_writes];

/// The format that this program writes: one more than there are steps.
pub(super) const FORMAT: u32 = 3;

/// From 1 to 2: no row changes, but a program that knows no journal must not open the file, for it
/// would miss what only the journal holds.
fn beside_a_journal(_: &WriteTransaction) -> Result<(), StoreError> {
    Ok(())
}

/// From 2 to 3: rows of records hold their fields by write. Older rows can be read as they are, so
/// that opening a large file takes no longer; an older program could not read the new ones.
fn by_writes(_: &WriteTransaction) -> Result<(), StoreError> {
    Ok(())
}

/// Makes a new file's tables, or brings an older file up to date.
pub(super) fn prepare(transaction: &WriteTransaction) -> Result<(), StoreError> {
    migrate(transaction, STEPS)?;
    make_tables(transaction)
}

/// A newer file is refused before any of its tables is touched: they may have other types.
fn migrate(transaction: &WriteTransaction, steps: &[Step]) -> Result<(), StoreError> {
    let known = 1 + u32::try_from(steps.len()).unwrap_or(u32::MAX - 1);
    let found = read_format(&transaction.open_table(META)?)?.unwrap_or(known);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let done = usize::try_from(found.max(1) - 1).unwrap_or(usize::MAX);
    for (index, step) in steps.iter().enumerate().skip(done) {
        tracing::info!(from = index + 1, to = index + 2, "migrating the store");
        step(transaction)?;
    }
    let mut table = transaction.open_table(META)?;
    table.insert(meta::FORMAT, known.to_be_bytes().as_slice())?;
    Ok(())
}

/// The format that a file says it has; none when it is new.
pub(super) fn read_format(
    table: &impl ReadableTable<&'static str, Bytes>,
) -> Result<Option<u32>, StoreError> {
    let Some(row) = table.get(meta::FORMAT)? else { return Ok(None) };
    let bytes = row.value().try_into().map_err(|_| StoreError::Corrupt("a format version"))?;
    Ok(Some(u32::from_be_bytes(bytes)))
}

/// Opening a table makes it; readers expect all to exist.
pub(super) fn make_tables(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(META)?;
    transaction.open_table(SPACES)?;
    transaction.open_table(DROPPED)?;
    for table in [COLLECTIONS, RECORDS, LOG, OUTCOMES, CONFLICTS, REPLICAS] {
        transaction.open_table(table)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::{Database, backends::InMemoryBackend};

    fn with_format(format: u32, check: impl FnOnce(&WriteTransaction)) {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        let bytes = format.to_be_bytes();
        transaction.open_table(META).unwrap().insert(meta::FORMAT, bytes.as_slice()).unwrap();
        check(&transaction);
    }

    #[test]
    fn an_older_file_takes_the_steps_it_lacks() {
        let second: Step = |transaction| {
            transaction.open_table(META)?.insert("second", &[][..])?;
            Ok(())
        };
        let first: Step = |_| Err(StoreError::Corrupt("a step that was taken before"));
        with_format(2, |transaction| {
            migrate(transaction, &[first, second]).unwrap();
            let meta = transaction.open_table(META).unwrap();
            assert_eq!(read_format(&meta).unwrap(), Some(3));
            assert!(meta.get("second").unwrap().is_some());
        });
    }

    #[test]
    fn a_new_file_has_the_format_that_the_steps_lead_to() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        prepare(&transaction).unwrap();
        let meta = transaction.open_table(META).unwrap();
        assert_eq!(read_format(&meta).unwrap(), Some(FORMAT));
    }

    #[test]
    fn a_newer_file_is_refused() {
        with_format(9, |transaction| {
            let error = prepare(transaction).unwrap_err();
            assert!(matches!(error, StoreError::Newer { found: 9, known: FORMAT }), "{error}");
        });
    }
}
