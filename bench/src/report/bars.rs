//! The bars: what the hub has set itself to reach, as ratios within the rounds of one run.
//!
//! A bar of which a part was not measured is not judged.

use crate::book::{Book, median};
use crate::figure::{self, Figure};
use crate::scenario::WITHOUT;

/// The hub's name in reports, and those of what it is held against.
const HUB: &str = "hub";
const CEILING: &str = "ceiling";
const BARE: &str = "bare redb";

/// A bar that was judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// What was asked.
    pub(crate) text: String,
    /// What was found.
    pub(crate) value: f64,
    /// Whether it is enough.
    pub(crate) holds: bool,
}

/// Where a figure stands.
#[derive(Debug, Clone, Copy)]
struct At<'a>(&'a str, &'a str, &'a str, Figure);

/// What is enough.
#[derive(Debug, Clone, Copy)]
enum Enough {
    AtLeast(f64),
    AtMost(f64),
}

impl Enough {
    fn judge(self, text: &str, value: f64) -> Judged {
        let (sign, bound, holds) = match self {
            Self::AtLeast(bound) => (">=", bound, value >= bound),
            Self::AtMost(bound) => ("<=", bound, value <= bound),
        };
        Judged { text: format!("{sign} {bound}: {text}"), value, holds }
    }
}

/// Every bar that can be judged by a run.
pub(crate) fn judged(book: &Book) -> Vec<Judged> {
    let mut bars = Vec::new();
    for variant in variants(book, "fanout").filter(|variant| *variant != "1 listeners") {
        bars.extend(ratio(
            book,
            &format!("fanout, {variant}: deliveries, hub to ceiling"),
            At("fanout", variant, HUB, figure::DELIVERIES),
            At("fanout", variant, CEILING, figure::DELIVERIES),
            Enough::AtLeast(0.9),
        ));
        bars.extend(peers(book, "fanout", variant, figure::DELIVERIES, |_| Some(1.0)));
    }
    bars.extend(write(book));
    bars.extend(latency(book));
    bars.extend(catchup(book));
    bars.extend(storm_and_idle(book));
    bars.extend(growth(book));
    bars.extend(rules(book));
    bars.extend(wire(book));
    bars
}

fn write(book: &Book) -> Vec<Judged> {
    let variant = "1 write a push";
    let mut bars = Vec::from_iter(ratio(
        book,
        "write: acknowledged writes, hub to the bare store",
        At("write", variant, HUB, figure::ACKED),
        At("write", variant, BARE, figure::ACKED),
        Enough::AtLeast(0.6),
    ));
    let durable = |name: &str| book.systems.get(name).is_some_and(|system| system.durable);
    bars.extend(peers(book, "write", variant, figure::ACKED, |name| match name {
        _ if !durable(name) => None,
        name if name.starts_with("nats") => Some(10.0),
        _ => Some(1.0),
    }));
    bars
}

fn latency(book: &Book) -> Vec<Judged> {
    let variant = "10 % load";
    let hub = |figure| At("latency", variant, HUB, figure);
    let bare = |figure| At("latency", variant, BARE, figure);
    let (text, tail) = ("hub's ack to the bare store's commit", "latency at 10 % load");
    let p50 = format!("{tail}: {text}, p50");
    let p99 = format!("{tail}: {text}, p99");
    let after = format!("{tail}: ms from ack to delivery, p99");
    let bars = [
        ratio(book, &p50, hub(figure::ACK_P50), bare(figure::COMMIT_P50), Enough::AtMost(1.5)),
        ratio(book, &p99, hub(figure::ACK_P99), bare(figure::COMMIT_P99), Enough::AtMost(3.0)),
        alone(book, &after, hub(figure::AFTER_ACK_P99), Enough::AtMost(1.0)),
    ];
    bars.into_iter().flatten().collect()
}

