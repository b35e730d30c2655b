//! Where the entries of a journal lie that are still needed, and where there is room for the next.
//!
//! ```text
//!   free        needed, the older     needed, the newer       free
//!  |-----------|=====================|=======|---------------|  end of the file
//!  begin                             cut     end: the next entry goes here; at the end of the
//!                                            file it goes to the beginning, if that is free
//! ```
//! A cut is where the newer begin: the older are released together.

use std::collections::VecDeque;
use std::ops::Range;

/// The places of entries in a file.
#[derive(Debug)]
pub(super) struct Extents {
    /// Where entries may begin to lie.
    begin: u64,
    /// Where the last entry ends.
    end: u64,
    /// In the order of their entries.
    needed: VecDeque<Extent>,
    /// Whether the next entry is the first after a cut.
    is_cut: bool,
}

/// Entries that lie behind each other.
#[derive(Debug)]
struct Extent {
    /// The number of the last of them.
    last: u64,
    place: Range<u64>,
}

impl Extents {
    /// No entry is needed, and the first goes here.
    pub(super) fn new(begin: u64) -> Self {
        Self { begin, end: begin, needed: VecDeque::new(), is_cut: false }
    }

    /// Where an entry of this length goes in a file of this length, which grows only when nothing
    /// else is left.
    pub(super) fn room(&self, length: u64, file_length: u64) -> Range<u64> {
        let place = |at: u64| at..at + length;
        let onwards = Some(place(self.end)).filter(|place| place.end <= file_length);
        let mut places = onwards.into_iter().chain([place(self.begin)]);
        let behind_all = self.iter().map(|it| it.end).max().unwrap_or(self.begin);
        places.find(|place| self.is_free(place)).unwrap_or_else(|| place(behind_all))
    }

    fn is_free(&self, place: &Range<u64>) -> bool {
        self.iter().all(|needed| place.end <= needed.start || needed.end <= place.start)
    }

    /// An entry lies there now.
    pub(super) fn take(&mut self, number: u64, place: Range<u64>) {
        self.end = place.end;
        match self.needed.back_mut() {
            Some(extent) if extent.place.end == place.start && !self.is_cut => {
                (extent.last, extent.place.end) = (number, place.end);
            }
            _ => self.needed.push_back(Extent { last: number, place }),
        }
        self.is_cut = false;
    }

    /// What comes from here on is not released with what is there.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
    }

    /// The entries up to this number are not needed any more; it is the last before a cut.
    pub(super) fn release(&mut self, last: u64) {
        while self.needed.front().is_some_and(|extent| extent.last <= last) {
            self.needed.pop_front();
        }
        if self.needed.is_empty() {
            self.end = self.begin;
        }
    }

    /// Where needed entries lie, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.needed.iter().map(|extent| &extent.place)
    }

    /// Bytes of what is needed.
    pub(super) fn bytes(&self) -> u64 {
        self.iter().map(|place| place.end - place.start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(numbers: Range<u64>, file_length: u64, extents: &mut Extents) {
        for number in numbers {
            let place = extents.room(10, file_length);
            extents.take(number, place);
        }
    }

    #[test]
    fn at_the_end_of_the_file_it_goes_on_where_nothing_is_needed() {
        let mut extents = Extents::new(10);
        filled(1..6, 100, &mut extents);
        extents.cut();
        filled(6..8, 100, &mut extents);
        extents.release(5);
        assert!(extents.iter().eq([&(60..80)]));
        filled(8..12, 100, &mut extents);
        let places: Vec<_> = extents.iter().cloned().collect();
        assert_eq!((places, extents.bytes()), (vec![60..100, 10..30], 60));
        // The oldest are still needed: the file grows rather than that one is written over.
        filled(12..15, 100, &mut extents);
        assert_eq!(extents.room(10, 100), 100..110);
        assert_eq!(extents.room(11, 200), 100..111);
    }

    #[test]
    fn when_nothing_is_needed_it_begins_anew() {
        let mut extents = Extents::new(10);
        filled(1..4, 100, &mut extents);
        extents.cut();
        extents.release(3);
        assert_eq!((extents.bytes(), extents.room(5, 100)), (0, 10..15));
    }
}
