//! Setup tokens: eight characters that a person passes on by word of mouth, good once, for a day,
//! kept as a digest alone.

use sha2::{Digest as _, Sha256};
use syncline_protocol::{Change, RecordKey, Reject, Value};

use super::mapping::{collection, named, put};
use crate::hub::{View, escape, random_u64};

/// How long one is good.
const LIFE_MS: u64 = 24 * 60 * 60 * 1000;
const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HALF: usize = 4;

/// A setup token, in clear: shown once, never kept or logged.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SetupToken(String);

impl SetupToken {
    /// One that nobody can guess.
    pub(super) fn draw() -> Self {
        let mut text = String::with_capacity(2 * HALF + 1);
        while text.len() < 2 * HALF + 1 {
            for byte in random_u64().to_be_bytes() {
                // The largest multiple of 36 in a byte: above it some would come more often.
                if byte < 252 && text.len() < 2 * HALF + 1 {
                    text.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
                }
                if text.len() == HALF {
                    text.push('-');
                }
            }
        }
        Self(text)
    }

    /// Reads one; none when the text does not have the form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_half =
            |half: &str| half.len() == HALF && half.bytes().all(|it| LETTERS.contains(&it));
        let (first, second) = text.split_once('-')?;
        (is_half(first) && is_half(second)).then(|| Self(text.to_owned()))
    }

    /// The text, for whoever it is for.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// The key under which it is kept: looked up whole, so that no comparison tells anything.
    pub(super) fn key(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }

    /// The write that makes it good, and until when. The rule ends the user's one before it.
    pub(super) fn issue(&self, user: &str, now_ms: u64) -> Result<(Change, u64), Reject> {
        let expires_ms = now_ms + LIFE_MS;
        let change = kept(&self.key(), user, expires_ms)?;
        Ok((change, expires_ms))
    }
}

/// The write that keeps a setup token of which the digest is known.
pub(super) fn kept(key: &str, user: &str, expires_ms: u64) -> Result<Change, Reject> {
    let fields = [("user", Some(Value::from(user))), ("expires_ms", Some(Value::from(expires_ms)))];
    put(collection::TOKENS, key, &fields)
}

/// Whose setup token this is, if it is good.
pub(super) fn holder(
    view: &View,
    token: &SetupToken,
    now_ms: u64,
) -> Result<Option<String>, Reject> {
    let Ok(key) = RecordKey::new(&token.key()) else { return Ok(None) };
    let record = view.get(&named(collection::TOKENS), &key)?;
    let record = record.filter(|it| it.get("expires_ms").and_then(Value::as_u64) > Some(now_ms));
    Ok(record.and_then(|record| Some(record.get("user")?.as_str()?.to_owned())))
}

/// Whether a user has a setup token that is good.
pub(super) fn is_pending(view: &View, user: &str, now_ms: u64) -> Result<bool, Reject> {
    let Ok(user) = RecordKey::new(&escape(user, true)) else { return Ok(false) };
    let Some(pending) = view.get(&named(collection::PENDING), &user)? else { return Ok(false) };
    let key = pending.get("token").and_then(Value::as_str).and_then(|it| RecordKey::new(it).ok());
    let Some(key) = key else { return Ok(false) };
    let token = view.get(&named(collection::TOKENS), &key)?;
    Ok(token.is_some_and(|it| it.get("expires_ms").and_then(Value::as_u64) > Some(now_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_form_and_are_not_alike() {
        let drawn: Vec<SetupToken> = (0..64).map(|_| SetupToken::draw()).collect();
        for token in &drawn {
            assert!(SetupToken::parse(token.reveal()).as_ref() == Some(token), "{}", token.0);
        }
        assert!(drawn.windows(2).all(|two| two[0].key() != two[1].key()));
        for wrong in ["", "abcd-1234", "ABCD1234", "ABCD-12345", "ABCD-123", "ABCD-12É", "A-B-C-D"]
        {
            assert!(SetupToken::parse(wrong).is_none(), "{wrong}");
        }
    }
}
