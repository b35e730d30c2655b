//! How far an installation has heard: what was sent before a ping that it has answered. What was
//! sent after that may lie in a cable that nobody holds at the other end.

use syncline_protocol::Reject;

use super::super::mapping::{collection, key};
use crate::hub::View;

/// A place among the events and tombstones of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the last event.
    pub(super) event: i64,
    /// The last time told.
    pub(super) time: i64,
    /// The number of the last tombstone.
    pub(super) tombstone: i64,
}

impl Place {
    /// The end, as of a moment.
    pub(super) fn end(view: &View) -> Result<Self, Reject> {
        let state = view.get(&collection(".state"), &key("state"))?.unwrap_or_default();
        let number =
            |name: &str| state.get(name).and_then(|value| value.as_i64()).unwrap_or_default();
        Ok(Self { event: number("event"), time: number("last"), tombstone: number("tombstone") })
    }
}

/// What an installation is known to have heard.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    pings: u64,
    /// The place of the last ping that says one, with its number.
    asked: Option<(u64, Place)>,
    heard: Option<Place>,
}

impl Hearing {
    /// What the next ping carries. It asks for a place when all events up to there have been sent.
    pub(super) fn ask(&mut self, place: Option<Place>) -> Vec<u8> {
        self.pings += 1;
        if let Some(place) = place {
            self.asked = Some((self.pings, place));
        }
        self.pings.to_be_bytes().to_vec()
    }

    /// A ping was answered. The answer to one may come after the next was sent.
    pub(super) fn answered(&mut self, carried: &[u8]) {
        let is_it = |(number, _): &(u64, Place)| number.to_be_bytes() == carried;
        if let Some((_, place)) = self.asked.take_if(|asked| is_it(asked)) {
            self.heard = Some(place);
        }
    }

    /// Up to where it has heard, if anything is known of it.
    pub(super) fn heard(&self) -> Option<Place> {
        self.heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_before_an_answered_ping_is_heard() {
        let place = |event| Place { event, time: event, tombstone: 0 };
        let mut hearing = Hearing::default();
        let first = hearing.ask(Some(place(1)));
        assert_eq!(hearing.heard(), None);
        hearing.answered(&first);
        assert_eq!(hearing.heard(), Some(place(1)));
        let late = hearing.ask(Some(place(2)));
        let next = hearing.ask(Some(place(3)));
        hearing.answered(&late);
        assert_eq!(hearing.heard(), Some(place(1)), "the next one asks for more");
        let unsaid = hearing.ask(None);
        hearing.answered(&unsaid);
        hearing.answered(b"noise");
        assert_eq!(hearing.heard(), Some(place(1)));
        hearing.answered(&next);
        assert_eq!(hearing.heard(), Some(place(3)));
    }
}
