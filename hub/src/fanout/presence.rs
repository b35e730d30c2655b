//! Who is in a space now, and the small state that each shows: never stored.

use std::collections::BTreeMap;

use syncline_protocol::{Peer, Value};

use super::SessionId;

/// The sessions in one space.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    sessions: BTreeMap<SessionId, (Peer, Option<Value>)>,
}

impl Attendance {
    /// Counts a session in; says whether it was not there before.
    pub(super) fn enter(&mut self, session: SessionId, peer: Peer) -> bool {
        let is_new = !self.sessions.contains_key(&session);
        self.sessions.entry(session).or_insert((peer, None));
        is_new
    }

    /// Counts a session out; gives who it was.
    pub(super) fn leave(&mut self, session: SessionId) -> Option<Peer> {
        self.sessions.remove(&session).map(|(peer, _)| peer)
    }

    /// Sets what a session shows; gives who it is, when it is there.
    pub(super) fn show(&mut self, session: SessionId, value: Option<Value>) -> Option<Peer> {
        let (peer, shown) = self.sessions.get_mut(&session)?;
        *shown = value;
        Some(peer.clone())
    }

    /// Who a session is.
    pub(super) fn peer(&self, session: SessionId) -> Option<&Peer> {
        self.sessions.get(&session).map(|(peer, _)| peer)
    }

    /// Everyone but a session, with what they show.
    pub(super) fn others(
        &self,
        session: SessionId,
    ) -> impl Iterator<Item = (&Peer, Option<&Value>)> {
        let others = self.sessions.iter().filter(move |(other, _)| **other != session);
        others.map(|(_, (peer, value))| (peer, value.as_ref()))
    }
}
