//! Writes MessagePack items one by one.

use rmp::encode;

use crate::delta::PushId;
use crate::value::Value;

/// Writing to a `Vec` cannot fail, which `rmp` cannot know.
const INFALLIBLE: &str = "writing to memory does not fail";

/// A frame in the making.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A frame of this kind with `items` items after the kind.
    pub(crate) fn frame(kind: u64, items: usize) -> Self {
        let mut writer = Self { bytes: Vec::with_capacity(64) };
        writer.array(items + 1).uint(kind);
        writer
    }

    /// Continues what is already there.
    pub(crate) fn onto(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn array(&mut self, length: usize) -> &mut Self {
        encode::write_array_len(&mut self.bytes, length_of(length)).expect(INFALLIBLE);
        self
    }

    pub(crate) fn map(&mut self, length: usize) -> &mut Self {
        encode::write_map_len(&mut self.bytes, length_of(length)).expect(INFALLIBLE);
        self
    }

    pub(crate) fn text(&mut self, text: impl AsRef<str>) -> &mut Self {
        encode::write_str(&mut self.bytes, text.as_ref()).expect(INFALLIBLE);
        self
    }

    pub(crate) fn bin(&mut self, bytes: &[u8]) -> &mut Self {
        encode::write_bin(&mut self.bytes, bytes).expect(INFALLIBLE);
        self
    }

    pub(crate) fn uint(&mut self, number: u64) -> &mut Self {
        encode::write_uint(&mut self.bytes, number).expect(INFALLIBLE);
        self
    }

    pub(crate) fn bool(&mut self, truth: bool) -> &mut Self {
        encode::write_bool(&mut self.bytes, truth).expect(INFALLIBLE);
        self
    }

    pub(crate) fn nil(&mut self) -> &mut Self {
        encode::write_nil(&mut self.bytes).expect(INFALLIBLE);
        self
    }

    pub(crate) fn option<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T),
    ) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => {
                self.nil();
            }
        }
        self
    }

    pub(crate) fn value(&mut self, value: &Value) -> &mut Self {
        self.raw(value.as_bytes())
    }

    /// Bytes that are one value already.
    pub(crate) fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(value);
        self
    }

    pub(crate) fn id(&mut self, id: u64) -> &mut Self {
        self.bin(&id.to_be_bytes())
    }

    pub(crate) fn push_id(&mut self, id: PushId) -> &mut Self {
        self.array(2).id(id.replica.get()).uint(id.counter)
    }
}

/// Frames are far below 4 GiB; what is not could not be sent anyway.
fn length_of(length: usize) -> u32 {
    u32::try_from(length).expect("a frame has fewer than 2^32 items")
}
