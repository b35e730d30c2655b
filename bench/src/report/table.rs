//! A run as text: for each measurement one line a system, and the bars at the end.

use std::fmt::Write as _;

use super::bars;
use crate::book::{Book, Row, median, spread};
use crate::figure::Figure;

/// The run as text.
pub(crate) fn table(book: &Book) -> String {
    let mut text = String::new();
    // Writing to a string never fails, here and below.
    let _ = writeln!(text, "{}\n{}\n", heading(book), book.run.command);
    for (name, system) in &book.systems {
        let version = if system.version.is_empty() { "" } else { &system.version };
        let _ = writeln!(text, "{name}: {version}; acknowledged {}", system.acknowledges);
        if let Some(note) = &system.note {
            let _ = writeln!(text, "    {note}");
        }
        if let Some(missing) = &system.missing {
            let _ = writeln!(text, "    not measured: {missing}");
        }
    }
    let mut last = None;
    for row in &book.rows {
        let group = (&row.scenario, &row.variant);
        if last != Some(group) {
            let _ = writeln!(text, "\n{}, {}", row.scenario, row.variant);
            last = Some(group);
        }
        let _ = writeln!(text, "  {:<14} {}", row.system, figures(row));
    }
    let bars = bars::judged(book);
    if !bars.is_empty() {
        let _ = writeln!(text, "\nbars (medians of the rounds' ratios)");
        for bar in bars {
            let verdict = if bar.holds { "holds" } else { "FAILS" };
            let _ = writeln!(text, "  {verdict}  {:>8.3} {}", bar.value, bar.text);
        }
    }
    text
}

/// The machine and the moment in one line.
pub(crate) fn heading(book: &Book) -> String {
    let run = &book.run;
    format!(
        "{} x {}, {:.0} GB, {}, {}; commit {}; {}; {} rounds, seed {}",
        run.processors,
        run.processor,
        run.memory as f64 / 1e9,
        run.kernel,
        run.disk,
        run.commit,
        run.began,
        run.rounds,
        run.seed
    )
}

fn figures(row: &Row) -> String {
    if let Some(why) = &row.absent
        && row.figures.is_empty()
    {
        return format!("- ({why})");
    }
    let told =
        row.kinds().filter_map(|(figure, rounds)| Some(one(figure, rounds, median(rounds)?)));
    told.collect::<Vec<_>>().join("  ")
}

fn one(figure: Figure, rounds: &[f64], middle: f64) -> String {
    let noise = spread(rounds).filter(|_| rounds.len() > 1);
    let noise = noise.map(|part| format!(" ±{:.0}%", part * 100.0)).unwrap_or_default();
    format!("{} {}{}{noise}", figure.name, number(middle), figure.unit)
}

/// A number with as many digits as it deserves.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1e6.. => format!("{:.2}M", value / 1e6),
        1e4.. => format!("{:.1}k", value / 1e3),
        100.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Found;
    use crate::figure::{ACK_P50, ACKED};

    #[test]
    fn numbers_have_as_many_digits_as_they_deserve() {
        let told = [0.0, 0.01234, 1.5, 123.4, 45_678.0, 2_345_678.0].map(number);
        assert_eq!(told, ["0", "0.012", "1.50", "123", "45.7k", "2.35M"]);
    }

    #[test]
    fn a_run_is_told_with_what_is_missing() {
        let mut book = Book::default();
        for (acked, p50) in [(90.0, 1.0), (110.0, 1.0)] {
            let found = Found::default().figure(ACKED, acked).figure(ACK_P50, p50);
            book.add("write", "small", "hub", found);
        }
        book.absent("write", "small", "paper", "it has no wire");
        let text = table(&book);
        assert!(text.contains("write, small\n  hub "), "{text}");
        assert!(text.contains("acked writes 100/s ±10%"), "{text}");
        assert!(text.contains("paper          - (it has no wire)"), "{text}");
    }
}
