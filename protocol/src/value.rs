//! A value: one well-formed MessagePack object, kept in the bytes that it arrived in.
//!
//! Values are never re-encoded: digests and merges speak of bytes, and two encoders may write one
//! number differently. What a value means is the app's business; this room checks only its form.

use std::fmt;
use std::sync::Arc;

use rmp::Marker;

/// Deepest nesting of arrays and maps that a value may have.
pub const NESTING_MAX: usize = 32;

/// One MessagePack value, checked for form once and kept encoded. Cheap to clone.
///
/// Values order as their bytes do, which is how equal stamps are resolved.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Arc<[u8]>);

/// Why bytes are not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes end inside the value.
    #[error("the value is cut short")]
    Cut,
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Trailing,
    /// The reserved byte 0xc1.
    #[error("the byte 0xc1 is not MessagePack")]
    Reserved,
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// More than [`NESTING_MAX`] levels.
    #[error("the value nests deeper than {NESTING_MAX} levels")]
    Nesting,
}

impl Value {
    /// Checks that the bytes are exactly one value and keeps them.
    ///
    /// # Errors
    /// What is wrong with their form.
    pub fn new(bytes: impl AsRef<[u8]> + Into<Arc<[u8]>>) -> Result<Self, ValueError> {
        match measure(bytes.as_ref(), NESTING_MAX)? {
            length if length == bytes.as_ref().len() => Ok(Self(bytes.into())),
            _ => Err(ValueError::Trailing),
        }
    }

    /// For bytes that were checked already.
    pub(crate) fn from_checked(bytes: &[u8]) -> Self {
        debug_assert_eq!(measure(bytes, NESTING_MAX), Ok(bytes.len()));
        Self(bytes.into())
    }

    /// MessagePack nil: a value like any other, not a dropped field.
    #[must_use]
    pub fn nil() -> Self {
        Self([0xc0].into())
    }

    /// The encoded bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, when the value is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        rmp::decode::read_str_from_slice(&*self.0).ok().map(|(text, _)| text)
    }

    /// The number, when the value is an integer that is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        rmp::decode::read_int(&mut &*self.0).ok()
    }

    /// The number, when the value is an integer that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        rmp::decode::read_int(&mut &*self.0).ok()
    }

    /// The truth, when the value is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        rmp::decode::read_bool(&mut &*self.0).ok()
    }

    fn build(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::new();
        write(&mut bytes);
        Self(bytes.into())
    }
}

/// Writing to a `Vec` cannot fail, which `rmp` cannot know.
const INFALLIBLE: &str = "writing to memory does not fail";

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::build(|out| rmp::encode::write_str(out, text).expect(INFALLIBLE))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::build(|out| rmp::encode::write_bool(out, truth).expect(INFALLIBLE))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::build(|out| {
            rmp::encode::write_sint(out, number).expect(INFALLIBLE);
        })
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::build(|out| {
            rmp::encode::write_uint(out, number).expect(INFALLIBLE);
        })
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::build(|out| rmp::encode::write_f64(out, number).expect(INFALLIBLE))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::build(|out| rmp::encode::write_bin(out, bytes).expect(INFALLIBLE))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => write!(f, "{text:?}"),
            None => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// The length in bytes of the one value at the beginning of `bytes`.
///
/// Walks without recursion: what is left to read at each level stands in a fixed array, so that
/// hostile nesting costs nothing.
///
/// # Errors
/// What is wrong with its form.
pub fn measure(bytes: &[u8], nesting_max: usize) -> Result<usize, ValueError> {
    let mut left = [0_u64; NESTING_MAX + 1];
    let (mut level, mut at) = (0, 0);
    left[0] = 1;
    loop {
        while left[level] == 0 {
            if level == 0 {
                return Ok(at);
            }
            level -= 1;
        }
        left[level] -= 1;
        let (length, children) = item(&bytes[at..])?;
        at += length;
        if children > 0 {
            if level >= nesting_max.min(NESTING_MAX) {
                return Err(ValueError::Nesting);
            }
            level += 1;
            left[level] = children;
        }
    }
}

