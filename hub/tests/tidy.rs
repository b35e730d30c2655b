//! The house rules, kept by a test: what a reviewer would have to say again and again is said here.
//!
//! Reads the sources of the whole workspace as text and judges them rule by rule. It must never
//! judge taste: each rule is a yes or a no, names the line, and says what to do. Each rule also has
//! a test of its own, which plants a violation and sees it caught.
//!
//! - `source`: the files, and what in them is code, string or comment.
//! - `paths`: the paths that code names, with their imports unfolded.
//! - `manners`: rules for one file: its opening, its length, its words.
//! - `staircase`: who may import whom.
//! - `map`: what ARCHITECTURE.md must name.

use std::path::Path;

#[path = "tidy/manners.rs"]
mod manners;
#[path = "tidy/map.rs"]
mod map;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/staircase.rs"]
mod staircase;

use source::{Finding, Source};

/// A rule judges one file by itself.
type Rule = fn(&Source) -> Vec<Finding>;

/// Rules for every Rust file.
const FOR_RUST: &[Rule] = &[
    manners::opens_with_its_purpose,
    manners::is_short,
    manners::has_short_functions,
    manners::has_short_lines,
    manners::is_well_named,
    manners::skips_no_test,
    staircase::goes_down_only,
    staircase::keeps_the_protocol_pure,
];

/// Rules for every text that people read, Rust files included.
const FOR_ALL: &[Rule] = &[manners::leaves_nothing_for_later, manners::names_no_machine];

/// Folders whose Rust files must be there; finding none means that the search is broken.
const CRATES: &[&str] = &["protocol/", "hub/", "clients/rust/"];

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("hub/ lies in the workspace");
    let sources = source::read_all(root);
    for folder in CRATES {
        let found = sources.iter().any(|s| s.is_rust() && s.path.starts_with(folder));
        assert!(found, "no Rust file found in {folder}: is the search for sources broken?");
    }
    let findings = sources.iter().flat_map(judge).chain(map::is_complete(&sources));
    let findings: Vec<String> = findings.map(|finding| finding.to_string()).collect();
    assert!(findings.is_empty(), "{} to put right:\n{}", findings.len(), findings.join("\n"));
}

fn judge(source: &Source) -> Vec<Finding> {
    let for_rust = if source.is_rust() { FOR_RUST } else { &[] };
    FOR_ALL.iter().chain(for_rust).flat_map(|rule| rule(source)).collect()
}

/// What `rule` says of a made-up file: each finding as the text that people see.
fn said_of(rule: Rule, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(path, text)).iter().map(Finding::to_string).collect()
}

/// Asserts that `rule` finds exactly one fault in a made-up file, and that its message has `word`.
#[track_caller]
fn catches(rule: Rule, path: &str, text: &str, word: &str) {
    let said = said_of(rule, path, text);
    assert_eq!(said.len(), 1, "one fault was planted in {path}: {text}\nfound: {said:?}");
    assert!(said[0].contains(word), "expected {word:?} in {:?}", said[0]);
}

/// Asserts that `rule` finds nothing to say about a made-up file.
#[track_caller]
fn accepts(rule: Rule, path: &str, text: &str) {
    let said = said_of(rule, path, text);
    assert!(said.is_empty(), "nothing is wrong with {path}: {text}\nfound: {said:?}");
}
