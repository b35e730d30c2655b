//! The history as v1 tells it: by time, and within one second by acceptance. It is read page by
//! page, each of a moment of its own, so that nobody waits for a slow reader; what came after the
//! first moment is left out of the later ones.
//!
//! ```text
//! keys in order > one second's events > by sequence > JSON
//!                 too many to hold    > `crowd`
//! ```

mod crowd;

use serde_json::json;
use syncline_protocol::{Filter, Record, RecordKey, Reject};

use super::app::App;
use super::cursor::Cursor;
use super::event::{ALIAS, EVENT, Event, second_of_key};
use super::mapping::named;
use crate::hub::{EVENTS, Principal, View};
use crowd::Crowd;

/// About as much is read of the store at once.
const PAGE_BYTES: usize = 256 * 1024;
/// About as much of one second is held to be put in order.
const SECOND_BYTES: usize = 4 << 20;

/// Whose reading of which app.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) app: App,
    pub(super) principal: Principal,
}

impl Reading {
    pub(super) fn view(&self) -> Result<View, Reject> {
        self.app.hub().read(&self.principal, self.app.space())
    }
}

/// In which form events are told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tell {
    /// Of version 1.
    V1,
    /// The first form, from a time on.
    Seed { from: u64 },
}

impl Tell {
    fn json(self, event: &Event, record: &Record) -> Option<String> {
        match self {
            Self::V1 => serde_json::to_string(event).ok(),
            Self::Seed { from } if event.timestamp < from => None,
            Self::Seed { .. } => {
                let alias = record.get(ALIAS).and_then(|alias| alias.as_str());
                let Event { uuid, timestamp, user, item, action, payload } = event;
                let uuid = alias.unwrap_or(uuid);
                let told = json!({ "uuid": uuid, "timestamp": timestamp, "userUuid": user,
                    "itemUuid": item, "action": action, "payload": payload });
                Some(told.to_string())
            }
        }
    }
}

/// What is of a history, and how it is told.
#[derive(Debug, Clone, Copy)]
struct Scope {
    /// What came later is not of it.
    until: u64,
    tell: Tell,
}

/// Where an event stands in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    timestamp: u64,
    sequence: u64,
}

struct Ranked {
    rank: Rank,
    json: String,
}

/// The history up to a moment, as far as it has been told.
pub(super) struct History {
    reading: Reading,
    scope: Scope,
    /// The last key that was looked at.
    after: Option<String>,
    /// The second that is being read, and what is there.
    second: Option<u64>,
    events: Vec<Ranked>,
    bytes: usize,
    crowd: Option<Crowd>,
    is_over: bool,
    out: Out,
}

/// JSON on its way out: one array, or one event a line.
#[derive(Default)]
struct Out {
    text: Vec<u8>,
    has_begun: bool,
    in_lines: bool,
}

impl Out {
    fn push(&mut self, json: &str) {
        if !self.in_lines {
            self.text.push(if self.has_begun { b',' } else { b'[' });
        }
        self.has_begun = true;
        self.text.extend_from_slice(json.as_bytes());
        if self.in_lines {
            self.text.push(b'\n');
        }
    }

    fn end(&mut self) {
        if !self.in_lines {
            self.text.extend_from_slice(if self.has_begun { b"]" } else { b"[]" });
        }
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }
}

impl History {
    /// The whole history, of events up to a sequence.
    pub(super) fn new(reading: Reading, until: u64, tell: Tell) -> Self {
        let scope = Scope { until, tell };
        let (after, second, events, crowd) = (None, None, Vec::new(), None);
        let (bytes, is_over, out) = (0, false, Out::default());
        Self { reading, scope, after, second, events, bytes, crowd, is_over, out }
    }

    /// The same, one event a line.
    pub(super) fn in_lines(mut self) -> Self {
        self.out.in_lines = true;
        self
    }

