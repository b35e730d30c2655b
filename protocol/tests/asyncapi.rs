//! The AsyncAPI document names every frame that the code knows, under its kind, and no other.

use std::collections::BTreeSet;

const FRAMES: &str = include_str!("../src/frame.rs");
const DOCUMENT: &str = include_str!("../asyncapi.yaml");
const SPECIFICATION: &str = include_str!("../PROTOCOL.md");

/// The variants of an enum in the source: the names at its first level.
fn variants(name: &str) -> Vec<&'static str> {
    let head = format!("pub enum {name} {{");
    let body = FRAMES.split_once(&head).expect("the enum is there").1;
    let body = body.split_once("\n}").expect("the enum ends").0;
    let names = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(line)).collect()
}

/// The messages of the document, each with its kind: the `const` of its first item.
fn messages() -> Vec<(&'static str, u64)> {
    let section = DOCUMENT.split_once("\n  messages:\n").expect("it has messages").1;
    let section = section.split_once("\n  schemas:\n").expect("schemas follow").0;
    let mut found = Vec::new();
    let mut name = "";
    for line in section.lines() {
        if let Some(text) = line.strip_prefix("    ").filter(|it| !it.starts_with(' ')) {
            name = text.strip_suffix(':').expect("a message's name");
        } else if let Some(kind) = line.trim().strip_prefix("const: ") {
            found.push((name, kind.parse().expect("a kind is a number")));
        }
    }
    found
}

#[test]
fn every_frame_is_a_message_and_every_message_a_frame() {
    let of = |side: &str, name: &str| {
        variants(name).into_iter().map(move |it| side.to_owned() + it).collect::<Vec<_>>()
    };
    let frames: BTreeSet<String> =
        of("client", "ClientFrame").into_iter().chain(of("hub", "HubFrame")).collect();
    assert!(frames.contains("clientHello") && frames.contains("hubGoodbye"), "{frames:?}");
    let named: BTreeSet<String> = messages().iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(frames, named);
    for name in &named {
        let uses = DOCUMENT.matches(&format!("/messages/{name}'")).count();
        assert_eq!(uses, 2, "{name} is in the channel and in an operation");
    }
}

/// `### 34 snapshot begin` of the specification is the message `hubSnapshotBegin` of kind 34.
#[test]
fn kinds_are_those_of_the_specification() {
    let heads = SPECIFICATION.lines().filter_map(|line| {
        let (kind, name) = line.strip_prefix("### ")?.split_once(' ')?;
        Some((kind.parse::<u64>().ok()?, name.replace(' ', "")))
    });
    let heads: BTreeSet<(u64, String)> = heads.collect();
    let told = messages().into_iter().map(|(name, kind)| {
        let name = name.strip_prefix("client").or(name.strip_prefix("hub")).unwrap_or(name);
        (kind, name.to_lowercase())
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), heads);
}
