//! The seal of a backup: its last 32 bytes are the SHA-256 of all that comes before them.
//!
//! Both ends work on streams that cannot be wound back. They know nothing of what they carry.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// Bytes of a seal.
const SEAL_BYTES: usize = 32;
/// Read at once; what is read last may be the seal.
const READ_BYTES: usize = 64 * 1024;

/// Passes bytes on, and writes the seal at their end.
pub(super) struct Seal<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Seal<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }

    /// Writes the seal; gives the number of bytes written in all.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.out.write_all(&self.hash.finalize())?;
        self.out.flush()?;
        Ok(self.bytes + SEAL_BYTES as u64)
    }
}

impl<W: Write> Write for Seal<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Hands on all bytes but the seal, which is checked at the end.
pub(super) struct Unseal<R> {
    from: R,
    hash: Sha256,
    /// What was read and not handed on; at the end of `from`, its last bytes are the seal.
    held: Vec<u8>,
    given: usize,
    ended: bool,
    /// What `from` failed with: to tell it from bytes that make no sense.
    failed: Option<io::Error>,
}

impl<R: Read> Unseal<R> {
    pub(super) fn new(from: R) -> Self {
        let (hash, held) = (Sha256::new(), Vec::with_capacity(READ_BYTES + SEAL_BYTES));
        Self { from, hash, held, given: 0, ended: false, failed: None }
    }

    /// Why reading failed, when it did not fail for what was read.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// Ends: whether everything was handed on and the seal is whole.
    pub(super) fn check(mut self) -> bool {
        let rest = self.read(&mut [0]);
        let seal = &self.held[self.given..];
        matches!(rest, Ok(0)) && self.hash.finalize().as_slice() == seal
    }

    /// Reads until there is more than a seal, or no more.
    fn fill(&mut self) -> io::Result<()> {
        if self.held.len() - self.given > SEAL_BYTES || self.ended {
            return Ok(());
        }
        self.held.drain(..self.given);
        self.given = 0;
        while self.held.len() <= SEAL_BYTES {
            let space = READ_BYTES as u64;
            if (&mut self.from).take(space).read_to_end(&mut self.held)? == 0 {
                self.ended = true;
                break;
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Unseal<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Err(error) = self.fill() {
            let kind = error.kind();
            self.failed = Some(error);
            return Err(kind.into());
        }
        let free = (self.held.len() - self.given).saturating_sub(SEAL_BYTES);
        let bytes = &self.held[self.given..][..free.min(out.len())];
        out[..bytes.len()].copy_from_slice(bytes);
        self.hash.update(bytes);
        self.given += bytes.len();
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unseal(bytes: &[u8]) -> Option<Vec<u8>> {
        let mut source = Unseal::new(bytes);
        let mut read = Vec::new();
        source.read_to_end(&mut read).unwrap();
        source.check().then_some(read)
    }

    #[test]
    fn what_is_sealed_comes_out_and_nothing_else_does() {
        for length in [0, 1, 31, 32, 33, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES + 17] {
            let content: Vec<u8> = (0..=250).cycle().take(length).collect();
            let mut sealed = Vec::new();
            let mut seal = Seal::new(&mut sealed);
            seal.write_all(&content).unwrap();
            assert_eq!(seal.finish().unwrap(), sealed.len() as u64);
            assert_eq!(sealed.len(), length + SEAL_BYTES);
            assert_eq!(unseal(&sealed), Some(content));
            assert_eq!(unseal(&sealed[..sealed.len() - 1]), None);
            sealed[length / 2] ^= 1;
            assert_eq!(unseal(&sealed), None);
        }
    }

    #[test]
    fn a_seal_is_checked_only_at_the_very_end() {
        let mut sealed = Vec::new();
        let mut seal = Seal::new(&mut sealed);
        seal.write_all(b"abc").unwrap();
        seal.finish().unwrap();
        let mut source = Unseal::new(sealed.as_slice());
        source.read_exact(&mut [0; 2]).unwrap();
        assert!(!source.check());
    }
}
