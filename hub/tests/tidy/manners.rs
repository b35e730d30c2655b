//! Rules that need one file and nothing else: its opening, its length, its words.
//!
//! A rule here must never need to know what another file holds.

use crate::paths::tokens;
use crate::source::{Finding, IN_LITERAL, Source, is_word};
use crate::{accepts, catches};

/// Past this a file holds more than one thought and becomes a folder.
const FILE_LINES_MAX: usize = 500;

/// Past this a function cannot be seen at one look.
const FUNCTION_LINES_MAX: usize = 70;

/// What rustfmt keeps for code, and this rule for comments.
const COLUMNS_MAX: usize = 100;

/// Names that say nothing, under which anything may gather.
const REFUSED_ROOMS: &[&str] = &[
    "common", "helper", "helpers", "manager", "managers", "misc", "service", "services", "types",
    "util", "utils",
];

/// Written apart, so that this file may speak of them.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Folders that exist on the machine of whoever wrote the line, and nowhere else.
const MACHINE_FOLDERS: &[&str] = &[concat!("/wo", "rk"), concat!("/ro", "ot")];

pub(crate) fn opens_with_its_purpose(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().next().unwrap_or_default();
    if first.strip_prefix("//!").is_some_and(|said| !said.trim().is_empty()) {
        return Vec::new();
    }
    let text = "open the file with `//!` lines: what the room is for, what it must never do";
    vec![source.finding(1, text)]
}

pub(crate) fn is_short(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let text = format!("{lines} lines; the limit is {FILE_LINES_MAX}: make it a folder of rooms");
    vec![source.finding(lines, text)]
}

/// Only for what ships: a test may need to tell a long story.
pub(crate) fn has_short_functions(source: &Source) -> Vec<Finding> {
    let tokens = tokens(&source.code);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    let starts = (0..tokens.len()).filter(|&at| text(at) == "fn" && text(at + 1) != "(");
    for start in starts.filter(|_| source.path.contains("src/")) {
        // A signature ends with the body or, in a trait, with a semicolon outside of brackets.
        let (mut depth, mut brackets, mut end) = (0_i32, 0_i32, start);
        while end < tokens.len() {
            match text(end) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "[" | "(" => brackets += 1,
                "]" | ")" => brackets -= 1,
                _ => {}
            }
            let done = matches!(text(end), "}") || (text(end) == ";" && brackets == 0);
            if depth <= 0 && done {
                break;
            }
            end += 1;
        }
        let last = tokens.get(end).map_or(tokens[start].line, |token| token.line);
        let lines = last - tokens[start].line + 1;
        if lines > FUNCTION_LINES_MAX {
            let what = text(start + 1);
            let text = format!("`{what}` has {lines} lines; {FUNCTION_LINES_MAX} is the limit");
            found.push(source.finding(tokens[start].line, text));
        }
    }
    found
}

/// A literal or an address that cannot be broken is excused; what stands around it is not.
pub(crate) fn has_short_lines(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().zip(source.code.lines()).enumerate();
    let mut found = Vec::new();
    for (number, (text, code)) in lines.filter(|(_, (text, _))| !text.contains("://")) {
        let in_literals = code.chars().filter(|&c| c == IN_LITERAL).count();
        let columns = text.chars().count().saturating_sub(in_literals);
        if columns > COLUMNS_MAX {
            let text = format!("{columns} columns; break the line at {COLUMNS_MAX}");
            found.push(source.finding(number + 1, text));
        }
    }
    found
}

pub(crate) fn is_well_named(source: &Source) -> Vec<Finding> {
    let text = |room: &str| format!("`{room}` says nothing: name the room after what it holds");
    let parts = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
    let files = parts.filter(|part| REFUSED_ROOMS.contains(part)).map(|part| (1, text(part)));
    let tokens = tokens(&source.code);
    let inline = tokens
        .windows(3)
        .filter(|w| w[0].text == "mod" && w[2].text == "{")
        .filter(|w| REFUSED_ROOMS.contains(&w[1].text.as_str()))
        .map(|w| (w[1].line, text(&w[1].text)));
    files.chain(inline).map(|(line, text)| source.finding(line, text)).collect()
}

/// A test that never runs, a doc test that is not compiled, a function that is not written.
pub(crate) fn skips_no_test(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, (text, code)) in source.text.lines().zip(source.code.lines()).enumerate() {
        let code: String = code.split_whitespace().collect();
        let ignored =
            code.contains("#[ignore") || (code.contains("#[cfg_attr(") && code.contains(",ignore"));
        let comment = text.trim_start().trim_start_matches(['/', '!', '*']).trim_start();
        if ignored || (comment.starts_with("```") && comment.contains("ignore")) {
            found
                .push(source.finding(number + 1, "a test that is not run proves nothing: mend it"));
        }
        if code.contains("todo!") || code.contains("unimplemented!") {
            found.push(source.finding(number + 1, "write it, or leave it out"));
        }
    }
    found
}

pub(crate) fn leaves_nothing_for_later(source: &Source) -> Vec<Finding> {
    let later = |line: &str| UNFINISHED.iter().find(|word| has_word(line, word));
    let lines = source.text.lines().enumerate();
    lines
        .filter_map(|(number, line)| later(line).map(|word| (number + 1, word)))
        .map(|(line, word)| source.finding(line, format!("{word}: do it now, or leave it out")))
        .collect()
}

