//! What is imported from: the original's database or a file of events, one a line. Either is read
//! in pages, as often as one likes.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::event::Event;
use super::notes::Notes;
use super::original::{self, Original, broken};
use super::rows::Page;
use super::rules::AclFrom;
use crate::cli::Failure;

/// Bytes of a line at most, all escapes counted.
const LINE_BYTES: u64 = 64 << 20;
/// Bytes of an event at most: what is larger could not be sent on to anybody.
const EVENT_BYTES: usize = 8 << 20;
/// Events of one page of lines, and their bytes.
const PAGE: (usize, usize) = (500, 2 << 20);

/// A database or a file of lines.
pub(super) enum Source {
    /// The original's database.
    Database(PathBuf, Original),
    /// One event a line.
    Lines(PathBuf),
}

impl Source {
    /// Opens a file by what it begins with.
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        if original::is_one(file)? {
            return Ok(Self::Database(file.to_owned(), Original::open(file)?));
        }
        Ok(Self::Lines(file.to_owned()))
    }

    /// The database, where it is one.
    pub(super) fn database(&self) -> Option<&Original> {
        match self {
            Self::Database(_, original) => Some(original),
            Self::Lines(_) => None,
        }
    }

    /// Asks the database for something; nothing where there is none.
    pub(super) fn ask<T: Default>(
        &self,
        ask: impl FnOnce(&Original) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        match self {
            Self::Database(file, original) => ask(original).map_err(|error| broken(file, &error)),
            Self::Lines(_) => Ok(T::default()),
        }
    }

    /// Reads the events from the first one on.
    pub(super) fn events(&self, from: AclFrom) -> Result<Events<'_>, Failure> {
        let at = match self {
            Self::Database(..) => At::Row(None),
            Self::Lines(file) => {
                let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
                At::Line(BufReader::new(opened), 0)
            }
        };
        Ok(Events { source: self, from, at, is_over: false })
    }
}

/// A place in the events.
pub(super) struct Events<'a> {
    source: &'a Source,
    from: AclFrom,
    at: At,
    is_over: bool,
}

enum At {
    /// Behind a row.
    Row(Option<i64>),
    /// Behind so many lines.
    Line(BufReader<File>, u64),
}

impl Events<'_> {
    /// The next events, each with the rule that it puts in force; none at the end.
    pub(super) fn next(&mut self, notes: &mut Notes) -> Result<Option<Vec<Event>>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let page = match (&mut self.at, self.source) {
            (At::Row(after), Source::Database(file, original)) => {
                let page = original.page(*after).map_err(|error| broken(file, &error))?;
                *after = page.last.or(*after);
                page
            }
            (At::Line(lines, number), Source::Lines(file)) => page_of(lines, number, file)?,
            _ => return Ok(None),
        };
        self.is_over = page.is_last;
        page.bad.into_iter().for_each(|bad| notes.lose(bad));
        let mut events = page.events;
        events.retain(|event| fits(event, notes));
        for event in events.iter_mut().filter(|_| self.from.has_events()) {
            match event.sets() {
                Some(Ok(rule)) => event.rule = Some(rule),
                Some(Err(problem)) => {
                    notes.add(format!("event {} sets no rule: {problem}", event.uuid));
                }
                None => {}
            }
        }
        Ok(Some(events))
    }
}

fn fits(event: &Event, notes: &mut Notes) -> bool {
    let fits = event.weight() <= EVENT_BYTES;
    if !fits {
        notes.lose(format!("event {} has more than 8 MiB and is left out", event.uuid));
    }
    fits
}

fn page_of(lines: &mut BufReader<File>, number: &mut u64, file: &Path) -> Result<Page, Failure> {
    let (mut page, mut bytes, mut line) = (Page::default(), 0, Vec::new());
    while page.events.len() + page.bad.len() < PAGE.0 && bytes < PAGE.1 {
        line.clear();
        let mut limited = lines.by_ref().take(LINE_BYTES);
        let read = limited.read_until(b'\n', &mut line).map_err(|it| unreadable(file, &it))?;
        if read == 0 {
            page.is_last = true;
            break;
        }
        *number += 1;
        bytes += read;
        let at = || format!("{}:{number}", file.display());
        if read as u64 == LINE_BYTES && !line.ends_with(b"\n") {
            return Err(Failure::Failed(format!("{}: the line is too long", at())));
        }
        let text = String::from_utf8_lossy(&line);
        match Event::of_line(text.trim()) {
            _ if text.trim().is_empty() => {}
            Ok(event) => page.events.push(event),
            Err(problem) => page.bad.push(format!("{}: {problem}", at())),
        }
    }
    Ok(page)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{} cannot be read: {error}", file.display()))
}
