//! The files that the rules judge, and which of their characters are code.
//!
//! Knows just enough of Rust to tell code, strings and comments apart; it must never try to
//! understand more, for a rule that needs a parser belongs to clippy.

use std::fmt;
use std::fs;
use std::path::Path;

/// Stands in `Source::code` for each character of a string or character literal.
pub(crate) const IN_LITERAL: char = '"';

/// Folders that hold what was built, fetched or recorded, not written.
const NOT_OURS: &[&str] =
    &["target", "node_modules", "dist", "__pycache__", "syncline-data", "proptest-regressions"];

/// Texts that people read and write, by the ending of their names.
const TEXTS: &[&str] = &[
    "rs", "md", "toml", "yaml", "yml", "sh", "py", "ts", "tsx", "js", "css", "html", "service",
    "conf",
];

/// Texts whose names have no ending.
const TEXTS_BY_NAME: &[&str] =
    &["Makefile", "Dockerfile", "Caddyfile", "run", ".dockerignore", ".gitignore"];

/// One file, once as written and once with only its code left.
pub(crate) struct Source {
    /// Path from the root of the workspace, with `/` between its parts.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// As long as `text`, but with blanks for comments and [`IN_LITERAL`] for literals.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { only_code(text) } else { text.to_owned() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn finding(&self, line: usize, text: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, text: text.into() }
    }
}

/// One breach of one rule, with the place to go to and what to do there.
pub(crate) struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Every text below `root` that people wrote, in order of path.
pub(crate) fn read_all(root: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    read_folder(root, "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn read_folder(folder: &Path, prefix: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be listed") {
        let entry = entry.expect("an entry of a listed folder can be read");
        let kind = entry.file_type().expect("an entry of a listed folder has a type");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if kind.is_dir() && is_ours(&entry.path(), &name) {
            read_folder(&entry.path(), &format!("{path}/"), found);
        } else if kind.is_file() && is_text(&name) {
            let bytes = fs::read(entry.path()).expect("a file of the workspace can be read");
            found.push(Source::new(&path, &String::from_utf8_lossy(&bytes)));
        }
    }
}

/// Build folders elsewhere in the tree carry the tag by which tools know a cache.
fn is_ours(folder: &Path, name: &str) -> bool {
    let hidden = name.starts_with('.') && name != ".ci";
    !hidden && !NOT_OURS.contains(&name) && !folder.join("CACHEDIR.TAG").exists()
}

fn is_text(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    TEXTS_BY_NAME.contains(&name) || ending.is_some_and(|e| TEXTS.contains(&e))
}

fn only_code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let (end, fill) = if let Some(end) = comment_end(&chars, at) {
            (end, Some(' '))
        } else if let Some(end) = literal_end(&chars, at) {
            (end, Some(IN_LITERAL))
        } else {
            (at + 1, None)
        };
        let kept = chars[at..end].iter();
        code.extend(kept.map(|&c| if c == '\n' { c } else { fill.unwrap_or(c) }));
        at = end;
    }
    code
}

/// Where the comment that begins at `at` ends, if one does. Block comments nest.
fn comment_end(chars: &[char], at: usize) -> Option<usize> {
    match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => Some(find(chars, at, |c| c == '\n')),
        ('/', Some('*')) => {
            let (mut depth, mut next) = (1, at + 2);
            while depth > 0 && next < chars.len() {
                match (chars[next], chars.get(next + 1)) {
                    ('/', Some('*')) => (depth, next) = (depth + 1, next + 2),
                    ('*', Some('/')) => (depth, next) = (depth - 1, next + 2),
                    _ => next += 1,
                }
            }
            Some(next)
        }
        _ => None,
    }
}

/// Where the string or character literal that begins at `at` ends, if one does.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    match chars[at] {
        '"' => Some(quoted_end(chars, at, '"')),
        '\'' => {
            let is_lifetime = chars.get(at + 1) != Some(&'\\') && chars.get(at + 2) != Some(&'\'');
            (!is_lifetime).then(|| quoted_end(chars, at, '\''))
        }
        'r' | 'b' | 'c' if at == 0 || !is_word(chars[at - 1]) => raw_end(chars, at),
        _ => None,
    }
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut next = at + 1;
    while next < chars.len() && chars[next] != quote {
        next += if chars[next] == '\\' { 2 } else { 1 };
    }
    (next + 1).min(chars.len())
}

/// `r"..."`, `br#"..."#` and their like; none for words that only begin with such a letter.
fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let r = if chars[at] == 'r' { at } else { at + 1 };
    if chars.get(r) != Some(&'r') {
        return None;
    }
    let open = find(chars, r + 1, |c| c != '#');
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.resize(open - r, '#');
    let body = &chars[open + 1..];
    let length = body.windows(close.len()).position(|w| w == close);
    Some(length.map_or(chars.len(), |l| open + 1 + l + close.len()))
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|&c| wanted(c)).map_or(chars.len(), |offset| from + offset)
}

/// Whether a character can be part of a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn comments_and_literals_are_not_code() {
    let check = |text: &str, expected: &str| {
        let code = only_code(text);
        assert_eq!(code.replace(IN_LITERAL, "_").trim_end(), expected, "of {text}");
        assert_eq!(code.chars().count(), text.chars().count(), "columns stay true");
    };
    check("a // b \"c\n d", "a        \n d");
    check("a /* b /* c */ d */ e", "a                   e");
    check("f(\"x // \\\" y\", 1)", "f(___________, 1)");
    check("let c = '\"'; g('\\'', 'x)", "let c = ___; g(____, 'x)");
    check("br#\"a \" b\"# + r\"\\\" + r#fn", "___________ + ____ + r#fn");
    check("fn f<'a>(b: &'a str) {}", "fn f<'a>(b: &'a str) {}");
    check("\"never closed", "_____________");
}

#[test]
fn built_and_foreign_files_are_left_out() {
    assert!(is_text("lib.rs") && is_text("Makefile") && !is_text("photo.png"));
    assert!(!is_text("Cargo.lock") && !is_text("LICENSE-MIT"));
    let nowhere = Path::new("nowhere");
    assert!(is_ours(nowhere, "src") && is_ours(nowhere, ".ci"));
    assert!(!is_ours(nowhere, "target") && !is_ours(nowhere, ".git"));
}