pub(crate) fn names_no_machine(source: &Source) -> Vec<Finding> {
    let names = |line: &str| MACHINE_FOLDERS.iter().find(|folder| has_folder(line, folder));
    let lines = source.text.lines().enumerate();
    lines
        .filter_map(|(number, line)| names(line).map(|folder| (number + 1, folder)))
        .map(|(line, folder)| {
            source
                .finding(line, format!("{folder} is a folder of one machine: use a relative path"))
        })
        .collect()
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_word) && !line[at + word.len()..].starts_with(is_word)
    })
}

/// Whether an absolute path begins with `folder`; a part of a longer path does not count.
fn has_folder(line: &str, folder: &str) -> bool {
    let part_of_path = |c: char| is_word(c) || matches!(c, '.' | '-' | '/' | '}' | '*');
    line.match_indices(folder).any(|(at, _)| {
        let rest = &line[at + folder.len()..];
        !line[..at].ends_with(part_of_path)
            && !rest.starts_with(|c: char| is_word(c) || c == '-' || c == '.')
    })
}

#[test]
fn a_file_without_a_purpose_is_caught() {
    catches(opens_with_its_purpose, "hub/src/hub.rs", "use std::fmt;\n", "//!");
    catches(opens_with_its_purpose, "hub/src/hub.rs", "//!\nfn f() {}\n", "//!");
    catches(opens_with_its_purpose, "hub/tests/sync.rs", "", "//!");
    accepts(opens_with_its_purpose, "hub/src/hub.rs", "//! The door.\n");
}

#[test]
fn a_long_file_is_caught() {
    catches(is_short, "hub/src/hub.rs", &"//! x\n".repeat(FILE_LINES_MAX + 1), "501 lines");
    accepts(is_short, "hub/src/hub.rs", &"//! x\n".repeat(FILE_LINES_MAX));
}

#[test]
fn a_long_function_is_caught() {
    let function = |lines: usize| {
        let body = "    if a { b[0; 1]; }\n".repeat(lines - 2);
        format!("//! x\nfn short() {{}}\nfn long(a: [u8; 2]) {{\n{body}}}\nfn after() {{}}\n")
    };
    catches(has_short_functions, "hub/src/hub.rs", &function(71), "`long` has 71 lines");
    accepts(has_short_functions, "hub/src/hub.rs", &function(70));
    accepts(has_short_functions, "hub/tests/sync.rs", &function(200));
    let bodiless = "trait T { fn f(&self); }\n".to_owned() + &"const A: u8 = 1;\n".repeat(100);
    accepts(has_short_functions, "hub/src/hub.rs", &bodiless);
}

#[test]
fn a_wide_line_is_caught() {
    let wide = |start: &str, end: &str| format!("//! x\n{start}{}{end}\n", "x".repeat(95));
    catches(has_short_lines, "hub/src/hub.rs", &wide("// long ", ""), "columns");
    catches(has_short_lines, "hub/src/hub.rs", &wide("let x = ", ";"), "columns");
    accepts(has_short_lines, "hub/src/hub.rs", &wide("let x = \"", "\";"));
    accepts(has_short_lines, "hub/src/hub.rs", &wide("// https://example.org/", ""));
}

#[test]
fn a_room_without_a_meaning_is_caught() {
    catches(is_well_named, "hub/src/utils.rs", "//! x\n", "`utils`");
    catches(is_well_named, "protocol/src/common/mod.rs", "//! x\n", "`common`");
    catches(is_well_named, "hub/src/hub.rs", "//! x\nmod helpers { }\n", "`helpers`");
    accepts(is_well_named, "hub/src/hub.rs", "//! x\n// no mod utils { } here\n");
}

#[test]
fn a_skipped_test_is_caught() {
    catches(skips_no_test, "hub/tests/sync.rs", "#[test]\n#[ignore = \"slow\"]\n", ":2:");
    catches(skips_no_test, "hub/tests/sync.rs", "#[cfg_attr(unix, ignore)]\n", "not run");
    catches(skips_no_test, "hub/src/lib.rs", "/// ```rust,ignore\n", "not run");
    catches(skips_no_test, "hub/src/hub.rs", "fn f() { todo!() }\n", "write it");
    accepts(skips_no_test, "hub/src/hub.rs", "// #[ignore]\nlet x = \"todo!\"; // ignore\n");
}

#[test]
fn work_left_for_later_is_caught() {
    for word in UNFINISHED {
        let text = format!("fn f() {{}}\n// {word}: later\n");
        catches(leaves_nothing_for_later, "hub/src/hub.rs", &text, ":2:");
        catches(leaves_nothing_for_later, "README.md", &format!("({word})"), word);
        accepts(leaves_nothing_for_later, "hub/src/hub.rs", &format!("let MY_{word} = 1;"));
    }
}

#[test]
fn a_path_of_one_machine_is_caught() {
    for folder in MACHINE_FOLDERS {
        let planted = format!("let p = \"{folder}/data\";\n");
        catches(names_no_machine, "hub/src/hub.rs", &planted, folder);
        catches(names_no_machine, "README.md", &format!("cd {folder}\n"), folder);
        accepts(names_no_machine, "README.md", &format!("./a{folder}/b, {folder}ing, x{folder}\n"));
    }
}
