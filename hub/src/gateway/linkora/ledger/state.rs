//! Counters and times of a data set: one record of the hub's own, written with every change.

use syncline_protocol::{Code, Reject, Value};

use super::Sender;
use super::clock::{Barrier, Hold, LEAD_MAX, next};
use crate::gateway::linkora::mapping::{Fields, Image, Table};

pub(super) const COLLECTION: &str = ".state";
pub(super) const KEY: &str = "state";

/// How far every counter goes ahead when a backup was restored: what was handed out after the
/// backup was made is not handed out again.
const RESTORED: i64 = 1 << 20;

/// Counters and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The last time told.
    pub(super) last: i64,
    barrier: Barrier,
    /// Who wrote last, if it hears of nothing.
    deaf: Option<String>,
    /// The epoch of the space's log, by which a restore shows.
    epoch: u64,
    /// The run of the hub that wrote last.
    run: u64,
    /// The last id given, by table.
    ids: [i64; 5],
    /// The last event's number.
    pub(super) event: i64,
    /// The last tombstone's number.
    pub(super) tombstone: i64,
    /// Where the ids of the backup ended that was restored last, by table; none if none was.
    restored: Option<[i64; 5]>,
}

impl State {
    /// Reads the record; a restore since it was written moves everything ahead.
    pub(super) fn read(image: &Image, epoch: u64, now: i64) -> Self {
        let fields = Fields::of(image);
        let number = |name: &'static str| fields.number(name).unwrap_or_default();
        let word = |name: &'static str| fields.get(name).and_then(Value::as_u64);
        let ids = |name: &'static str| {
            let all = fields.numbers(name).unwrap_or_default();
            std::array::from_fn(|at| all.get(at).copied().unwrap_or_default())
        };
        let mut state = Self {
            last: number("last"),
            barrier: match number("barrier") {
                0 => Barrier::Open,
                1 => Barrier::Soft,
                _ => Barrier::Hard,
            },
            deaf: fields.text_or_none("deaf").unwrap_or_default(),
            epoch: word("epoch").unwrap_or(epoch),
            run: word("run").unwrap_or_default(),
            ids: ids("ids"),
            event: number("event"),
            tombstone: number("tombstone"),
            restored: fields.get("restored").map(|_| ids("restored")),
        };
        if state.epoch != epoch {
            state.restore(epoch, now);
        }
        state
    }

    fn restore(&mut self, epoch: u64, now: i64) {
        self.epoch = epoch;
        self.restored = Some(self.ids);
        self.ids.iter_mut().for_each(|id| *id += RESTORED);
        self.event += RESTORED;
        self.tombstone += RESTORED;
        // What was told after the backup may have been ahead: the next is as far as can be.
        self.last = self.last.max(now + LEAD_MAX - 1);
        self.bar();
    }

    pub(super) fn fields(&self) -> Vec<(&'static str, Option<Value>)> {
        let numbers = crate::gateway::linkora::mapping::numbers;
        vec![
            ("last", Some(Value::from(self.last))),
            ("barrier", Some(Value::from(self.barrier as i64))),
            ("deaf", self.deaf.as_deref().map(Value::from)),
            ("epoch", Some(Value::from(self.epoch))),
            ("run", Some(Value::from(self.run))),
            ("ids", Some(numbers(&self.ids))),
            ("event", Some(Value::from(self.event))),
            ("tombstone", Some(Value::from(self.tombstone))),
            ("restored", self.restored.as_ref().map(|ids| numbers(ids))),
        ]
    }

    /// The time of what this sender writes now.
    pub(super) fn next_time(&mut self, now: i64, sender: &Sender) -> Result<i64, Reject> {
        let soft = self.deaf.as_deref().is_some_and(|deaf| deaf != sender.id());
        let soft = if soft { Barrier::Soft } else { Barrier::Open };
        let time = next(now, self.last, self.barrier.max(soft)).or_else(|Hold| {
            // A native push cannot be asked to wait: what it says is told again with the next.
            let native = sender.correlation == Sender::native().correlation;
            let held = "This second is told already; the next one is a moment away";
            if native { Ok(self.last) } else { Err(Reject::new(Code::Busy, held)) }
        })?;
        (self.last, self.barrier) = (time, Barrier::Open);
        self.deaf = (!sender.listening).then(|| sender.id().to_owned());
        Ok(time)
    }

    pub(super) fn bar(&mut self) {
        self.barrier = Barrier::Hard;
    }

    pub(super) fn note_run(&mut self, run: u64) {
        if self.run != run {
            self.run = run;
            self.bar();
        }
    }

    /// The next id of a table.
    pub(super) fn next_id(&mut self, table: Table) -> i64 {
        let id = &mut self.ids[table as usize];
        *id += 1;
        *id
    }

    /// Whether an id was given to some row, even if that is gone.
    pub(super) fn has_given(&self, table: Table, id: i64) -> bool {
        (1..=self.ids[table as usize]).contains(&id)
    }

    /// Whether an id may have been given after the backup was made that was restored last.
    pub(super) fn may_return(&self, table: Table, id: i64) -> bool {
        let from = self.restored.map(|ids| ids[table as usize]);
        from.is_some_and(|from| (from + 1..=from + RESTORED).contains(&id))
    }

    /// Ids up to this one are taken.
    pub(super) fn take(&mut self, table: Table, id: i64) {
        let last = &mut self.ids[table as usize];
        *last = (*last).max(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_data_set_gives_no_id_twice() {
        let mut state = State::read(&Image::new(), 1, 100);
        assert_eq!(state.next_id(Table::Links), 1);
        let image: Image = state
            .fields()
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        assert_eq!(State::read(&image, 1, 200), state);
        let mut restored = State::read(&image, 2, 200);
        assert_eq!(restored.next_id(Table::Links), 2 + RESTORED);
        assert_eq!(restored.next_time(200, &Sender::native()), Ok(200 + LEAD_MAX));
        assert!(restored.may_return(Table::Links, 2) && !restored.may_return(Table::Links, 1));
    }

    #[test]
    fn whoever_hears_nothing_gets_a_time_of_its_own() {
        let sender = |id: &str, listening| Sender {
            correlation: Some(crate::gateway::linkora::wire::Correlation {
                id: id.to_owned(),
                client_name: String::new(),
            }),
            listening,
        };
        let mut state = State::read(&Image::new(), 1, 100);
        assert_eq!(state.next_time(100, &sender("a", false)), Ok(100));
        assert_eq!(state.next_time(100, &sender("a", false)), Ok(100));
        assert_eq!(state.next_time(100, &sender("b", true)), Ok(101));
        assert_eq!(state.next_time(100, &sender("a", true)), Ok(101));
    }
}
