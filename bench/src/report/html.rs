//! A run as one page that opens without a network: what was measured, on what, by whom, with plots.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::table::{heading, number};
use super::{bars, plot};
use crate::book::{Book, Row, median, spread};
use crate::figure::{self, Better, Figure};
use crate::target::Failure;

/// Figures that a ratio bar is drawn of, where a row has them.
const COMPARED: [Figure; 6] = [
    figure::DELIVERIES,
    figure::ACKED,
    figure::RECORDS,
    figure::SECONDS,
    figure::SESSION_BYTES,
    figure::WIRE_RECORD,
];

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --good: #198754; --bad: #b02a37; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { margin: 2.2rem 0 .4rem; font-size: 1.15rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
.scroll { overflow-x: auto; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
td.words { white-space: normal; overflow-wrap: anywhere; } small, .quiet { opacity: .7; }
code { font-size: .9em; overflow-wrap: anywhere; }
.holds { color: var(--good); } .fails { color: var(--bad); font-weight: 600; }
.bar { display: grid; grid-template-columns: 9rem 1fr 9rem; gap: .6rem; align-items: center; }
.bar div { height: .8rem; border-radius: 3px; } .plots { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: .6rem 0; } figcaption { font-size: .9rem; opacity: .8; }
svg { max-width: 100%; height: auto; border-radius: 6px; }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin: 0 .3rem 0 .8rem; }
";

/// The page.
pub(crate) fn page(book: &Book) -> Result<String, Failure> {
    let mut groups = Vec::new();
    for rows in grouped(book) {
        groups.push(group(book, &rows)?);
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "syncline-bench, " (book.run.began) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "syncline-bench" }
                p { (heading(book)) br; code { (book.run.command) } }
                (systems(book))
                (verdicts(book))
                @for group in &groups { (group) }
            }
        }
    };
    Ok(page.into_string())
}

fn systems(book: &Book) -> Markup {
    html! {
        h2 { "Systems" }
        div.scroll { table {
            tr { th { "system" } th { "version" } th { "an acknowledgement means" } }
            @for (name, system) in &book.systems {
                tr {
                    td { (key(book, name)) (name) }
                    td.words { (system.version) }
                    td.words {
                        (system.acknowledges)
                        @if let Some(missing) = &system.missing {
                            br; small { "not measured: " (missing) }
                        }
                    }
                }
            }
        } }
    }
}

fn verdicts(book: &Book) -> Markup {
    let bars = bars::judged(book);
    html! {
        @if !bars.is_empty() {
            h2 { "Bars" }
            p.quiet { "Medians of the ratios within each round." }
            div.scroll { table {
                @for bar in &bars {
                    tr {
                        td class=(if bar.holds { "holds" } else { "fails" }) {
                            (if bar.holds { "holds" } else { "fails" })
                        }
                        td { (number(bar.value)) }
                        td.words { (bar.text) }
                    }
                }
            } }
        }
    }
}