fn catchup(book: &Book) -> Vec<Judged> {
    let mut bars = Vec::new();
    for variant in variants(book, "catchup") {
        let hub = |figure| At("catchup", variant, HUB, figure);
        if variant.starts_with("snapshot") {
            bars.extend(ratio(
                book,
                &format!("catchup, {variant}: records a second, hub to bare rows"),
                hub(figure::RECORDS),
                At("catchup", variant, BARE, figure::RECORDS),
                Enough::AtLeast(0.5),
            ));
            continue;
        }
        let text = format!("catchup, {variant}: seconds");
        bars.extend(alone(book, &text, hub(figure::SECONDS), Enough::AtMost(0.02)));
        let text = format!("catchup, {variant}: wire bytes to the changes' own");
        let (wire, own) = (hub(figure::WIRE_BYTES), hub(figure::CHANGED_BYTES));
        bars.extend(ratio(book, &text, wire, own, Enough::AtMost(1.5)));
    }
    bars
}

fn storm_and_idle(book: &Book) -> Vec<Judged> {
    let mut bars = Vec::new();
    for variant in variants(book, "storm") {
        let at = |system, figure| At("storm", variant, system, figure);
        bars.extend(ratio(
            book,
            "storm: until all are live, hub to the ceiling's bare handshakes",
            at(HUB, figure::SECONDS),
            at(CEILING, figure::SECONDS),
            Enough::AtMost(3.0),
        ));
        let (during, quiet) = (at(HUB, figure::BYSTANDER_P99), at(HUB, figure::QUIET_P99));
        let text = "storm: a bystander's p99 to its quiet p99";
        bars.extend(ratio(book, text, during, quiet, Enough::AtMost(10.0)));
        let text = "storm: memory after to before";
        bars.extend(alone(book, text, at(HUB, figure::SETTLED), Enough::AtMost(1.2)));
    }
    for variant in variants(book, "idle") {
        let hub = |figure| At("idle", variant, HUB, figure);
        let text = format!("idle, {variant}: bytes a session");
        bars.extend(alone(book, &text, hub(figure::SESSION_BYTES), Enough::AtMost(10_240.0)));
        let text = format!("idle, {variant}: us of processor a session-second");
        bars.extend(alone(book, &text, hub(figure::SESSION_CPU), Enough::AtMost(5.0)));
    }
    bars
}

fn growth(book: &Book) -> Vec<Judged> {
    let sizes: Vec<&str> = variants(book, "growth write").collect();
    let (Some(small), Some(large)) = (sizes.first(), sizes.last()) else { return Vec::new() };
    if sizes.len() < 2 {
        return Vec::new();
    }
    let write = |size| At("growth write", size, HUB, figure::ACKED);
    let resume = |size| At("growth resume", size, HUB, figure::SECONDS);
    let text = format!("growth: acknowledged writes at {large} to {small}");
    let bars = [
        ratio(book, &text, write(large), write(small), Enough::AtLeast(0.5)),
        ratio(
            book,
            &format!("growth: seconds to resume at {large} to {small}"),
            resume(large),
            resume(small),
            Enough::AtMost(1.5),
        ),
    ];
    bars.into_iter().flatten().collect()
}

fn rules(book: &Book) -> Vec<Judged> {
    let cases = [("rules write", figure::ACKED), ("rules fanout", figure::DELIVERIES)];
    let mut bars = Vec::new();
    for (scenario, figure) in cases {
        for variant in variants(book, scenario).filter(|variant| *variant != WITHOUT) {
            let text = format!("{scenario}: {}, {variant} to none", figure.name);
            let at = |variant| At(scenario, variant, HUB, figure);
            bars.extend(ratio(book, &text, at(variant), at(WITHOUT), Enough::AtLeast(0.85)));
        }
    }
    bars
}

