//! The rule's working copy of a data set: what is there, what a push makes of it, and the changes
//! that come of that. Everything that one push does sees what it did before.
//!
//! ```text
//! records before, and the push's own changes --> images --> changes applied with the push
//!
//! .state     counters, the last time told, barriers
//! .index     rows by id, folder, tag and address
//! .repeats   answers to creates and copies
//! .seen      what a device's socket had heard
//! events     the last few thousand, of which sockets are fed
//! ```
//! It has no opinion: which change is right is the commands' business.

mod clock;
mod images;
mod notes;
mod state;
mod table;
mod trash;

use std::collections::HashMap;

use serde::Serialize;
use syncline_protocol::{Change, Value};

use super::mapping::{Image, Table, collection, image, key};
use super::wire::Correlation;
use crate::hub::{Refusal, RuleView};

pub(crate) use notes::seen_key;
use state::State;

/// The open collections that only the rule writes to.
pub(crate) const OWN: [&str; 3] = ["events", "state", "tombstones"];

/// Who writes.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) correlation: Option<Correlation>,
    /// Whether the sender has a socket open, and so will hear of what follows. Whoever is no
    /// Linkora app needs none.
    pub(crate) listening: bool,
}

impl Sender {
    /// Whoever writes to the hub by another way.
    pub(crate) fn native() -> Self {
        Self { correlation: Some(Correlation::hub()), listening: true }
    }

    fn id(&self) -> &str {
        self.correlation.as_ref().map_or("", |correlation| &correlation.id)
    }
}

/// A data set, and what is to change in it.
pub(crate) struct Ledger<'a> {
    view: &'a RuleView<'a>,
    /// The wall clock in seconds.
    now: i64,
    pub(crate) sender: Sender,
    state: State,
    /// Records as they are by now.
    images: HashMap<(&'static str, String), Option<Image>>,
    /// Where rows lie, as far as asked.
    keys: HashMap<(Table, i64), Option<String>>,
    changes: Vec<Change>,
    /// The time of this push, once it has one.
    time: Option<i64>,
    /// The ids that are answered.
    made: Vec<i64>,
    /// The time that is answered, when it is another than the push's.
    repeated: Option<i64>,
    /// Whether old trash was looked for.
    swept: bool,
}

impl<'a> Ledger<'a> {
    pub(crate) fn open(
        view: &'a RuleView<'a>,
        now_ms: u64,
        sender: Sender,
    ) -> Result<Self, Refusal> {
        let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
        let record = view.get(&collection(state::COLLECTION), &key(state::KEY))?;
        let kept = record.as_ref().map(image).unwrap_or_default();
        let state = State::read(&kept, view.epoch().0, now);
        let images = HashMap::from([((state::COLLECTION, state::KEY.to_owned()), Some(kept))]);
        Ok(Self {
            view,
            now,
            sender,
            state,
            images,
            keys: HashMap::new(),
            changes: Vec::new(),
            time: None,
            made: Vec::new(),
            repeated: None,
            swept: false,
        })
    }

    /// The wall clock in seconds: what old writes are compared with.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) fn correlation(&self) -> Option<&Correlation> {
        self.sender.correlation.as_ref()
    }

    /// The time that devices are told for this push.
    pub(crate) fn time(&mut self) -> Result<i64, Refusal> {
        if let Some(time) = self.time {
            return Ok(time);
        }
        let time = self.state.next_time(self.now, &self.sender)?;
        self.time = Some(time);
        Ok(time)
    }

    /// Answers with one more id; 0 for what is not there.
    pub(crate) fn answer(&mut self, id: i64) {
        self.made.push(id);
    }

    /// Answers as before.
    pub(crate) fn answer_again(&mut self, time: i64, made: Vec<i64>) {
        self.repeated = Some(time);
        self.made = made;
    }

    /// What was answered so far.
    pub(crate) fn answered(&self) -> &[i64] {
        &self.made
    }

    /// Tells every socket.
    pub(crate) fn emit(
        &mut self,
        operation: &str,
        payload: &impl Serialize,
    ) -> Result<(), Refusal> {
        let text = super::wire::event::text(operation, payload);
        self.note_event(&text)
    }

    /// From now on the next time is another than the last one told.
    pub(crate) fn bar(&mut self) {
        self.state.bar();
    }

    /// The last time told.
    pub(crate) fn last_time(&self) -> i64 {
        self.state.last
    }

    /// A hub that was started anew has closed all sockets.
    pub(crate) fn note_run(&mut self, run: u64) {
        self.state.note_run(run);
    }

    /// All changes, those of the counters last. `answers` when somebody waits for an answer.
    pub(crate) fn close(mut self, answers: bool) -> Result<Vec<Change>, Refusal> {
        let fields = self.state.fields();
        self.put(state::COLLECTION, state::KEY, fields)?;
        if answers || self.time.is_some() {
            let time = match (self.repeated, self.time) {
                (Some(time), _) | (None, Some(time)) => time,
                // Nobody reserved this second: others may still be told of changes in it.
                (None, None) => (self.state.last.min(self.now) - 1).max(0),
            };
            let mut answer = vec![time];
            answer.append(&mut self.made);
            let answer = super::mapping::numbers(&answer);
            let last = Value::from(self.state.last);
            let event = Value::from(self.state.event);
            let fields = vec![("time", Some(last)), ("event", Some(event))];
            self.put("state", "head", fields)?;
            // Always written, even when it is the same as before: whoever asked waits for it.
            let answer = vec![("answer", Some(answer))];
            self.write("state", "head", answer)?;
        }
        Ok(self.changes)
    }
}
