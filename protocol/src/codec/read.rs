//! Reads MessagePack items one by one from a frame's bytes, and says where it stopped.

use rmp::Marker;

use crate::delta::PushId;
use crate::name::{DeviceId, NameError, ReplicaId};
use crate::reject::{Code, Reject};
use crate::stamp::Stamp;
use crate::value::{self, NESTING_MAX, Value, ValueError};

/// What kind of fault bytes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not what the protocol describes.
    Malformed,
    /// A text that is not UTF-8.
    NotUtf8,
    /// Larger than a limit.
    TooLarge,
}

/// Why a frame could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct DecodeError {
    /// What kind of fault.
    pub fault: Fault,
    /// What is wrong, for people.
    pub text: String,
    /// The push at fault, when the fault lies in a name or a size within one: the push can be
    /// refused by its id, and the session lives on.
    pub push: Option<PushId>,
    /// The delta at fault, counted from 0.
    pub index: Option<usize>,
    /// Whether the fault lies in a name or a size, so that the item itself has the right form.
    pub(crate) is_refusable: bool,
}

impl DecodeError {
    pub(crate) fn new(fault: Fault, text: impl Into<String>) -> Self {
        let is_refusable = fault == Fault::TooLarge;
        Self { fault, text: text.into(), push: None, index: None, is_refusable }
    }

    pub(crate) fn malformed(text: impl Into<String>) -> Self {
        Self::new(Fault::Malformed, text)
    }

    pub(crate) fn too_large(text: impl Into<String>) -> Self {
        Self::new(Fault::TooLarge, text)
    }

    /// The refusal that answers it.
    #[must_use]
    pub fn to_reject(&self) -> Reject {
        let code = match self.fault {
            Fault::Malformed => Code::Malformed,
            Fault::NotUtf8 => Code::NotUtf8,
            Fault::TooLarge => Code::TooLarge,
        };
        let reject = Reject::new(code, &self.text);
        match self.index {
            Some(index) => reject.at(index),
            None => reject,
        }
    }
}

impl From<NameError> for DecodeError {
    fn from(error: NameError) -> Self {
        let fault = match error {
            NameError::TooLong(..) => Fault::TooLarge,
            NameError::Empty(_) | NameError::Form(..) => Fault::Malformed,
        };
        Self { is_refusable: true, ..Self::new(fault, error.to_string()) }
    }
}

impl From<ValueError> for DecodeError {
    fn from(error: ValueError) -> Self {
        let fault = match error {
            ValueError::Utf8 => Fault::NotUtf8,
            ValueError::Nesting => Fault::TooLarge,
            ValueError::Cut | ValueError::Trailing | ValueError::Reserved => Fault::Malformed,
        };
        Self::new(fault, error.to_string())
    }
}

pub(crate) type Result<T> = std::result::Result<T, DecodeError>;

