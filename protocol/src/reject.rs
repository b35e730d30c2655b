//! The closed table of refusals: every way in which a hub says no, and why sessions close.
//!
//! Only these codes travel. A word, once given, keeps its meaning for ever; clients decide by the
//! word alone, people read the sentence.

use std::fmt;

/// Whether the same request may succeed later, unchanged or after a repair that the sentence names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Asking again can succeed.
    Retryable,
    /// Asking again gives the same answer.
    Final,
}

macro_rules! codes {
    ($(
        $(#[$doc:meta])*
        $name:ident = $word:literal, $retry:ident, $close:literal, $advice:literal;
    )*) => {
        /// A refusal's code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* #[doc = ""] #[doc = $advice] $name,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word that travels.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Whether asking again can succeed.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)* }
            }

            /// What to do about it, in one sentence.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }

            /// The WebSocket close code (RFC 6455, section 7.4) when a session ends for this.
            #[must_use]
            pub const fn websocket_close(self) -> u16 {
                match self { $(Self::$name => $close,)* }
            }

            /// The code for a word, if it is one of the table.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// A message that breaks the protocol.
    Malformed = "malformed", Final, 1002, "Send messages as PROTOCOL.md describes them.";
    /// A text that is not UTF-8.
    NotUtf8 = "not_utf8", Final, 1007, "Send texts as UTF-8.";
    /// Something larger than a limit.
    TooLarge = "too_large", Final, 1009, "Split or shrink what you send: the welcome message names the limits.";
    /// A version that the hub does not speak.
    UnsupportedVersion = "unsupported_version", Final, 4400, "Use a client and a hub of the same protocol version.";
    /// A credential that is wrong, expired or revoked.
    Unauthorized = "unauthorized", Final, 4401, "Connect with a valid token; an owner or admin can make one.";
    /// A right that the principal does not have.
    Forbidden = "forbidden", Final, 4403, "Ask an owner of the space for the right to do this.";
    /// A space that does not exist, or that the principal may not know of.
    UnknownSpace = "unknown_space", Final, 4404, "Create the space, or check the spelling of its name.";
    /// No hello within the time allowed.
    HelloTimeout = "hello_timeout", Retryable, 4408, "Send hello right after the connection opens.";
    /// Nothing heard for too long.
    Idle = "idle", Retryable, 4408, "Answer heartbeats, or send ping from time to time; then connect again.";
    /// Another session of this device took over.
    Replaced = "replaced", Final, 4409, "Use one session a device, or wait until the other one ends.";
    /// A stamp too far ahead of the hub's clock.
    ClockDrift = "clock_drift", Retryable, 4410, "Correct the clock by the hub's time, stamp the writes anew and push again.";
    /// The hub's own clock has fallen back.
    ClockBack = "clock_back", Retryable, 4411, "The hub's operator sets its clock right, or waits until it has caught up.";
    /// A stamp under a replica id that belongs to someone else.
    ForeignStamp = "foreign_stamp", Final, 4412, "Draw a new replica id and stamp your own writes with it.";
    /// A write older than a purged delete, on a record that does not exist.
    Expired = "expired", Retryable, 4413, "Stamp anew what you created yourself, drop the rest, and push again.";
    /// A guard that does not hold.
    GuardFailed = "guard_failed", Final, 4414, "Read the record again and decide anew.";
    /// A collection of the hub's own.
    Reserved = "reserved", Final, 4415, "Use a collection whose name does not begin with a dot.";
    /// A rule of the space refused the push.
    Refused = "refused", Final, 4416, "Change the write as the text of this refusal says.";
    /// The space is full.
    QuotaExceeded = "quota_exceeded", Final, 4417, "Delete what is no longer needed, or ask the operator for a larger quota.";
    /// Too many requests in a time.
    RateLimited = "rate_limited", Retryable, 4429, "Slow down and try again in a few seconds.";
    /// More of something than a session, a user or an address may have.
    TooMany = "too_many", Retryable, 4430, "Close or leave something you no longer need, then try again.";
    /// The hub has more to do than it can queue.
    Busy = "busy", Retryable, 1013, "Try again in a few seconds.";
    /// The store cannot write.
    Unavailable = "unavailable", Retryable, 1013, "The hub's operator looks at its log and disk; try again later.";
    /// A place in a log that no longer exists.
    UnknownCursor = "unknown_cursor", Final, 4418, "Start again from a snapshot, or follow from the current end.";
    /// Something that exists already.
    Exists = "exists", Final, 4419, "Choose another name, or use what exists.";
    /// Something that does not exist.
    NotFound = "not_found", Final, 4404, "Check the name or id.";
    /// The hub is shutting down or restarting.
    GoingAway = "going_away", Retryable, 1001, "Connect again after the time given.";
    /// The hub failed in a way of its own.
    Internal = "internal", Retryable, 1011, "Try again; the hub's log tells its operator what happened.";
}

impl Code {
    /// Whether asking again can succeed.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self.retry(), Retry::Retryable)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: a code for programs, a text for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub struct Reject {
    /// What kind of refusal.
    pub code: Code,
    /// What is wrong here, and what to do.
    pub text: String,
    /// Which delta of a push is at fault, counted from 0, when it is one.
    pub index: Option<u32>,
}

impl Reject {
    /// A refusal that says what is wrong; what to do follows from the code.
    #[must_use]
    pub fn new(code: Code, what: impl fmt::Display) -> Self {
        Self { code, text: format!("{what}. {}", code.advice()), index: None }
    }

    /// Names the delta at fault.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = u32::try_from(index).ok();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_snake_case_and_read_back() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(
            words
                .iter()
                .all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b"_8".contains(&b)))
        );
        assert!(Code::ALL.iter().all(|&code| Code::from_word(code.as_str()) == Some(code)));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }

    #[test]
    fn a_reject_says_what_to_do() {
        let reject = Reject::new(Code::GuardFailed, "links/a exists").at(3);
        assert_eq!(reject.text, "links/a exists. Read the record again and decide anew.");
        assert_eq!(reject.index, Some(3));
    }
}