/// Rows of one scenario and size, together.
fn grouped(book: &Book) -> Vec<Vec<&Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in &book.rows {
        let same = |group: &&mut Vec<&Row>| {
            group[0].scenario == row.scenario && group[0].variant == row.variant
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn group(book: &Book, rows: &[&Row]) -> Result<Markup, Failure> {
    let mut names: Vec<&str> = Vec::new();
    for (figure, _) in rows.iter().flat_map(|row| row.kinds()) {
        if !names.contains(&figure.name) {
            names.push(figure.name);
        }
    }
    let plots = plots(book, rows)?;
    Ok(html! {
        h2 { (rows[0].scenario) ", " (rows[0].variant) }
        (ratios(book, rows))
        div.scroll { table {
            tr {
                th { "system" }
                @for name in &names { th { (name) } }
            }
            @for row in rows { tr {
                td { (row.system) }
                @if row.figures.is_empty() {
                    td.words colspan=(names.len().max(1)) {
                        small { (row.absent.as_deref().unwrap_or("nothing was found")) }
                    }
                } @else {
                    @for name in &names { td { (cell(row, name)) } }
                }
            } }
        } }
        div.plots { @for plot in &plots { (plot) } }
    })
}

/// The middle of a figure with its unit, and how far the rounds lie apart.
fn cell(row: &Row, name: &str) -> Markup {
    let found = row.kinds().find(|(figure, _)| figure.name == name);
    let Some((figure, rounds)) = found else { return html! {} };
    let noise = spread(rounds).filter(|_| rounds.len() > 1);
    html! {
        @if let Some(middle) = median(rounds) { (number(middle)) " " (figure.unit) }
        @if let Some(noise) = noise { small { " ±" (format!("{:.0}", noise * 100.0)) " %" } }
    }
}

/// The figure that this group is about, as bars beside each other.
fn ratios(book: &Book, rows: &[&Row]) -> Markup {
    let value = |row: &Row, figure: Figure| median(row.figures.get(figure.name)?);
    let about = COMPARED
        .into_iter()
        .find(|figure| rows.iter().filter(|row| value(row, *figure).is_some()).count() > 1);
    let Some(figure) = about else { return html! {} };
    let found: Vec<_> = rows.iter().filter_map(|row| Some((row, value(row, figure)?))).collect();
    let most = found.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let way = match figure.better {
        Better::Higher => "more is better",
        Better::Lower => "less is better",
        Better::Neither => "",
    };
    html! {
        p.quiet { (figure.name) ", " (figure.unit) "; " (way) }
        @for (row, value) in &found {
            div.bar {
                span { (row.system) }
                div style=(format!("width:{:.1}%;background:{}", value / most * 100.0,
                    colour(book, &row.system))) {}
                span { (number(*value)) }
            }
        }
    }
}

/// Latency curves and timelines of a group.
fn plots(book: &Book, rows: &[&Row]) -> Result<Vec<Markup>, Failure> {
    let mut plots = Vec::new();
    let mut kinds: Vec<&String> = rows.iter().flat_map(|row| row.timelines.keys()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let curves: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((place(book, &row.system), row.curves.get(kind)?.as_slice())))
            .collect();
        if !curves.is_empty() {
            let caption = format!("{kind}: latency by percentile, all rounds");
            plots.push(framed(&caption, &plot::latency(&curves)?, book, rows));
        }
        let lines: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((place(book, &row.system), row.timelines.get(kind)?)))
            .filter(|(_, line)| line.rates.len() > 1)
            .collect();
        if !lines.is_empty() {
            let caption = format!("{kind}: events a second over the last round");
            plots.push(framed(&caption, &plot::timeline(&lines)?, book, rows));
        }
    }
    Ok(plots)
}

fn framed(caption: &str, svg: &str, book: &Book, rows: &[&Row]) -> Markup {
    let shown = rows.iter().filter(|row| !row.timelines.is_empty());
    html! {
        figure {
            (PreEscaped(svg))
            figcaption {
                (caption)
                @for row in shown { (key(book, &row.system)) (row.system) }
            }
        }
    }
}

fn key(book: &Book, system: &str) -> Markup {
    html! { span.key style=(format!("background:{}", colour(book, system))) {} }
}

fn colour(book: &Book, system: &str) -> &'static str {
    plot::COLOURS[place(book, system) % plot::COLOURS.len()]
}

/// A system's place among all, which its colour follows; the hub is the first.
fn place(book: &Book, system: &str) -> usize {
    match system {
        "hub" => 0,
        _ => {
            let others = book.systems.keys().filter(|name| *name != "hub");
            others.into_iter().position(|name| name == system).map_or(7, |at| at + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{Found, System};
    use crate::tally::{Events, Span};

    #[test]
    fn a_page_holds_all_and_asks_for_nothing() {
        let mut book = Book::default();
        book.run.command = "syncline-bench run <b>".to_owned();
        book.systems.insert("hub".to_owned(), System::default());
        let (span, mut events) = (Span { begin_ns: 0, end_ns: 500_000_000 }, Events::default());
        for at in 0..50 {
            events.count(&span, at * 10_000_000, 3);
            events.time(1_000_000 + at);
        }
        let found = Found::default().figure(figure::ACKED, 1234.0).events("ack", events);
        book.add("write", "small", "hub", found);
        book.absent("write", "small", "paper", "it has no wire");
        let page = page(&book).unwrap();
        for part in ["run &lt;b&gt;", "1234 /s", "it has no wire", "<svg", "latency by percentile"]
        {
            assert!(page.contains(part), "{part} is missing");
        }
        for outside in ["src=", "href=", "@import", "<script"] {
            assert!(!page.contains(outside), "{outside} would need a network");
        }
    }
}
