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

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], StoreError> {
        self.bytes(N)?.first_chunk().ok_or(CUT)
    }

    pub(super) fn byte(&mut self) -> Result<u8, StoreError> {
        Ok(self.bytes(1)?[0])
    }

    pub(super) fn word(&mut self) -> Result<u64, StoreError> {
        let bytes = self.bytes(8)?;
        Ok(bytes.iter().fold(0, |all, &byte| all << 8 | u64::from(byte)))
    }

    pub(super) fn wide(&mut self) -> Result<u128, StoreError> {
        Ok(u128::from(self.word()?) << 64 | u128::from(self.word()?))
    }

    pub(super) fn stamp(&mut self) -> Result<Stamp, StoreError> {
        Stamp::from_bytes(self.wide()?.to_be_bytes()).ok_or(StoreError::Corrupt("a stamp"))
    }

    pub(super) fn stamp_option(&mut self) -> Result<Option<Stamp>, StoreError> {
        Ok(Stamp::from_bytes(self.wide()?.to_be_bytes()))
    }

    pub(super) fn replica(&mut self) -> Result<ReplicaId, StoreError> {
        ReplicaId::new(self.word()?).ok_or(StoreError::Corrupt("a replica id"))
    }

    /// A number in as few bytes as it needs, seven bits in each, the lowest first (LEB128).
    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).ok_or(CUT)?;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    pub(super) fn length(&mut self) -> Result<usize, StoreError> {
        usize::try_from(self.number()?).map_err(|_| CUT)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, StoreError> {
        let length = self.length()?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| StoreError::Corrupt("a text"))
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
    fn a_cut_row_is_an_error() {
        assert!(Take::new(&[0x80]).number().is_err());
        assert!(Take::new(&[0xff; 12]).number().is_err());
        assert!(Take::new(&[5, b'a']).text().is_err());
        assert!(Take::new(&[0; 7]).word().is_err());
    }
}
