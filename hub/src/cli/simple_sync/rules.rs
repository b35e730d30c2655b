//! The access rules of a history: what its events say, what the original's table said, and how the
//! two differ. Pure.
//!
//! The original wrote a rule as an event and never put it in force; what it did enforce was a table
//! that nobody but a person with SQL filled. Whoever moves in has to see the difference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::acl::{Pattern, Subject, Verdict};

/// Where rules come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum AclFrom {
    /// The events that set them, as documented
    Events,
    /// The table, which is what the original enforced
    Table,
    /// The table first, then the events
    Both,
}

impl AclFrom {
    /// Whether events set rules.
    pub(super) fn has_events(self) -> bool {
        self != Self::Table
    }

    /// Whether the table does.
    pub(super) fn has_table(self) -> bool {
        self != Self::Events
    }

    /// The word for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Table => "table",
            Self::Both => "both",
        }
    }
}

/// A rule as it travels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RuleLine {
    pub(super) user: String,
    pub(super) item: String,
    pub(super) action: String,
    /// `allow` or `deny`.
    #[serde(rename = "type")]
    pub(super) verdict: String,
}

/// The item of events that set rules.
const ITEM: &str = ".acl";

impl RuleLine {
    /// The rule that an event sets; none when it is about something else.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn of_event(
        item: &str,
        action: &str,
        payload: &str,
    ) -> Option<Result<Self, String>> {
        let verdict = match (item, action) {
            (ITEM, ".acl.addRule") => None,
            // For a few weeks of 2025 the action said what the payload says since.
            (ITEM, ".acl.allow") => Some(Verdict::Allow),
            (ITEM, ".acl.deny") => Some(Verdict::Deny),
            _ => return None,
        };
        Some(Self::read(payload, verdict))
    }

    fn read(payload: &str, verdict: Option<Verdict>) -> Result<Self, String> {
        let read = serde_json::from_str(payload);
        let mut rule: Self = read.map_err(|error| format!("its payload is no rule: {error}"))?;
        if let Some(verdict) = verdict {
            verdict.as_str().clone_into(&mut rule.verdict);
        }
        rule.parsed().map(|_| rule)
    }

    /// The rule, checked.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn parsed(&self) -> Result<(Subject, Verdict), String> {
        let pattern = |name: &str, text: &str| {
            text.parse::<Pattern>().map_err(|problem| format!("{name} {problem}"))
        };
        let subject = Subject {
            principal: pattern("user", &self.user)?,
            item: pattern("item", &self.item)?,
            action: pattern("action", &self.action)?,
        };
        Ok((subject, self.verdict.parse().map_err(str::to_owned)?))
    }
}

impl std::fmt::Display for RuleLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {}", self.verdict, self.user, self.item, self.action)
    }
}

/// Rules as they would be in force: one for each three patterns, the latest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rules(BTreeMap<Subject, Verdict>);

impl Rules {
    /// Adds a rule, in the place of an earlier one with the same patterns.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn add(&mut self, rule: &RuleLine) -> Result<(), String> {
        let (subject, verdict) = rule.parsed()?;
        self.0.insert(subject, verdict);
        Ok(())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that are not in another set, or say something else there.
    pub(super) fn beyond(&self, other: &Self) -> Vec<RuleLine> {
        let differs =
            |(subject, verdict): &(&Subject, &Verdict)| other.0.get(*subject) != Some(*verdict);
        self.0.iter().filter(differs).map(line).collect()
    }
}

fn line((subject, verdict): (&Subject, &Verdict)) -> RuleLine {
    RuleLine {
        user: subject.principal.to_string(),
        item: subject.item.to_string(),
        action: subject.action.to_string(),
        verdict: verdict.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(user: &str, item: &str, verdict: &str) -> RuleLine {
        let (user, item) = (user.to_owned(), item.to_owned());
        RuleLine { user, item, action: "*".to_owned(), verdict: verdict.to_owned() }
    }

    #[test]
    fn an_event_sets_a_rule_in_each_of_the_forms() {
        let payload = r#"{"user":"bo","item":"task.*","action":"*","type":"deny","more":1}"#;
        let of = |action: &str, payload: &str| RuleLine::of_event(".acl", action, payload);
        assert_eq!(of(".acl.addRule", payload), Some(Ok(rule("bo", "task.*", "deny"))));
        let old = r#"{"user":"bo","item":"task.*","action":"*"}"#;
        assert_eq!(of(".acl.allow", old), Some(Ok(rule("bo", "task.*", "allow"))));
        assert_eq!(of(".acl.deny", old), Some(Ok(rule("bo", "task.*", "deny"))));
        assert_eq!(of("foo", payload), None);
        assert_eq!(RuleLine::of_event("task.1", ".acl.addRule", payload), None);
    }

    #[test]
    fn what_is_no_rule_says_why() {
        let problem = |payload: &str| {
            RuleLine::of_event(".acl", ".acl.addRule", payload).unwrap().unwrap_err()
        };
        assert!(problem("{").contains("no rule"));
        assert!(problem(r#"{"user":1}"#).contains("no rule"));
        assert_eq!(problem("{}"), "user pattern cannot be empty");
        let typeless = r#"{"user":"*","item":"*","action":"*"}"#;
        assert_eq!(problem(typeless), "a rule says `allow` or `deny`");
        let stars = r#"{"user":"*","item":"a*b","action":"*","type":"deny"}"#;
        assert!(problem(stars).starts_with("item pattern can have at most one wildcard"));
    }

    #[test]
    fn the_latest_of_the_same_patterns_counts_and_differences_are_seen_both_ways() {
        let (mut table, mut events) = (Rules::default(), Rules::default());
        for it in [rule("*", "a", "allow"), rule("*", "b", "allow"), rule("*", "c", "deny")] {
            table.add(&it).unwrap();
        }
        for it in [rule("*", "b", "allow"), rule("*", "b", "deny"), rule("*", "c", "deny")] {
            events.add(&it).unwrap();
        }
        events.add(&rule("bo", "*", "allow")).unwrap();
        assert_eq!(events.beyond(&table), [rule("*", "b", "deny"), rule("bo", "*", "allow")]);
        assert_eq!(table.beyond(&events), [rule("*", "a", "allow"), rule("*", "b", "allow")]);
        assert_eq!((table.len(), events.len()), (3, 3));
        assert!(events.add(&rule("", "*", "allow")).is_err());
    }
}