fn wire(book: &Book) -> Vec<Judged> {
    let at = |system| At("wire", "one write", system, figure::WIRE_RECORD);
    let json = "wire: bytes of a typical delta to its JSON form";
    let tinybase = "wire: bytes of a typical delta to TinyBase's";
    let bars = [
        // JSON has one figure for all rounds.
        medians(book, json, at(HUB), at("json"), Enough::AtMost(0.6)),
        medians(book, tinybase, at(HUB), at("tinybase"), Enough::AtMost(1.0)),
    ];
    bars.into_iter().flatten().collect()
}

/// The hub to each peer that was measured, with what is enough there.
fn peers(
    book: &Book,
    scenario: &str,
    variant: &str,
    figure: Figure,
    enough: impl Fn(&str) -> Option<f64>,
) -> Vec<Judged> {
    let is_peer = |name: &&String| ![HUB, CEILING].contains(&name.as_str());
    let bar = |name: &String| {
        let text = format!("{scenario}, {variant}: {}, hub to {name}", figure.name);
        let (hub, peer) = (At(scenario, variant, HUB, figure), At(scenario, variant, name, figure));
        ratio(book, &text, hub, peer, Enough::AtLeast(enough(name)?))
    };
    book.systems.keys().filter(is_peer).filter_map(bar).collect()
}

/// The variants of a scenario, in the order of measuring.
fn variants<'a>(book: &'a Book, scenario: &'a str) -> impl Iterator<Item = &'a str> {
    let of_hub = move |row: &&crate::book::Row| row.scenario == scenario && row.system == HUB;
    book.rows.iter().filter(of_hub).map(|row| row.variant.as_str())
}

/// The median of the ratios within each round.
fn ratio(book: &Book, text: &str, over: At<'_>, under: At<'_>, enough: Enough) -> Option<Judged> {
    let pairs = rounds(book, over).iter().zip(rounds(book, under));
    let ratios: Vec<f64> = pairs.map(|(over, under)| over / under).collect();
    Some(enough.judge(text, median(&ratios).filter(|ratio| ratio.is_finite())?))
}

/// The ratio of the medians.
fn medians(book: &Book, text: &str, over: At<'_>, under: At<'_>, enough: Enough) -> Option<Judged> {
    Some(enough.judge(text, median(rounds(book, over))? / median(rounds(book, under))?))
}

/// A figure by itself.
fn alone(book: &Book, text: &str, at: At<'_>, enough: Enough) -> Option<Judged> {
    Some(enough.judge(text, median(rounds(book, at))?))
}

fn rounds<'a>(book: &'a Book, At(scenario, variant, system, figure): At<'_>) -> &'a [f64] {
    book.rounds(scenario, variant, system, figure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{Found, System};

    fn add(book: &mut Book, system: &str, acked: f64) {
        let found = Found::default().figure(figure::ACKED, acked);
        book.add("write", "1 write a push", system, found);
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let mut book = Book::default();
        // The machine slowed down tenfold in the second round, for both.
        for (hub, bare) in [(700.0, 1000.0), (70.0, 100.0), (500.0, 1000.0)] {
            add(&mut book, HUB, hub);
            add(&mut book, BARE, bare);
        }
        let bars = judged(&book);
        assert_eq!(bars.len(), 1);
        assert!(bars[0].holds && (bars[0].value - 0.7).abs() < 1e-9, "{bars:?}");
    }

    #[test]
    fn only_peers_that_reach_the_disk_are_held_against_writes() {
        let mut book = Book::default();
        for (name, durable) in [("nats-always", true), ("redis", true), ("mosquitto", false)] {
            let system = System { durable, ..System::default() };
            book.systems.insert(name.to_owned(), system);
            add(&mut book, name, 100.0);
        }
        add(&mut book, HUB, 900.0);
        let verdicts: Vec<_> =
            judged(&book).into_iter().map(|bar| (bar.holds, bar.value)).collect();
        assert_eq!(verdicts, [(false, 9.0), (true, 9.0)], "ten times NATS, and ahead of Redis");
    }
}
