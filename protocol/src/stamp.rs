//! Stamps and the hybrid logical clock that makes them.
//!
//! ```text
//! byte  0        6      8                16
//!       +--------+------+----------------+
//!       | millis | count|   replica id   |   big-endian: bytes sort as stamps do
//!       +--------+------+----------------+
//! ```
//! The clock never reads the time: it is told. After Kulkarni, Demirbas, Madappa, Avva and Leone,
//! "Logical Physical Clocks" (2014); milliseconds and counter are kept as one number, so that a
//! counter that overflows carries into the milliseconds by itself.

use std::fmt;

use crate::name::ReplicaId;

/// Greatest milliseconds a stamp can carry: 48 bits, the year 10889.
pub const MILLIS_MAX: u64 = (1 << 48) - 1;

/// Milliseconds since 1970-01-01 UTC and a counter, packed as `millis << 16 | counter`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HlcTime(u64);

impl HlcTime {
    /// Before every stamp.
    pub const ZERO: Self = Self(0);

    /// The first moment of a millisecond; later than 48 bits counts as the last one.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis > MILLIS_MAX { MILLIS_MAX } else { millis } << 16)
    }

    /// From the packed form.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The packed form.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 >> 16
    }

    /// The counter within the millisecond.
    #[must_use]
    pub const fn counter(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// The next moment; the counter carries into the milliseconds.
    #[must_use]
    const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Debug for HlcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.millis(), self.counter())
    }
}

/// When and by which replica something was written; totally ordered, 16 bytes that sort the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The hybrid logical time.
    pub time: HlcTime,
    /// Who wrote.
    pub replica: ReplicaId,
}

impl Stamp {
    /// A stamp of its two parts.
    #[must_use]
    pub const fn new(time: HlcTime, replica: ReplicaId) -> Self {
        Self { time, replica }
    }

    /// The 16 bytes that sort as stamps do.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.time.0) << 64) | u128::from(self.replica.get())).to_be_bytes()
    }

    /// From the 16 bytes; `None` when the replica id is zero.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let (time, replica) = bytes.split_at(8);
        let word = |half: &[u8]| half.iter().fold(0, |all, &byte| all << 8 | u64::from(byte));
        Some(Self { time: HlcTime(word(time)), replica: ReplicaId::new(word(replica))? })
    }

    /// From the 32 hexadecimal digits that `Display` gives.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| digits)?;
        Self::from_bytes(number.to_be_bytes())
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{}", self.time.0, self.replica)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{}", self.time, self.replica)
    }
}

/// A stamp lies too far ahead of the clock that should have observed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stamp is {ahead_ms} ms ahead of this clock")]
pub struct Drift {
    /// How far ahead, in milliseconds.
    pub ahead_ms: u64,
}

/// Whether a time is more than `drift_ms_max` ahead of `now_ms`.
///
/// # Errors
/// [`Drift`] when it is.
pub fn check_drift(time: HlcTime, now_ms: u64, drift_ms_max: u64) -> Result<(), Drift> {
    let ahead_ms = time.millis().saturating_sub(now_ms);
    if ahead_ms > drift_ms_max { Err(Drift { ahead_ms }) } else { Ok(()) }
}

/// A hybrid logical clock: it never goes back, and never gives one time twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    last: HlcTime,
}

impl Clock {
    /// A clock that has seen nothing later than `last`.
    #[must_use]
    pub const fn starting_after(last: HlcTime) -> Self {
        Self { last }
    }

    /// The greatest time given or observed so far; persist it to start after it.
    #[must_use]
    pub const fn last(&self) -> HlcTime {
        self.last
    }

    /// The next time, told that the wall shows `now_ms`.
    pub fn tick(&mut self, now_ms: u64) -> HlcTime {
        self.last = self.last.next().max(HlcTime::from_millis(now_ms));
        self.last
    }

    /// Moves past a time received from elsewhere; who calls has checked its drift.
    pub fn observe(&mut self, time: HlcTime) {
        self.last = self.last.max(time);
    }

    /// Moves past a time received from elsewhere unless it runs ahead.
    ///
    /// # Errors
    /// [`Drift`], and the clock stays where it was: a stamp never runs away.
    pub fn observe_within(
        &mut self,
        time: HlcTime,
        now_ms: u64,
        drift_ms_max: u64,
    ) -> Result<(), Drift> {
        check_drift(time, now_ms, drift_ms_max)?;
        self.observe(time);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_carries_into_the_milliseconds() {
        let mut clock = Clock::starting_after(HlcTime::from_bits(5 << 16 | 0xffff));
        let time = clock.tick(5);
        assert_eq!((time.millis(), time.counter()), (6, 0));
    }

    #[test]
    fn a_wall_that_goes_back_does_not_move_the_clock_back() {
        let mut clock = Clock::default();
        let first = clock.tick(100);
        let second = clock.tick(40);
        assert!(second > first);
        assert_eq!(second.millis(), 100);
    }

    #[test]
    fn bytes_and_hex_give_the_stamp_back() {
        let stamp =
            Stamp::new(HlcTime::from_bits(0x0123_4567_89ab_cdef), ReplicaId::from_random(7));
        assert_eq!(Stamp::from_bytes(stamp.to_bytes()), Some(stamp));
        assert_eq!(Stamp::from_hex(&stamp.to_string()), Some(stamp));
        assert_eq!(Stamp::from_bytes([0; 16]), None);
        assert_eq!(Stamp::from_hex("+123456789abcdef0123456789abcdef0"), None);
    }

    #[test]
    fn a_stamp_from_the_future_leaves_the_clock_alone() {
        let mut clock = Clock::default();
        let far = HlcTime::from_millis(61_001);
        assert_eq!(clock.observe_within(far, 1_000, 60_000), Err(Drift { ahead_ms: 60_001 }));
        assert_eq!(clock.last(), HlcTime::ZERO);
    }
}
