//! What a person should know of an import, so many of them and no more.

use crate::cli::print::note;

/// Notes that are told one by one.
const TOLD_MAX: usize = 100;

/// Notes, in order.
#[derive(Debug, Default)]
pub(super) struct Notes {
    told: Vec<String>,
    more: u64,
    has_lost: bool,
}

impl Notes {
    /// Adds one.
    pub(super) fn add(&mut self, text: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(text);
        } else {
            self.more += 1;
        }
    }

    /// Adds one about something that is no event and cannot come along.
    pub(super) fn lose(&mut self, text: String) {
        self.has_lost = true;
        self.add(text);
    }

    /// Whether something cannot come along that should have been an event.
    pub(super) fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// All of them, the last of which may stand for many.
    pub(super) fn texts(&self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more like these", self.more));
        self.told.iter().cloned().chain(more).collect()
    }

    /// Tells them to the person at the terminal.
    pub(super) fn tell(&self) {
        self.texts().iter().for_each(|text| note(format!("note: {text}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_there_are_few_are_kept() {
        let mut notes = Notes::default();
        (0..TOLD_MAX + 7).for_each(|number| notes.add(number.to_string()));
        assert_eq!(notes.texts().len(), TOLD_MAX + 1);
        assert_eq!(notes.texts().last().map(String::as_str), Some("and 7 more like these"));
    }
}
