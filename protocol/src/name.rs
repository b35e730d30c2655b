//! Checked names: whatever identifies a space, a collection, a record, a field, a replica or a
//! device.
//!
//! A name is checked once, at birth; code that holds one never checks it again. This room knows
//! nothing of what the names stand for.

use std::fmt;

use smol_str::SmolStr;

/// Longest space name in bytes.
pub const SPACE_NAME_BYTES_MAX: usize = 255;
/// Longest collection name in bytes.
pub const COLLECTION_NAME_BYTES_MAX: usize = 64;
/// Longest record key in bytes.
pub const RECORD_KEY_BYTES_MAX: usize = 1024;
/// Longest field name in bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 128;

/// Why a text is not a name; says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a {0} must not be empty")]
    Empty(&'static str),
    /// The text is longer than the limit in bytes.
    #[error("a {0} has at most {1} bytes")]
    TooLong(&'static str, usize),
    /// The text holds something that this kind of name does not allow.
    #[error("a {0} {1}")]
    Form(&'static str, &'static str),
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks the text and makes the name.
            ///
            /// # Errors
            /// Says what the text lacks to be one.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if text.is_empty() {
                    return Err(NameError::Empty($what));
                }
                if text.len() > $max {
                    return Err(NameError::TooLong($what, $max));
                }
                let check: fn(&str) -> Result<(), &'static str> = $check;
                check(text).map_err(|why| NameError::Form($what, why))?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;
            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_name!(
    /// The name of a space: segments of `[a-z0-9._-]` and `%XX` escapes, joined by `/`
    /// (`linkora/alice`). Every name has one spelling: what needs no escape has none.
    SpaceName,
    "space name",
    SPACE_NAME_BYTES_MAX,
    check_space
);
text_name!(
    /// The name of a collection: `[A-Za-z0-9._-]`. One that begins with `.` is the hub's own.
    CollectionName,
    "collection name",
    COLLECTION_NAME_BYTES_MAX,
    check_collection
);
text_name!(
    /// The key of a record in its collection: any text without control characters.
    RecordKey,
    "record key",
    RECORD_KEY_BYTES_MAX,
    check_no_control
);
text_name!(
    /// The name of a field: any text without control characters.
    FieldName,
    "field name",
    FIELD_NAME_BYTES_MAX,
    check_no_control
);

impl SpaceName {
    /// Makes a space name of any texts, escaping what a segment may not hold.
    ///
    /// # Errors
    /// A segment that is empty or holds `*`, or a name that grows too long.
    pub fn from_segments<'a>(
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, NameError> {
        let escaped: Vec<String> = segments.into_iter().map(escape_segment).collect();
        Self::new(&escaped.join("/"))
    }
}

impl CollectionName {
    /// Whether the collection is the hub's own: never sent, exported, healed or kept as conflict.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('.')
    }
}

/// Identifies whatever makes stamps: 64 random bits, drawn anew each time a store is opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(u64);

impl ReplicaId {
    /// The id for these random bits; zero stands for nobody and is refused.
    #[must_use]
    pub const fn new(bits: u64) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits)) }
    }

    /// The id for these random bits, with zero made one, for those who draw.
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        if bits == 0 { Self(1) } else { Self(bits) }
    }

    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Identifies a device to people for as long as its store lives: 64 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u64);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Identifies one life of a space: a space that is deleted and made again gets a new id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(pub u64);

impl fmt::Display for SpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

fn check_space(text: &str) -> Result<(), &'static str> {
    text.split('/').try_for_each(|segment| check_segment(segment.as_bytes()))
}

fn check_segment(mut segment: &[u8]) -> Result<(), &'static str> {
    if segment.is_empty() {
        return Err("has no empty segment between its slashes");
    }
    if segment == b"." || segment == b".." {
        return Err("has no segment `.` or `..`");
    }
    while let Some((&first, rest)) = segment.split_first() {
        segment = match first {
            b'%' => check_escape(rest)?,
            byte if is_plain(byte) => rest,
            _ => return Err("holds a-z, 0-9, `.`, `_`, `-` and %XX escapes between its slashes"),
        };
    }
    Ok(())
}

/// Checks the two digits after `%` and gives what follows them.
fn check_escape(rest: &[u8]) -> Result<&[u8], &'static str> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let [high, low, rest @ ..] = rest else { return Err("needs two digits after `%`") };
    let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
        return Err("needs two digits of 0-9 or A-F after `%`");
    };
    match high * 16 + low {
        b'*' => Err("never holds `*`, which patterns use"),
        byte if is_plain(byte) => Err("escapes only what needs it"),
        _ => Ok(rest),
    }
}

fn escape_segment(text: &str) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    match out.as_str() {
        "." | ".." => out.replace('.', "%2E"),
        _ => out,
    }
}

fn check_collection(text: &str) -> Result<(), &'static str> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if text.bytes().all(good) { Ok(()) } else { Err("holds A-Z, a-z, 0-9, `.`, `_` and `-` only") }
}

fn check_no_control(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_control) { Err("holds no control characters") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_names_have_one_spelling() {
        for good in ["a", "linkora/alice", "x.y_z-0", "caf%C3%A9", "a/b/c"] {
            assert!(SpaceName::new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "/", "a/", "A", "a b", "*", "a*", "%2A", "%61", "%4", "%c3", ".", "a/..", "é"]
        {
            assert!(SpaceName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn segments_are_escaped_and_stay_apart() {
        let name = SpaceName::from_segments(["linkora", "Ann/é"]).unwrap();
        assert_eq!(name.as_str(), "linkora/%41nn%2F%C3%A9");
        assert!(SpaceName::from_segments(["a", ""]).is_err());
        assert!(SpaceName::from_segments(["a*"]).is_err());
    }

    #[test]
    fn lengths_are_counted_in_bytes() {
        assert!(RecordKey::new(&"é".repeat(512)).is_ok());
        assert!(RecordKey::new(&"é".repeat(513)).is_err());
        assert!(CollectionName::new(&"c".repeat(65)).is_err());
        assert!(FieldName::new("a\nb").is_err());
    }

    #[test]
    fn reserved_collections_begin_with_a_dot() {
        assert!(CollectionName::new(".credentials").unwrap().is_reserved());
        assert!(!CollectionName::new("links").unwrap().is_reserved());
    }
}
