//! The book of a run: every figure of every round, and what of it is said in the end.
//!
//! It is the report's JSON form as well, so that an old run can be read back and compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::figure::{Better, Figure, named};
use crate::tally::{Events, SLICE_NS};

/// Quantiles of a latency curve that are kept, for plots.
const CURVE: [f64; 16] = [
    0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999,
    1.0,
];

/// A whole run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Book {
    /// What it ran on, and how it was called.
    pub(crate) run: Run,
    /// The systems and what they say of themselves.
    pub(crate) systems: BTreeMap<String, System>,
    /// What was measured, in the order of measuring.
    pub(crate) rows: Vec<Row>,
}

/// What a run ran on, and how it was called.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    /// When it began, as RFC 3339 says it.
    pub(crate) began: String,
    /// The command line.
    pub(crate) command: String,
    /// The commit of the program.
    pub(crate) commit: String,
    /// The processor.
    pub(crate) processor: String,
    /// Processors.
    pub(crate) processors: usize,
    /// Memory in bytes.
    pub(crate) memory: u64,
    /// The kernel.
    pub(crate) kernel: String,
    /// Where stores lay, and on what file system.
    pub(crate) disk: String,
    /// Rounds.
    pub(crate) rounds: usize,
    /// The seed.
    pub(crate) seed: u64,
}

/// A system that took part, or could not.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct System {
    /// What it says of its version.
    pub(crate) version: String,
    /// What an acknowledgement means there.
    pub(crate) acknowledges: String,
    /// Whether what is acknowledged has reached the disk.
    pub(crate) durable: bool,
    /// What must be known to read its figures.
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// Why it took no part, and how to change that.
    pub(crate) missing: Option<String>,
}

/// What one scenario found of one system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The scenario.
    pub(crate) scenario: String,
    /// Its size, in words.
    pub(crate) variant: String,
    /// The system.
    pub(crate) system: String,
    /// Why there are no figures.
    pub(crate) absent: Option<String>,
    /// Each figure in each round, by name.
    pub(crate) figures: BTreeMap<String, Vec<f64>>,
    /// Latency curves over all rounds: quantile and milliseconds, by name.
    pub(crate) curves: BTreeMap<String, Vec<(f64, f64)>>,
    /// Events a second over the last round, by name, with the slice in seconds.
    pub(crate) timelines: BTreeMap<String, Timeline>,
    /// What the curves are made of; not kept in files.
    #[serde(skip)]
    events: BTreeMap<String, Events>,
}

/// Events over time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Timeline {
    /// Seconds of one slice.
    pub(crate) slice_s: f64,
    /// Events a second in each slice.
    pub(crate) rates: Vec<f64>,
}

/// What one round found of one system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    figures: Vec<(Figure, f64)>,
    events: Vec<(&'static str, Events)>,
}

impl Found {
    /// Adds a figure; what is no number, as a rate of nothing, is left out.
    pub(crate) fn figure(mut self, figure: Figure, value: f64) -> Self {
        if value.is_finite() {
            self.figures.push((figure, value));
        }
        self
    }

    /// Adds the latency curve and the timeline of events.
    pub(crate) fn events(mut self, name: &'static str, events: Events) -> Self {
        self.events.push((name, events));
        self
    }
}

impl Book {
    /// Writes down what a round found.
    pub(crate) fn add(&mut self, scenario: &str, variant: &str, system: &str, found: Found) {
        let row = self.row(scenario, variant, system);
        for (figure, value) in found.figures {
            row.figures.entry(figure.name.to_owned()).or_default().push(value);
        }
        for (name, events) in found.events {
            let timeline = Timeline::of(&events);
            let all = row.events.entry(name.to_owned()).or_default();
            all.add(&events);
            if !all.latency.is_empty() {
                let ms = |quantile: f64| (quantile, all.quantile_ms(quantile));
                row.curves.insert(name.to_owned(), CURVE.map(ms).to_vec());
            }
            row.timelines.insert(name.to_owned(), timeline);
        }
    }

    /// Writes down why there is nothing to find.
    pub(crate) fn absent(&mut self, scenario: &str, variant: &str, system: &str, why: &str) {
        self.row(scenario, variant, system).absent = Some(why.to_owned());
    }

    fn row(&mut self, scenario: &str, variant: &str, system: &str) -> &mut Row {
        let at = self.position(scenario, variant, system).unwrap_or_else(|| {
            self.rows.push(Row {
                scenario: scenario.to_owned(),
                variant: variant.to_owned(),
                system: system.to_owned(),
                absent: None,
                figures: BTreeMap::new(),
                curves: BTreeMap::new(),
                timelines: BTreeMap::new(),
                events: BTreeMap::new(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    fn position(&self, scenario: &str, variant: &str, system: &str) -> Option<usize> {
        let is_it =
            |row: &Row| row.scenario == scenario && row.variant == variant && row.system == system;
        self.rows.iter().position(is_it)
    }

    /// A figure of each round, in order.
    pub(crate) fn rounds(
        &self,
        scenario: &str,
        variant: &str,
        system: &str,
        figure: Figure,
    ) -> &[f64] {
        let row = self.position(scenario, variant, system).map(|at| &self.rows[at]);
        row.and_then(|row| row.figures.get(figure.name)).map_or(&[], Vec::as_slice)
    }
}

impl Timeline {
    fn of(events: &Events) -> Self {
        let slice_s = SLICE_NS as f64 / 1e9;
        Self { slice_s, rates: events.slices.iter().map(|&count| count as f64 / slice_s).collect() }
    }
}

impl Row {
    /// The figures with their kinds, in the order of the kinds' names.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (Figure, &[f64])> {
        self.figures.iter().filter_map(|(name, rounds)| Some((named(name)?, rounds.as_slice())))
    }
}

/// The middle of some figures; nothing for none.
pub(crate) fn median(rounds: &[f64]) -> Option<f64> {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) =
        (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

/// How far the rounds lie apart: half of the way from the least to the greatest, as a part of the
/// median.
pub(crate) fn spread(rounds: &[f64]) -> Option<f64> {
    let least = rounds.iter().copied().reduce(f64::min)?;
    let greatest = rounds.iter().copied().reduce(f64::max)?;
    let middle = median(rounds).filter(|middle| *middle != 0.0)?;
    Some((greatest - least) / 2.0 / middle.abs())
}

/// Whether a change from one figure to another is one for the better.
pub(crate) fn is_better(figure: Figure, old: f64, new: f64) -> Option<bool> {
    match figure.better {
        Better::Higher => Some(new > old),
        Better::Lower => Some(new < old),
        Better::Neither => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::ACKED;

    #[test]
    fn medians_and_spreads() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(spread(&[9.0, 10.0, 11.0]), Some(0.1));
        assert_eq!(spread(&[0.0]), None);
    }

    #[test]
    fn a_book_is_read_back_as_it_was_written() {
        let mut book = Book::default();
        book.add("write", "small", "hub", Found::default().figure(ACKED, 5.0));
        book.add("write", "small", "hub", Found::default().figure(ACKED, f64::NAN));
        book.add("write", "small", "hub", Found::default().figure(ACKED, 7.0));
        book.absent("write", "small", "paper", "it is not installed");
        let json = serde_json::to_string(&book).unwrap();
        let read: Book = serde_json::from_str(&json).unwrap();
        assert_eq!(read.rounds("write", "small", "hub", ACKED), [5.0, 7.0]);
        assert_eq!(read.rows[1].absent.as_deref(), Some("it is not installed"));
        assert!(read.rounds("write", "small", "paper", ACKED).is_empty());
    }
}
