//! One event as it travels: the six members of the original, and the rule that it puts in force.
//! Pure. A line of a file may call user and item as the first drafts did.

use serde::{Deserialize, Serialize};

use super::rules::RuleLine;

/// An event, as it was stored; nothing is judged again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) uuid: String,
    pub(super) timestamp: u64,
    #[serde(alias = "userUuid")]
    pub(super) user: String,
    #[serde(alias = "itemUuid")]
    pub(super) item: String,
    pub(super) action: String,
    #[serde(default, deserialize_with = "text_or_null")]
    pub(super) payload: String,
    /// Whether it came as in the first drafts, in which an id may be any text.
    #[serde(default, skip_deserializing, skip_serializing_if = "std::ops::Not::not")]
    pub(super) seed: bool,
    /// The rule that comes into force with it.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<RuleLine>,
}

impl Event {
    /// An event out of a line.
    ///
    /// # Errors
    /// What is wrong with it, for the person who has the file.
    pub(super) fn of_line(line: &str) -> Result<Self, String> {
        let mut event: Self = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let names: Names = serde_json::from_str(line).map_err(|error| error.to_string())?;
        event.seed = names.user.is_some() || names.item.is_some();
        let named = [("uuid", &event.uuid), ("item", &event.item), ("action", &event.action)];
        if let Some((name, _)) = named.iter().find(|(_, text)| text.is_empty()) {
            return Err(format!("its {name} is empty"));
        }
        Ok(event)
    }

    /// The rule that it sets; none when it is about something else.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn sets(&self) -> Option<Result<RuleLine, String>> {
        RuleLine::of_event(&self.item, &self.action, &self.payload)
    }

    /// The user that it makes.
    pub(super) fn makes_user(&self) -> Option<&str> {
        let user = self.item.strip_prefix(".user.").filter(|user| !user.is_empty());
        user.filter(|_| self.action == ".user.create")
    }

    /// Bytes that it takes, give or take the quotes.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.uuid, &self.user, &self.item, &self.action, &self.payload];
        texts.iter().map(|text| text.len()).sum::<usize>() + 128
    }
}

/// The names by which a line of the first drafts is known.
#[derive(Deserialize)]
struct Names {
    #[serde(rename = "userUuid")]
    user: Option<serde::de::IgnoredAny>,
    #[serde(rename = "itemUuid")]
    item: Option<serde::de::IgnoredAny>,
}

fn text_or_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_name_its_members_as_either_form_does() {
        let new = r#"{"uuid":"u","timestamp":7,"user":"a","item":"i","action":"x","payload":"p"}"#;
        let old = r#"{"action":"x","itemUuid":"i","userUuid":"a","timestamp":7,"uuid":"u",
            "payload":null,"more":[]}"#;
        let event = Event::of_line(new).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), new);
        let seed = Event::of_line(old).unwrap();
        assert_eq!(seed, Event { payload: String::new(), seed: true, ..event });
    }

    #[test]
    fn a_line_that_is_no_event_says_why() {
        for (line, why) in [
            ("[]", "invalid"),
            ("{}", "missing field"),
            (r#"{"uuid":"","timestamp":1,"user":"a","item":"i","action":"x"}"#, "uuid is empty"),
            (r#"{"uuid":"u","timestamp":-1,"user":"a","item":"i","action":"x"}"#, "invalid value"),
        ] {
            let told = Event::of_line(line).unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
        }
    }

    #[test]
    fn only_an_event_that_makes_a_user_names_one() {
        let event = |item: &str, action: &str| Event {
            uuid: String::new(),
            timestamp: 0,
            user: String::new(),
            item: item.to_owned(),
            action: action.to_owned(),
            payload: String::new(),
            seed: false,
            rule: None,
        };
        assert_eq!(event(".user.bo", ".user.create").makes_user(), Some("bo"));
        assert_eq!(event(".user..root", ".user.create").makes_user(), Some(".root"));
        assert_eq!(event(".user.", ".user.create").makes_user(), None);
        assert_eq!(event("bo", ".user.create").makes_user(), None);
        assert_eq!(event(".user.bo", ".user.resetKey").makes_user(), None);
    }
}
