//! What commands print: lines on standard output, tables for people, one JSON object a line for
//! programs. A reader that has gone ends the command quietly.

use std::io::{BufWriter, ErrorKind, Stdout, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value as Json;

use super::Failure;

/// Standard output, buffered.
pub(super) struct Out(BufWriter<Stdout>);

impl Out {
    pub(super) fn new() -> Self {
        Self(BufWriter::new(std::io::stdout()))
    }

    pub(super) fn line(&mut self, text: impl std::fmt::Display) -> Result<(), Failure> {
        writeln!(self.0, "{text}").map_err(|error| broken(&error))
    }

    /// Hands on what was printed so far.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|error| broken(&error))
    }
}

fn broken(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::Unread,
        _ => Failure::Failed(format!("standard output cannot be written: {error}")),
    }
}

/// One line, and done.
pub(super) fn say(text: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = Out::new();
    out.line(text)?;
    out.flush()
}

/// A note for the person at the terminal, on standard error: never part of the output.
pub(super) fn note(text: impl std::fmt::Display) {
    // Where standard error is gone, nobody can be told.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What a hub answered: one JSON object a line, or a table of some of its fields.
pub(super) fn rows(
    json: bool,
    rows: &[Json],
    columns: &[(&str, fn(&Json) -> String)],
) -> Result<(), Failure> {
    let mut out = Out::new();
    if json {
        rows.iter().try_for_each(|row| out.line(row))?;
        return out.flush();
    }
    let heads = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|(_, cell)| cell(row)).collect());
    table(&mut out, std::iter::once(heads).chain(cells).collect())?;
    out.flush()
}

/// Columns as wide as their widest cell, the last one as it is.
fn table(out: &mut Out, lines: Vec<Vec<String>>) -> Result<(), Failure> {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        out.line(text.trim_end())?;
    }
    Ok(())
}

/// A field as text: what a text says, what anything else looks like, nothing for null.
pub(super) fn text(row: &Json, field: &str) -> String {
    match &row[field] {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A moment in milliseconds since 1970, for people.
pub(super) fn moment(row: &Json, field: &str) -> String {
    let Some(ms) = row[field].as_u64() else { return "-".to_owned() };
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(ms));
    // Beyond the year 9999 the format has no word.
    let time = time.filter(|_| ms < 253_402_300_800_000);
    time.map_or_else(|| ms.to_string(), |time| humantime::format_rfc3339_seconds(time).to_string())
}
