//! The bytes that rows are made of: fixed words, lengths, texts. Knows nothing of their meaning.

use syncline_protocol::{ReplicaId, Stamp};

use super::StoreError;

/// Reads a row from its beginning to its end.
pub(super) struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let Some((taken, rest)) = self.0.split_at_checked(length) else { return Err(CUT) };
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], StoreError> {
        let Some((taken, rest)) = self.0.split_first_chunk() else { return Err(CUT) };
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, StoreError> {
        let [byte] = *self.array()?;
        Ok(byte)
    }

    pub(super) fn word(&mut self) -> Result<u64, StoreError> {
        Ok(u64::from_be_bytes(*self.array()?))
    }

    pub(super) fn wide(&mut self) -> Result<u128, StoreError> {
        Ok(u128::from_be_bytes(*self.array()?))
    }

    pub(super) fn stamp(&mut self) -> Result<Stamp, StoreError> {
        match self.stamp_option()? {
            Some(stamp) => Ok(stamp),
            None => Err(StoreError::Corrupt("a stamp")),
        }
    }

    pub(super) fn stamp_option(&mut self) -> Result<Option<Stamp>, StoreError> {
        Ok(Stamp::from_bytes(*self.array()?))
    }

    pub(super) fn replica(&mut self) -> Result<ReplicaId, StoreError> {
        ReplicaId::new(self.word()?).ok_or(StoreError::Corrupt("a replica id"))
    }

    /// A number in as few bytes as it needs, seven bits in each, the lowest first (LEB128).
    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        if let [byte @ ..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(u64::from(*byte));
        }
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            let Some(digits) = u64::from(byte & 0x7f).checked_shl(shift) else { return Err(CUT) };
            number |= digits;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    #[inline]
    pub(super) fn length(&mut self) -> Result<usize, StoreError> {
        usize::try_from(self.number()?).map_err(|_| CUT)
    }

    /// Bytes with their length before them.
    #[inline]
    pub(super) fn sized(&mut self) -> Result<&'a [u8], StoreError> {
        let length = self.length()?;
        self.bytes(length)
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a str, StoreError> {
        std::str::from_utf8(self.sized()?).map_err(|_| StoreError::Corrupt("a text"))
    }
}

const CUT: StoreError = StoreError::Corrupt("a row that is cut short");

/// Writes a row from its beginning to its end.
#[derive(Debug, Default)]
pub(super) struct Put(Vec<u8>);

impl Put {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Begins anew, with the memory that it has unless that is more than `kept` bytes.
    pub(super) fn clear(&mut self, kept: usize) {
        self.0.clear();
        self.0.shrink_to(kept);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(super) fn word(&mut self, word: u64) -> &mut Self {
        self.bytes(&word.to_be_bytes())
    }

    pub(super) fn wide(&mut self, wide: u128) -> &mut Self {
        self.bytes(&wide.to_be_bytes())
    }

    pub(super) fn stamp(&mut self, stamp: Stamp) -> &mut Self {
        self.bytes(&stamp.to_bytes())
    }

    /// Sixteen zero bytes stand for none: no stamp has the replica id zero.
    pub(super) fn stamp_option(&mut self, stamp: Option<Stamp>) -> &mut Self {
        self.bytes(&stamp.map_or([0; 16], Stamp::to_bytes))
    }

    pub(super) fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push((number & 0x7f) as u8);
        self
    }

    pub(super) fn length(&mut self, length: usize) -> &mut Self {
        self.number(length as u64)
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.length(text.len()).bytes(text.as_bytes())
    }

    /// What `write` adds, with its length before it.
    pub(super) fn sized(&mut self, write: impl FnOnce(&mut Self)) {
        let from = self.0.len();
        write(self);
        let length = self.0.len() - from;
        self.length(length);
        self.0[from..].rotate_left(length);
    }

    /// What an encoder of its own adds to the bytes.
    pub(super) fn with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_read_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut put = Put::default();
            put.number(number).text("hä").word(number);
            let bytes = put.finish();
            let mut take = Take::new(&bytes);
            assert_eq!(take.number().unwrap(), number);
            assert_eq!(take.text().unwrap(), "hä");
            assert_eq!(take.word().unwrap(), number);
            assert!(take.is_empty());
        }
    }

    #[test]
    fn a_length_comes_before_what_it_measures() {
        for length in [0, 1, 127, 128, 70_000] {
            let mut put = Put::default();
            put.byte(9).sized(|put| _ = put.bytes(&vec![7; length]));
            let bytes = put.byte(8).as_bytes().to_vec();
            let mut take = Take::new(&bytes);
            assert_eq!(take.byte().unwrap(), 9);
            assert_eq!(take.sized().unwrap(), vec![7; length]);
            assert_eq!(take.byte().unwrap(), 8);
        }
    }

    #[test]
    fn a_cut_row_is_an_error() {
        assert!(Take::new(&[0x80]).number().is_err());
        assert!(Take::new(&[0xff; 12]).number().is_err());
        assert!(Take::new(&[5, b'a']).text().is_err());
        assert!(Take::new(&[0; 7]).word().is_err());
    }
}
