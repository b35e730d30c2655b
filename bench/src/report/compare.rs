//! Two runs held against each other: what moved by more than their rounds lie apart.

use std::fmt::Write as _;

use super::table::{heading, number};
use crate::book::{Book, is_better, median, spread};

/// Less than this is never told, however quiet the machine was.
const NOISE_LEAST: f64 = 0.05;

/// What moved, line by line.
pub(crate) fn compare(old: &Book, new: &Book) -> String {
    let mut text = format!("old: {}\nnew: {}\n", heading(old), heading(new));
    let mut moved = 0;
    for row in &new.rows {
        for (figure, rounds) in row.kinds() {
            let before = old.rounds(&row.scenario, &row.variant, &row.system, figure);
            let (Some(from), Some(to)) = (median(before), median(rounds)) else { continue };
            let noise = spread(before).unwrap_or(0.0) + spread(rounds).unwrap_or(0.0);
            let change = (to - from) / from;
            let Some(better) = is_better(figure, from, to) else { continue };
            if !change.is_finite() || change.abs() <= noise.max(NOISE_LEAST) {
                continue;
            }
            moved += 1;
            // Writing to a string never fails.
            let _ = writeln!(
                text,
                "{} {:+.0}%  {}, {}, {}: {} {}{} -> {}{}",
                if better { "better" } else { "WORSE " },
                change * 100.0,
                row.scenario,
                row.variant,
                row.system,
                figure.name,
                number(from),
                figure.unit,
                number(to),
                figure.unit
            );
        }
    }
    if moved == 0 {
        text.push_str("nothing moved beyond the noise\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Found;
    use crate::figure::{ACK_P50, ACKED, COMMITS};

    fn book(acked: [f64; 2], p50: f64) -> Book {
        let mut book = Book::default();
        for acked in acked {
            let found = Found::default().figure(ACKED, acked).figure(ACK_P50, p50);
            book.add("write", "small", "hub", found.figure(COMMITS, acked));
        }
        book
    }

    #[test]
    fn what_moved_beyond_the_noise_is_told() {
        let text = compare(&book([95.0, 105.0], 2.0), &book([190.0, 210.0], 3.0));
        assert!(text.contains("better +100%  write, small, hub: acked writes 100/s -> 200/s"));
        assert!(text.contains("WORSE  +50%  write, small, hub: ack p50 2.00ms -> 3.00ms"));
        assert!(!text.contains("commits"), "what is neither good nor bad is not told");
        let text = compare(&book([80.0, 120.0], 2.0), &book([90.0, 130.0], 2.0));
        assert!(text.ends_with("nothing moved beyond the noise\n"), "{text}");
    }
}
