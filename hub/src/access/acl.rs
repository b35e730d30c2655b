//! Access rules, pure: who may do what to which items, by patterns of which the most specific wins.
//!
//! The model is simple-sync's (its specification, section 3). A rule names a principal, an item and
//! an action, each exactly or by its beginning and `*`, and allows or denies. Of the rules that
//! match, those with the most specific item count; among these the most specific principal, then
//! action. Two different patterns that match one value are never equally specific, so a tie is
//! between rules of the same three patterns, and of those there is one: the latest. A set of rules
//! is therefore a map. Where no rule matches, whoever asks decides; denying is the rule's own
//! default.
//!
//! ```text
//! native spaces: items `collection/key`, actions `read`, `write`, `delete`, `admin`
//! ```

mod pattern;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::selection::Sight;
pub use pattern::{NoPattern, Pattern};

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It may be done.
    Allow,
    /// It may not.
    Deny,
}

impl Verdict {
    /// The word for it, in records, commands and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = &'static str;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            _ => Err("a rule says `allow` or `deny`"),
        }
    }
}

/// Whom, what and which deed a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Principals, by the name of their account.
    pub principal: Pattern,
    /// Items.
    pub item: Pattern,
    /// Actions.
    pub action: Pattern,
}

impl Subject {
    fn matches(&self, principal: &str, item: &str, action: &str) -> bool {
        self.item.matches(item) && self.principal.matches(principal) && self.action.matches(action)
    }

    /// The most specific item first, then the principal, then the action.
    fn specificity(&self) -> [u64; 3] {
        [&self.item, &self.principal, &self.action].map(Pattern::specificity)
    }
}

/// The rules of one space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acl {
    rules: BTreeMap<Subject, Verdict>,
}

impl Acl {
    /// No rule.
    #[must_use]
    pub const fn new() -> Self {
        Self { rules: BTreeMap::new() }
    }

    /// Adds a rule. It takes the place of an earlier one with the same patterns.
    pub fn set(&mut self, subject: Subject, verdict: Verdict) {
        self.rules.insert(subject, verdict);
    }

    /// Takes a rule out.
    pub fn remove(&mut self, subject: &Subject) {
        self.rules.remove(subject);
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules, in the order of their patterns.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, Verdict)> {
        self.rules.iter().map(|(subject, verdict)| (subject, *verdict))
    }

    /// The rule that decides, and what it says; none when no rule matches.
    #[must_use]
    pub fn decide(&self, principal: &str, item: &str, action: &str) -> Option<(&Subject, Verdict)> {
        let matching = self.iter().filter(|(subject, _)| subject.matches(principal, item, action));
        matching.max_by_key(|(subject, _)| subject.specificity())
    }

    /// What a principal may do this to: the rules without those that are about others or another
    /// deed, made quick to ask. `otherwise` is what holds where no rule matches.
    #[must_use]
    pub fn sight(&self, principal: &str, action: &str, otherwise: Verdict) -> Sight {
        let mut strongest = BTreeMap::<&Pattern, (&Subject, Verdict)>::new();
        for (subject, verdict) in self.iter() {
            if !subject.principal.matches(principal) || !subject.action.matches(action) {
                continue;
            }
            let stands = strongest.get(&subject.item).map(|(it, _)| it.specificity());
            if stands.is_none_or(|stands| stands < subject.specificity()) {
                strongest.insert(&subject.item, (subject, verdict));
            }
        }
        let said = strongest.iter().map(|(item, (_, it))| (item.as_str(), *it == Verdict::Allow));
        Sight::new(said, otherwise == Verdict::Allow)
    }
}

#[cfg(test)]
mod tests;
