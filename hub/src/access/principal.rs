//! Who acts: an account, through what credential, and how far that credential reaches.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use syncline_protocol::SpaceName;

/// What a member may do in a space; each role may do all that the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Reader,
    /// Reads and writes.
    Writer,
    /// Reads, writes, and says who else may.
    Owner,
}

impl Role {
    /// The word for it, in records, commands and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = &'static str;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "reader" => Ok(Self::Reader),
            "writer" => Ok(Self::Writer),
            "owner" => Ok(Self::Owner),
            _ => Err("a role is owner, writer or reader"),
        }
    }
}

/// A space's name, or the beginning of names when it ends with `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpacePattern(String);

impl SpacePattern {
    /// Whether a space is meant.
    #[must_use]
    pub fn matches(&self, space: &SpaceName) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => space.as_str().starts_with(prefix),
            None => space.as_str() == self.0,
        }
    }

    /// Whether everything that another pattern means is meant by this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => other.0.strip_suffix('*').unwrap_or(&other.0).starts_with(prefix),
            None => self == other,
        }
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SpacePattern {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        let is_name = |text: &str| SpaceName::new(text.trim_end_matches('/')).is_ok();
        if (stem.is_empty() && text == "*") || (!stem.is_empty() && is_name(stem)) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a pattern is the name of a space, or its beginning and `*`")
        }
    }
}

/// Names an account: `[a-z0-9._-]`, 1 to 64 bytes.
///
/// # Errors
/// Says what a name may hold.
pub fn check_account(name: &str) -> Result<(), &'static str> {
    let good = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    if (1..=64).contains(&name.len())
        && name.bytes().all(good)
        && !name.trim_matches('.').is_empty()
    {
        Ok(())
    } else {
        Err("an account's name has 1 to 64 of a-z, 0-9, `.`, `_` and `-`")
    }
}

/// Whoever acts. Only the hub makes one, from a credential that it has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(Arc<Identity>);

#[derive(Debug, PartialEq, Eq)]
struct Identity {
    account: String,
    credential: Credential,
}

/// What a principal showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nothing: the hub itself acts.
    Hub,
    /// An API token, by its id.
    Token(String),
    /// The account's password.
    Password,
    /// A secret of this realm, which opens the account's spaces of that name and nothing else.
    Realm(&'static str),
}

impl Principal {
    /// The hub itself, which may do everything: for its own work, never for a credential.
    #[must_use]
    pub fn hub() -> Self {
        Self(Arc::new(Identity { account: "hub".to_owned(), credential: Credential::Hub }))
    }

    pub(crate) fn with_token(account: &str, id: &str) -> Self {
        let credential = Credential::Token(id.to_owned());
        Self(Arc::new(Identity { account: account.to_owned(), credential }))
    }

    pub(crate) fn with_password(account: &str) -> Self {
        let credential = Credential::Password;
        Self(Arc::new(Identity { account: account.to_owned(), credential }))
    }

    pub(crate) fn with_secret(account: &str, realm: &'static str) -> Self {
        let credential = Credential::Realm(realm);
        Self(Arc::new(Identity { account: account.to_owned(), credential }))
    }

    /// The name of the account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// The id of the token that was shown, if it was one.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        match &self.0.credential {
            Credential::Token(id) => Some(id),
            Credential::Hub | Credential::Password | Credential::Realm(_) => None,
        }
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.0.credential
    }

    pub(crate) fn is_hub(&self) -> bool {
        self.0.credential == Credential::Hub
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_beginnings() {
        let space = SpaceName::new("linkora/alice").unwrap();
        let matches = |text: &str| text.parse::<SpacePattern>().unwrap().matches(&space);
        assert!(matches("linkora/alice") && matches("linkora/*") && matches("*"));
        assert!(!matches("linkora") && !matches("koreader/*"));
        for bad in ["", "a*b", "A", "**"] {
            assert!(bad.parse::<SpacePattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_cover_what_they_reach() {
        let covers = |a: &str, b: &str| {
            a.parse::<SpacePattern>().unwrap().covers(&b.parse::<SpacePattern>().unwrap())
        };
        assert!(covers("*", "a*") && covers("a/*", "a/b") && covers("a/*", "a/b*"));
        assert!(covers("a", "a") && !covers("a", "a*") && !covers("a/*", "a*"));
    }

    #[test]
    fn accounts_are_plain_words() {
        assert!(check_account("ann-b.c_1").is_ok());
        for bad in ["", "Ann", "a/b", "..", &"a".repeat(65)] {
            assert!(check_account(bad).is_err(), "{bad}");
        }
    }
}
