//! What the hub tells about itself: one line an event on standard error, for people on a terminal,
//! as JSON for a collector. Standard output stays free for what commands print.
//! This room never decides what is worth telling, and nobody hands it a secret.

use std::io::{self, IsTerminal as _};

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

/// Begins logging for the whole process; once, before anything is to be told.
///
/// # Errors
/// When the filter cannot be read, or when logging was begun before.
pub fn init(log: &Log) -> Result<(), LoggingError> {
    let terminal = io::stderr().is_terminal();
    subscriber(log, terminal, io::stderr).and_then(|subscriber| {
        subscriber.try_init().map_err(|cause| LoggingError::Started(cause.to_string()))
    })
}

/// Why logging cannot begin.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// The filter is not one.
    #[error("log.filter: {0}")]
    Filter(String),
    /// Something else in the process logs already.
    #[error("logging cannot begin twice: {0}")]
    Started(String),
}

/// Builds what writes the lines; `terminal` says whether a person reads them.
fn subscriber<W>(
    log: &Log,
    terminal: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LoggingError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = log.parse_filter().map_err(LoggingError::Filter)?;
    // Spans are told by the events in them; lines for their begin and end would double the log.
    let lines = fmt().with_env_filter(filter).with_span_events(FmtSpan::NONE).with_writer(writer);
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    if json {
        return Ok(Box::new(lines.json().flatten_event(true).finish()));
    }
    Ok(Box::new(lines.with_ansi(terminal && wants_colour()).finish()))
}

/// The convention of no-color.org: any value but the empty one turns colours off.
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A log kept in memory.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Memory {
        fn text(&self) -> String {
            let bytes = self.0.lock().expect("no writer panicked").clone();
            String::from_utf8(bytes).expect("lines are text")
        }
    }

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Memory {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What a hub with these settings writes for four events.
    fn written(filter: &str, format: LogFormat, terminal: bool) -> String {
        let (log, memory) = (Log { filter: filter.to_owned(), format }, Memory::default());
        let subscriber = subscriber(&log, terminal, memory.clone()).expect("a filter");
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(space = "linkora/alice", "a warning");
            tracing::info!("a line\nof two");
            tracing::debug!("a detail");
            tracing::warn!(target: "rustls::msgs", "an oddity of a stranger");
        });
        memory.text()
    }

    #[test]
    fn a_collector_gets_one_json_object_a_line() {
        for format in [LogFormat::Auto, LogFormat::Json] {
            let text = written("info", format, format == LogFormat::Json);
            assert_eq!(text.lines().count(), 2, "{text}");
            let first = text.lines().next().expect("two lines");
            assert!(first.starts_with('{') && first.ends_with('}'), "{first}");
            assert!(first.contains("\"message\":\"a warning\""), "{first}");
            assert!(first.contains("\"space\":\"linkora/alice\""), "{first}");
        }
    }

    #[test]
    fn a_person_gets_plain_lines_coloured_on_a_terminal_only() {
        let piped = written("info", LogFormat::Pretty, false);
        assert!(piped.contains("WARN") && piped.contains("a warning"), "{piped}");
        assert!(!piped.contains('\u{1b}') && !piped.starts_with('{'), "{piped}");
        let terminal = written("info", LogFormat::Auto, true);
        assert_eq!(terminal.contains('\u{1b}'), wants_colour(), "{terminal}");
        assert!(!terminal.starts_with('{'));
    }

    #[test]
    fn the_filter_decides() {
        assert!(!written("info", LogFormat::Json, false).contains("a detail"));
        assert!(written("warn,syncline=debug", LogFormat::Json, false).contains("a detail"));
        assert_eq!(written("off", LogFormat::Json, false), "");
        assert!(!written("debug", LogFormat::Json, false).contains("a stranger"));
        assert!(written("info,rustls=warn", LogFormat::Json, false).contains("a stranger"));
        for wrong in ["a=b=c", "\u{2000}\u{10787}="] {
            let log = Log { filter: wrong.to_owned(), ..Log::default() };
            let refused = subscriber(&log, false, Memory::default()).map(|_| ());
            assert!(refused.expect_err(wrong).to_string().contains("log.filter"));
        }
    }
}