/// A place in a frame's bytes.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Refuses bytes that follow the frame.
    pub(crate) fn finish(self) -> Result<()> {
        match self.bytes {
            [] => Ok(()),
            _ => Err(DecodeError::malformed("bytes follow the frame")),
        }
    }

    /// What is left to read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// An array of exactly `length` items.
    pub(crate) fn array_of(&mut self, length: usize, what: &'static str) -> Result<()> {
        match self.array(what)? {
            found if found == length => Ok(()),
            found => {
                Err(DecodeError::malformed(format!("{what} has {found} items, expected {length}")))
            }
        }
    }

    /// An array's length, at most as many as bytes are left.
    pub(crate) fn array(&mut self, what: &'static str) -> Result<usize> {
        let length = match self.marker(what)? {
            Marker::FixArray(length) => usize::from(length),
            Marker::Array16 => self.number(2, what)?,
            Marker::Array32 => self.number(4, what)?,
            _ => return Err(expected(what, "an array")),
        };
        self.fits(length, what)
    }

    /// A map's length, at most as many as bytes are left.
    pub(crate) fn map(&mut self, what: &'static str) -> Result<usize> {
        let length = match self.marker(what)? {
            Marker::FixMap(length) => usize::from(length),
            Marker::Map16 => self.number(2, what)?,
            Marker::Map32 => self.number(4, what)?,
            _ => return Err(expected(what, "a map")),
        };
        self.fits(length, what)
    }

    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str> {
        let length = match self.marker(what)? {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 => self.number(1, what)?,
            Marker::Str16 => self.number(2, what)?,
            Marker::Str32 => self.number(4, what)?,
            _ => return Err(expected(what, "a text")),
        };
        std::str::from_utf8(self.take(length, what)?)
            .map_err(|_| DecodeError::new(Fault::NotUtf8, format!("{what} is not UTF-8")))
    }

    /// A text of at most `bytes_max` bytes.
    pub(crate) fn label(&mut self, bytes_max: usize, what: &'static str) -> Result<String> {
        match self.text(what)? {
            text if text.len() <= bytes_max => Ok(text.to_owned()),
            _ => Err(DecodeError::too_large(format!("{what} is longer than {bytes_max} bytes"))),
        }
    }

    pub(crate) fn bin<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let length = match self.marker(what)? {
            Marker::Bin8 => self.number(1, what)?,
            Marker::Bin16 => self.number(2, what)?,
            Marker::Bin32 => self.number(4, what)?,
            _ => return Err(expected(what, "binary data")),
        };
        <[u8; N]>::try_from(self.take(length, what)?)
            .map_err(|_| DecodeError::malformed(format!("{what} has {length} bytes, expected {N}")))
    }

    pub(crate) fn uint(&mut self, what: &'static str) -> Result<u64> {
        let mut bytes = self.bytes;
        let number = rmp::decode::read_int(&mut bytes)
            .map_err(|_| expected(what, "a number that is not negative"))?;
        self.bytes = bytes;
        Ok(number)
    }

    pub(crate) fn bool(&mut self, what: &'static str) -> Result<bool> {
        match self.marker(what)? {
            Marker::True => Ok(true),
            Marker::False => Ok(false),
            _ => Err(expected(what, "true or false")),
        }
    }

    /// Takes a nil if one stands here.
    pub(crate) fn nil(&mut self) -> bool {
        let is_nil = self.bytes.first() == Some(&0xc0);
        if is_nil {
            self.bytes = &self.bytes[1..];
        }
        is_nil
    }

    /// Nil, or what `read` reads.
    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.nil() { Ok(None) } else { read(self).map(Some) }
    }

    pub(crate) fn value(&mut self, bytes_max: usize) -> Result<Value> {
        let length = value::measure(self.bytes, NESTING_MAX)?;
        if length > bytes_max {
            let text = format!("a value of {length} bytes is larger than {bytes_max}");
            return Err(DecodeError::too_large(text));
        }
        Ok(Value::from_checked(self.take(length, "value")?))
    }

    pub(crate) fn stamp(&mut self) -> Result<Stamp> {
        Stamp::from_bytes(self.bin("stamp")?)
            .ok_or_else(|| DecodeError::malformed("a stamp needs a replica id other than zero"))
    }

    pub(crate) fn replica(&mut self) -> Result<ReplicaId> {
        ReplicaId::new(u64::from_be_bytes(self.bin("replica id")?))
            .ok_or_else(|| DecodeError::malformed("a replica id is not zero"))
    }

    pub(crate) fn device(&mut self) -> Result<DeviceId> {
        Ok(DeviceId(u64::from_be_bytes(self.bin("device id")?)))
    }

    pub(crate) fn push_id(&mut self) -> Result<PushId> {
        self.array_of(2, "push id")?;
        Ok(PushId { replica: self.replica()?, counter: self.uint("push counter")? })
    }

    /// How many items of at least `bytes_min` bytes can still follow, of the `count` announced:
    /// what memory may be reserved for.
    pub(crate) fn room(&self, count: usize, bytes_min: usize) -> usize {
        count.min(self.bytes.len() / bytes_min)
    }

    /// Nothing can hold more items than it has bytes.
    fn fits(&self, length: usize, what: &'static str) -> Result<usize> {
        if length > self.bytes.len() {
            return Err(DecodeError::malformed(format!("{what} is cut short")));
        }
        Ok(length)
    }

    fn marker(&mut self, what: &'static str) -> Result<Marker> {
        Ok(Marker::from_u8(self.take(1, what)?[0]))
    }

    fn number(&mut self, width: usize, what: &'static str) -> Result<usize> {
        let digits = self.take(width, what)?;
        Ok(digits.iter().fold(0, |all, &byte| all << 8 | usize::from(byte)))
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8]> {
        if length > self.bytes.len() {
            return Err(DecodeError::malformed(format!("{what} is cut short")));
        }
        let (taken, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Ok(taken)
    }
}

fn expected(what: &'static str, kind: &'static str) -> DecodeError {
    DecodeError::malformed(format!("{what} must be {kind}"))
}