/// The bytes of one item without its children, and how many children follow.
fn item(bytes: &[u8]) -> Result<(usize, u64), ValueError> {
    let marker = Marker::from_u8(*bytes.first().ok_or(ValueError::Cut)?);
    let (head, body, children) = match marker {
        Marker::Reserved => return Err(ValueError::Reserved),
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
            (1, 0, 0)
        }
        Marker::U8 | Marker::I8 => (1, 1, 0),
        Marker::U16 | Marker::I16 => (1, 2, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (1, 4, 0),
        Marker::U64 | Marker::I64 | Marker::F64 => (1, 8, 0),
        Marker::FixExt1 => (1, 2, 0),
        Marker::FixExt2 => (1, 3, 0),
        Marker::FixExt4 => (1, 5, 0),
        Marker::FixExt8 => (1, 9, 0),
        Marker::FixExt16 => (1, 17, 0),
        Marker::FixStr(length) => (1, u64::from(length), 0),
        Marker::Str8 | Marker::Bin8 => (2, count(bytes, 1)?, 0),
        Marker::Str16 | Marker::Bin16 => (3, count(bytes, 2)?, 0),
        Marker::Str32 | Marker::Bin32 => (5, count(bytes, 4)?, 0),
        Marker::Ext8 => (2, count(bytes, 1)? + 1, 0),
        Marker::Ext16 => (3, count(bytes, 2)? + 1, 0),
        Marker::Ext32 => (5, count(bytes, 4)? + 1, 0),
        Marker::FixArray(length) => (1, 0, u64::from(length)),
        Marker::Array16 => (3, 0, count(bytes, 2)?),
        Marker::Array32 => (5, 0, count(bytes, 4)?),
        Marker::FixMap(length) => (1, 0, u64::from(length) * 2),
        Marker::Map16 => (3, 0, count(bytes, 2)? * 2),
        Marker::Map32 => (5, 0, count(bytes, 4)? * 2),
    };
    let length = head + usize::try_from(body).map_err(|_| ValueError::Cut)?;
    let whole = bytes.get(..length).ok_or(ValueError::Cut)?;
    let is_text =
        matches!(marker, Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32);
    if is_text && std::str::from_utf8(&whole[head..]).is_err() {
        return Err(ValueError::Utf8);
    }
    Ok((length, children))
}

/// The big-endian number in the `width` bytes after the marker.
fn count(bytes: &[u8], width: usize) -> Result<u64, ValueError> {
    let digits = bytes.get(1..=width).ok_or(ValueError::Cut)?;
    Ok(digits.iter().fold(0, |all, &byte| all << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values_are_taken_and_others_are_not() {
        assert!(Value::new(vec![0x93, 1, 2, 0xa1, b'x']).is_ok());
        assert_eq!(Value::new(vec![]), Err(ValueError::Cut));
        assert_eq!(Value::new(vec![0x92, 1]), Err(ValueError::Cut));
        assert_eq!(Value::new(vec![1, 2]), Err(ValueError::Trailing));
        assert_eq!(Value::new(vec![0xc1]), Err(ValueError::Reserved));
        assert_eq!(Value::new(vec![0xa1, 0xff]), Err(ValueError::Utf8));
        assert_eq!(Value::new(vec![0xdd, 0xff, 0xff, 0xff, 0xff]), Err(ValueError::Cut));
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
        assert!(Value::new(nested(NESTING_MAX)).is_ok());
        assert_eq!(Value::new(nested(NESTING_MAX + 1)), Err(ValueError::Nesting));
        assert_eq!(Value::new(nested(1 << 20)), Err(ValueError::Nesting));
    }

    #[test]
    fn plain_values_read_back() {
        assert_eq!(Value::from("hä").as_str(), Some("hä"));
        assert_eq!(Value::from(-3_i64).as_i64(), Some(-3));
        assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
        assert_eq!(Value::from(true).as_bool(), Some(true));
        assert_eq!(Value::from(1.5).as_u64(), None);
        assert_eq!(Value::nil().as_bytes(), [0xc0]);
    }
}
