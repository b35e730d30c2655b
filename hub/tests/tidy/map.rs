//! ARCHITECTURE.md is a map, and a map that is wrong is worse than none: what it lists must be
//! complete. It must never judge how the map says it.

use crate::paths::tokens;
use crate::source::{Finding, Source};

const MAP: &str = "ARCHITECTURE.md";
const MANIFEST: &str = "Cargo.toml";

/// Everything that the map leaves out.
pub(crate) fn is_complete(sources: &[Source]) -> Vec<Finding> {
    let Some(map) = sources.iter().find(|source| source.path == MAP) else {
        return vec![Source::new(MAP, "").finding(1, "write it: the map of the house is missing")];
    };
    sources
        .iter()
        .flat_map(|source| {
            let mut missing = Vec::new();
            if source.path == MANIFEST {
                missing.extend(dependencies(source).into_iter().filter(|d| !map.names(&d.1)));
            } else if source.path.contains("tests/") && source.is_rust() {
                missing.extend(laws(source).into_iter().filter(|l| !map.names(&l.1)));
            }
            let finding = |(line, name)| source.finding(line, format!("name `{name}` in {MAP}"));
            missing.into_iter().map(finding).collect::<Vec<_>>()
        })
        .collect()
}

impl Source {
    fn names(&self, word: &str) -> bool {
        self.text.contains(&format!("`{word}`"))
    }
}

/// The crates that the workspace chooses from, each with its line.
fn dependencies(manifest: &Source) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (number, line) in manifest.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.trim_end() == "[workspace.dependencies]";
        } else if let Some((name, _)) = line.split_once('=').filter(|_| inside) {
            found.push((number + 1, name.trim().to_owned()));
        }
    }
    found
}

/// The tests of laws: functions called `law_` and a number and what the law says.
fn laws(source: &Source) -> Vec<(usize, String)> {
    let tokens = tokens(&source.code);
    let functions = tokens.windows(2).filter(|pair| pair[0].text == "fn");
    let numbered = |name: &str| {
        name.strip_prefix("law_").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    functions
        .filter(|pair| numbered(&pair[1].text))
        .map(|pair| (pair[1].line, pair[1].text.clone()))
        .collect()
}

#[test]
fn what_the_map_leaves_out_is_caught() {
    let said = |map: &str| {
        let sources = [
            Source::new(MAP, map),
            Source::new(
                MANIFEST,
                "[package]\nname = \"x\"\n[workspace.dependencies]\nrmp = \"0\"\n",
            ),
            Source::new("hub/tests/crash.rs", "fn law_3_durable() {}\nfn law_abiding() {}"),
        ];
        is_complete(&sources).iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(said("`rmp` and `law_3_durable`"), "");
    assert_eq!(said("`law_3_durable`, rmp"), "Cargo.toml:4: name `rmp` in ARCHITECTURE.md");
    assert!(said("`rmp`").contains("crash.rs:1: name `law_3_durable`"));
    assert!(is_complete(&[])[0].to_string().contains("missing"));
}