    /// What comes next; none at the end. It asks the store.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Reject> {
        while self.out.text.len() < PAGE_BYTES && !self.is_over {
            match self.crowd.take() {
                Some(crowd) => self.pass(crowd)?,
                None => self.read()?,
            }
        }
        let text = self.out.take();
        Ok((!text.is_empty()).then_some(text))
    }

    fn read(&mut self) -> Result<(), Reject> {
        let view = self.reading.view()?;
        let after = self.after.as_ref().map(String::as_bytes);
        let listed = view.list(&named(EVENTS), "", after, PAGE_BYTES)?;
        for (key, record) in listed.records {
            if self.bytes > SECOND_BYTES && second_of_key(&key) == self.second {
                self.crowd = self.second.map(|second| Crowd::new(second, self.scope));
                self.events.clear();
                self.bytes = 0;
                return Ok(());
            }
            self.take(&key, &record);
            self.after = Some(key.as_str().to_owned());
        }
        if !listed.more {
            self.tell_second();
            self.finish();
        }
        Ok(())
    }

    fn take(&mut self, key: &RecordKey, record: &Record) {
        let second = second_of_key(key);
        if second != self.second {
            self.tell_second();
            self.second = second;
        }
        if let Some(ranked) = ranked(record, self.scope) {
            self.bytes += ranked.json.len();
            self.events.push(ranked);
        }
    }

    fn tell_second(&mut self) {
        self.events.sort_unstable_by_key(|event| event.rank);
        self.events.drain(..).for_each(|event| self.out.push(&event.json));
        self.bytes = 0;
    }

    /// Tells something of a second that has too many events to hold.
    fn pass(&mut self, mut crowd: Crowd) -> Result<(), Reject> {
        if crowd.pass(&self.reading.view()?, &mut self.out)? {
            self.crowd = Some(crowd);
            return Ok(());
        }
        match crowd.end() {
            Some(end) => self.after = Some(end),
            None => self.finish(),
        }
        Ok(())
    }

    fn finish(&mut self) {
        self.out.end();
        self.is_over = true;
    }
}

/// The event of a record, if it is of the history up to a sequence.
fn ranked(record: &Record, scope: Scope) -> Option<Ranked> {
    let sequence = record.register(EVENT).map(|it| it.sequence).filter(|it| *it <= scope.until)?;
    let event = Event::of(record)?;
    let json = scope.tell.json(&event, record)?;
    Some(Ranked { rank: Rank { timestamp: event.timestamp, sequence }, json })
}

/// The events after a cursor, as they were accepted, up to a moment.
pub(super) struct Recent {
    reading: Reading,
    after: Cursor,
    until: u64,
    is_over: bool,
    out: Out,
}

impl Recent {
    pub(super) fn new(reading: Reading, after: Cursor, until: u64) -> Self {
        Self { reading, after, until, is_over: false, out: Out::default() }
    }

    /// What comes next; none at the end. It asks the store.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Reject> {
        let events = Filter::new([named(EVENTS)], "");
        let events = events.map_err(|it| Reject::new(syncline_protocol::Code::Internal, it))?;
        while self.out.text.len() < PAGE_BYTES && !self.is_over {
            let view = self.reading.view()?;
            if view.space().epoch != self.after.epoch {
                return Err(super::fault::Fault::NO_CURSOR.at(0));
            }
            let logged = view.log(self.after.sequence, &events, PAGE_BYTES)?;
            self.after.sequence = logged.last;
            for applied in &logged.deltas {
                if let Some(event) =
                    applied_event(applied).filter(|_| applied.sequence <= self.until)
                {
                    self.out.push(&serde_json::to_string(&event).unwrap_or_default());
                }
            }
            if !logged.more || logged.last >= self.until {
                self.out.end();
                self.is_over = true;
            }
        }
        let text = self.out.take();
        Ok((!text.is_empty()).then_some(text))
    }
}

/// The event that a delta brought.
pub(super) fn applied_event(applied: &syncline_protocol::Applied) -> Option<Event> {
    let change = &applied.delta.change;
    if change.collection.as_str() != EVENTS {
        return None;
    }
    let syncline_protocol::Op::Put(fields) = &change.op else { return None };
    let value = fields.iter().find(|(name, _)| name.as_str() == EVENT)?.1?;
    rmp_serde::from_slice(value.as_bytes()).ok()
}

#[cfg(test)]
mod tests;
