//! The worked examples of simple-sync's specification (section 3.8), and the engine against a naive
//! reading of its section 3.3.

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// Rules in the order of adding: principal, item, action, and whether they allow.
fn acl(rules: &[(&str, &str, &str, bool)]) -> Acl {
    let mut acl = Acl::default();
    for (principal, item, action, allows) in rules {
        let subject =
            Subject { principal: pattern(principal), item: pattern(item), action: pattern(action) };
        acl.set(subject, verdict(*allows));
    }
    acl
}

fn verdict(allows: bool) -> Verdict {
    if allows { Verdict::Allow } else { Verdict::Deny }
}

/// Both ways of asking must say the same.
fn allows(acl: &Acl, principal: &str, item: &str, action: &str) -> bool {
    let decided = acl.decide(principal, item, action).is_some_and(|it| it.1 == Verdict::Allow);
    assert_eq!(acl.sight(principal, action, Verdict::Deny).allows(item), decided);
    decided
}

#[test]
fn the_most_specific_item_then_principal_then_action_decides() {
    let edit =
        |rules: &[_], principal: &str, item: &str| allows(&acl(rules), principal, item, "edit");
    let private = [("*", "task.*", "*", true), ("*", "task.private.*", "*", false)];
    assert!(!edit(&[], "alice", "task.1"));
    assert!(edit(&[("*", "*", "*", false), ("alice", "*", "edit", true)], "alice", "task.1"));
    assert!(edit(&[("*", "task.*", "*", true), ("alice", "*", "edit", false)], "alice", "task.1"));
    assert!(!edit(&private, "alice", "task.private.9"));
    assert!(edit(&private, "alice", "task.1"));
    let by_user = [("alice", "task.1", "*", false), ("*", "task.1", "edit", true)];
    assert!(!edit(&by_user, "alice", "task.1"));
    let by_action = [("admin.*", "task.*", "*", false), ("admin.*", "task.*", "edit.*", true)];
    assert!(allows(&acl(&by_action), "admin.bo", "task.1", "edit.title"));
    let exact = [("alice", "task.9", "*", true), ("alice", "task.9*", "*", false)];
    assert!(!edit(&exact, "alice", "task.9"), "`task.9*` is longer than `task.9`");
    assert!(edit(&[("*", "task.*", "*", false), ("*", "task.1", "*", true)], "alice", "task.1"));
}

#[test]
fn the_latest_of_one_subject_decides() {
    let (yes, no) = (("alice", "task.1", "edit", true), ("alice", "task.1", "edit", false));
    assert!(!allows(&acl(&[yes, no]), "alice", "task.1", "edit"));
    assert!(allows(&acl(&[no, yes]), "alice", "task.1", "edit"));
}

#[test]
fn a_pattern_is_a_value_or_its_beginning() {
    let edit = |rule, principal: &str, item: &str| allows(&acl(&[rule]), principal, item, "edit");
    assert!(edit(("*", "task*", "*", true), "alice", "taskforce.1"));
    assert!(!edit(("*", "task.*", "*", true), "alice", "task"));
    assert!(edit(("*", "task.*", "*", true), "alice", "task."));
    assert!(!edit(("Alice", "*", "*", true), "alice", "task.1"));
    assert!(!allows(&acl(&[("alice", "task.1", "edit", true)]), "alice", "task.1", "delete"));
    assert!(allows(&acl(&[("alice", "*", "*", true)]), "alice", ".acl", ".acl.addRule"));
    // A beginning may end in the middle of a character of the item.
    assert!(!edit(("*", "ab*", "*", true), "alice", "aé"));
}

#[test]
fn a_text_that_is_no_pattern_says_why() {
    let why = |text: &str| text.parse::<Pattern>().unwrap_err().to_string();
    assert_eq!(why(""), "pattern cannot be empty");
    assert_eq!(why("a\u{7f}"), "pattern contains invalid control characters");
    assert_eq!(why("a*b"), "pattern can have at most one wildcard at the end");
    assert_eq!(why("**"), "pattern can have at most one wildcard at the end");
    assert_eq!(why(&"a".repeat(1025)), "pattern is longer than 1024 bytes");
}

/// Few letters, so that rules meet.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!['a', 'b', '/']), 0..4)
        .prop_map(String::from_iter)
}

fn patterns() -> impl Strategy<Value = String> {
    (text(), any::<bool>()).prop_map(|(text, wild)| match wild || text.is_empty() {
        true => text + "*",
        false => text,
    })
}

/// Section 3.3 word by word, over a list in the order of adding, with scores as it gives them.
fn naive(rules: &[(String, String, String, bool)], who: &str, item: &str, deed: &str) -> bool {
    let matches = |pattern: &str, value: &str| match pattern.strip_suffix('*') {
        Some(beginning) => value.starts_with(beginning),
        None => pattern == value,
    };
    let score =
        |pattern: &str| pattern.len() as f64 - if pattern.ends_with('*') { 0.5 } else { 0.0 };
    let mut left: Vec<_> = rules
        .iter()
        .filter(|(p, i, a, _)| matches(p, who) && matches(i, item) && matches(a, deed))
        .collect();
    type Member = fn(&(String, String, String, bool)) -> &String;
    let members: [Member; 3] = [|rule| &rule.1, |rule| &rule.0, |rule| &rule.2];
    for member in members {
        let best = left.iter().map(|rule| score(member(rule))).fold(0.0, f64::max);
        left.retain(|rule| score(member(rule)) == best);
    }
    left.last().is_some_and(|rule| rule.3)
}

/// A rule that is about `a` more often than not.
fn rule() -> impl Strategy<Value = (String, String, String, bool)> {
    let near = || prop::sample::select(vec!["*", "a", "a*", "b"]).prop_map(str::to_owned);
    (near(), patterns(), near(), any::<bool>())
}

proptest! {
    #[test]
    fn the_engine_decides_as_a_naive_reading_does(
        rules in prop::collection::vec(rule(), 0..24),
        asked in prop::collection::vec(text(), 1..8),
    ) {
        let list: Vec<_> = rules.iter().map(|(p, i, a, allows)| {
            (p.as_str(), i.as_str(), a.as_str(), *allows)
        }).collect();
        let acl = acl(&list);
        for item in &asked {
            prop_assert_eq!(allows(&acl, "a", item, "a"), naive(&rules, "a", item, "a"));
        }
    }

    #[test]
    fn sights_of_one_mark_allow_the_same(
        rules in prop::collection::vec(rule(), 0..4),
        asked in prop::collection::vec(text(), 1..8),
    ) {
        let list: Vec<_> = rules.iter().map(|(p, i, a, allows)| {
            (p.as_str(), i.as_str(), a.as_str(), *allows)
        }).collect();
        let acl = acl(&list);
        let (one, other) = (acl.sight("a", "a", Verdict::Deny), acl.sight("b", "b", Verdict::Deny));
        let same = asked.iter().all(|item| one.allows(item) == other.allows(item));
        prop_assert!(same || one.mark() != other.mark());
        if let Some(allows) = one.of_everything() {
            prop_assert!(asked.iter().all(|item| one.allows(item) == allows));
        }
    }
}
