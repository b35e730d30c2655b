//! The small states that sessions show to those in a space: never stored, and gone with them.
//!
//! Who shows nothing is not announced: ten thousand silent readers tell each other nothing.

use std::collections::BTreeMap;

use syncline_protocol::{Peer, PresenceEvent, Value};

use super::SessionId;

/// The states shown in one space.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    shown: BTreeMap<SessionId, (Peer, Value)>,
}

impl Attendance {
    /// A session shows a state, or none any more; gives what the others hear.
    pub(super) fn show(
        &mut self,
        session: SessionId,
        peer: Peer,
        value: Option<Value>,
    ) -> Option<(Peer, PresenceEvent)> {
        let Some(value) = value else { return self.leave(session) };
        let event = match self.shown.insert(session, (peer.clone(), value.clone())) {
            None => PresenceEvent::Joined(Some(value)),
            Some(_) => PresenceEvent::State(value),
        };
        Some((peer, event))
    }

    /// A session goes; gives what the others hear, when it had shown something.
    pub(super) fn leave(&mut self, session: SessionId) -> Option<(Peer, PresenceEvent)> {
        self.shown.remove(&session).map(|(peer, _)| (peer, PresenceEvent::Left))
    }

    /// What everyone but a session shows.
    pub(super) fn others(&self, session: SessionId) -> impl Iterator<Item = (&Peer, &Value)> {
        let others = self.shown.iter().filter(move |(other, _)| **other != session);
        others.map(|(_, (peer, value))| (peer, value))
    }
}
