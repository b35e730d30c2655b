//! How a run is told: as a table, as JSON, as a page, and as what changed since another run.

pub(crate) mod bars;
pub(crate) mod compare;
pub(crate) mod html;
mod plot;
pub(crate) mod table;

use std::path::Path;

use crate::book::Book;
use crate::target::Failure;

/// A run as JSON.
pub(crate) fn json(book: &Book) -> Result<String, Failure> {
    serde_json::to_string_pretty(book).map_err(|error| Failure::new(error.to_string()))
}

/// Reads a run's JSON back.
pub(crate) fn read(path: &Path) -> Result<Book, Failure> {
    let about =
        |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| about(&error))?;
    serde_json::from_str(&text).map_err(|error| about(&error))
}

/// Writes a report to a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
