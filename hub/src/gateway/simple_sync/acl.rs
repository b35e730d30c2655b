//! Rules as events say them.

use serde::Deserialize;
use serde_json::json;

use super::check::{ACL_ITEM, action, is_rule};
use super::event::Event;
use super::fault::Fault;
use crate::hub::{NoPattern, Pattern, Subject, Verdict};

pub(super) use crate::hub::RULES_MAX;

/// A rule as it travels. What is missing is as empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct WireRule {
    pub(super) user: String,
    pub(super) item: String,
    pub(super) action: String,
    #[serde(rename = "type")]
    pub(super) verdict: String,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BadRule {
    Pattern(&'static str, NoPattern),
    Type,
}

impl BadRule {
    /// What apps are told.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Pattern(member, problem) => format!("{member} {problem}"),
            Self::Type => Fault::BAD_TYPE.text.to_owned(),
        }
    }
}

impl WireRule {
    /// The rule, checked member by member in the protocol's order.
    pub(super) fn parse(&self) -> Result<(Subject, Verdict), BadRule> {
        let pattern = |member: &'static str, text: &str| {
            text.parse::<Pattern>().map_err(|problem| BadRule::Pattern(member, problem))
        };
        let subject = Subject {
            principal: pattern("user", &self.user)?,
            item: pattern("item", &self.item)?,
            action: pattern("action", &self.action)?,
        };
        Ok((subject, self.verdict.parse().map_err(|_| BadRule::Type)?))
    }

    /// The payload of its event.
    pub(super) fn payload(&self) -> String {
        let Self { user, item, action, verdict } = self;
        json!({ "user": user, "item": item, "action": action, "type": verdict }).to_string()
    }
}

/// The rule that an event adds, if it is one and can be read. The first form of such events named
/// the verdict in its action.
pub(super) fn rule_of(event: &Event) -> Option<(Subject, Verdict)> {
    if !is_rule(event) || event.item != ACL_ITEM {
        return None;
    }
    let mut rule: WireRule = serde_json::from_str(&event.payload).ok()?;
    match event.action.as_str() {
        action::ADD_RULE => {}
        ".acl.allow" | ".acl.deny" => rule.verdict = event.action[".acl.".len()..].to_owned(),
        _ => return None,
    }
    rule.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(user: &str, item: &str, action: &str, verdict: &str) -> WireRule {
        let [user, item, action, verdict] = [user, item, action, verdict].map(str::to_owned);
        WireRule { user, item, action, verdict }
    }

    #[test]
    fn rules_are_judged_member_by_member() {
        let text = |rule: &WireRule| rule.parse().map_err(|bad| bad.text());
        assert_eq!(text(&rule("", "", "", "")), Err("user pattern cannot be empty".into()));
        assert_eq!(
            text(&rule("*", "a*b", "", "")),
            Err("item pattern can have at most one wildcard at the end".into())
        );
        assert_eq!(
            text(&rule("*", "*", "a\u{7f}", "x")),
            Err("action pattern contains invalid control characters".into())
        );
        let of = Err("type must be either 'allow' or 'deny'".into());
        assert_eq!(text(&rule("*", "*", "*", "Allow")), of);
        assert!(text(&rule("a", "b*", "*", "deny")).is_ok());
    }

    #[test]
    fn a_rule_reads_back_from_its_event_and_from_the_older_form() {
        let it = rule("bo", "task.*", "*", "allow");
        assert_eq!(it.payload(), r#"{"user":"bo","item":"task.*","action":"*","type":"allow"}"#);
        let mut event = Event { item: ".acl".into(), payload: it.payload(), ..Event::default() };
        event.action = ".acl.addRule".into();
        assert_eq!(rule_of(&event), it.parse().ok());
        event.action = ".acl.deny".into();
        assert_eq!(rule_of(&event), rule("bo", "task.*", "*", "deny").parse().ok());
        event.action = "foo".into();
        assert_eq!(rule_of(&event), None);
    }
}
