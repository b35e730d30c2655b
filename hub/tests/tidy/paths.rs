//! The paths that code names, in `use` lines and elsewhere, with braces unfolded.
//!
//! `use crate::{hub, store::{self, log}};` names `crate::hub`, `crate::store::self` and
//! `crate::store::log`. It must never guess at what macros will write.

use crate::source::{Source, is_word};

/// One path as one place names it.
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    /// Counted from 1.
    pub(crate) line: usize,
    /// What stands between the `::`; a glob is `*`.
    pub(crate) segments: Vec<String>,
    /// The modules around the place that are written in the same file, outermost first.
    pub(crate) modules: Vec<String>,
    /// Whether the place is compiled for tests only.
    pub(crate) in_test: bool,
    /// Whether the path is what a `use` or an `extern crate` brings in.
    pub(crate) imported: bool,
}

/// Every path in the code of `source`, names of one segment included.
pub(crate) fn of(source: &Source) -> Vec<Named> {
    let mut walk = Walk { tokens: tokens(&source.code), scopes: Vec::new(), test_next: false };
    walk.run()
}

/// A word, a `::`, or any other single character, and the line that it stands on.
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Token {
    fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| is_word(c) && !c.is_numeric())
    }
}

pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut joins = false;
    for (number, text) in code.lines().enumerate() {
        for c in text.chars() {
            let after = tokens.last_mut().filter(|_| joins);
            joins = is_word(c) || c == ':';
            match after {
                Some(last) if is_word(c) && last.text.ends_with(is_word) => last.text.push(c),
                Some(last) if c == ':' && last.text == ":" => last.text.push(c),
                _ if c.is_whitespace() => {}
                _ => tokens.push(Token { line: number + 1, text: c.to_string() }),
            }
        }
        joins = false;
    }
    tokens
}

/// A pair of braces around the place that is looked at.
struct Scope {
    module: Option<String>,
    for_tests: bool,
}

struct Walk {
    tokens: Vec<Token>,
    scopes: Vec<Scope>,
    /// A `#[cfg(test)]` was read and what it belongs to has not begun.
    test_next: bool,
}

impl Walk {
    fn run(&mut self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            match self.text(at) {
                "{" => self.open(at),
                "}" => drop(self.scopes.pop()),
                ";" => self.test_next = false,
                "#" if self.reads(at, &["#", "[", "cfg", "(", "test", ")", "]"]) => {
                    self.test_next = true;
                }
                _ if self.begins_path(at) => {
                    at = self.name(at, &mut found);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn reads(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.text(at + offset) == *word)
    }

    fn open(&mut self, at: usize) {
        let named = at >= 2 && self.text(at - 2) == "mod";
        let module = named.then(|| self.text(at - 1).to_owned());
        self.scopes.push(Scope { module, for_tests: self.test_next });
        self.test_next = false;
    }

    /// A name goes on with a path when `::` and something nameable stand before it.
    fn begins_path(&self, at: usize) -> bool {
        let goes_on = at >= 2
            && self.text(at - 1) == "::"
            && (self.tokens[at - 2].is_name() || self.closes_type(at - 2));
        self.tokens[at].is_name() && !goes_on
    }

    /// The `>` of `<T as Trait>::Name`, not that of an arrow.
    fn closes_type(&self, at: usize) -> bool {
        self.text(at) == ">" && self.text(at.saturating_sub(1)) != "-"
    }

    fn name(&self, at: usize, found: &mut Vec<Named>) -> usize {
        let mut before = at.saturating_sub(1);
        if self.text(before) == "::" {
            before = before.saturating_sub(1);
        }
        let imported = matches!(self.text(before), "use" | "crate");
        let in_test = self.test_next || self.scopes.iter().any(|scope| scope.for_tests);
        let modules: Vec<String> =
            self.scopes.iter().filter_map(|scope| scope.module.clone()).collect();
        let mut unfolded = Vec::new();
        let end = self.unfold(at, Vec::new(), &mut unfolded);
        found.extend(unfolded.into_iter().map(|(line, segments)| Named {
            line,
            segments,
            modules: modules.clone(),
            in_test,
            imported,
        }));
        end
    }

    /// Reads one tree of paths and returns the place after it.
    fn unfold(
        &self,
        mut at: usize,
        mut prefix: Vec<String>,
        found: &mut Vec<(usize, Vec<String>)>,
    ) -> usize {
        let line = self.tokens[at].line;
        loop {
            match self.tokens.get(at) {
                Some(token) if token.is_name() || token.text == "*" => {
                    prefix.push(token.text.clone());
                }
                Some(token) if token.text == "{" => return self.unfold_group(at, &prefix, found),
                _ => break,
            }
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        found.push((line, prefix));
        at
    }

    fn unfold_group(
        &self,
        mut at: usize,
        prefix: &[String],
        found: &mut Vec<(usize, Vec<String>)>,
    ) -> usize {
        at += 1;
        while at < self.tokens.len() && self.text(at) != "}" {
            at = self.unfold(at, prefix.to_vec(), found);
            // A new name after `as` says nothing about where the thing comes from.
            while at < self.tokens.len() && !matches!(self.text(at), "," | "}") {
                at += 1;
            }
            if self.text(at) == "," {
                at += 1;
            }
        }
        at + 1
    }
}

#[test]
fn imports_unfold_and_paths_are_seen_everywhere() {
    let named = |text: &str| -> Vec<String> {
        let all = of(&Source::new("x.rs", text));
        all.iter().map(|n| n.segments.join("::")).filter(|p| p.contains("::")).collect()
    };
    assert_eq!(
        named("use a::{b, c::{self, d as e}, f::*,}; g::h();"),
        ["a::b", "a::c::self", "a::c::d", "a::f::*", "g::h"]
    );
    assert_eq!(named("fn f(x: Vec<a::B>) -> ::c::D { e::<T>(1) as F::G }")[..2], ["a::B", "c::D"]);
    assert_eq!(named("use a::\n    b; // c::d\nlet x = \"e::f\";"), ["a::b"]);
    assert_eq!(named("use a::{"), Vec::<String>::new());
}

#[test]
fn places_know_their_modules_and_whether_they_are_tests() {
    let text = "use a::b; mod m { use c::d; } #[cfg(test)] mod tests { use e::f; } fn g() { h::i }";
    let all = of(&Source::new("x.rs", text));
    let place = |path: &str| {
        let found = all.iter().find(|n| n.segments.join("::") == path).expect("the path is named");
        (found.modules.join("::"), found.in_test, found.imported)
    };
    assert_eq!(place("a::b"), (String::new(), false, true));
    assert_eq!(place("c::d"), ("m".to_owned(), false, true));
    assert_eq!(place("e::f"), ("tests".to_owned(), true, true));
    assert_eq!(place("h::i"), (String::new(), false, false));
}
