//! Counters and times of a data set: one record of the hub's own, written with every change.

use syncline_protocol::{Code, Reject, Value};

use super::Sender;
use super::clock::{Barrier, Hold, LEAD_MAX, next};
use crate::gateway::linkora::mapping::{Fields, Image, Table};

pub(super) const COLLECTION: &str = ".state";
pub(super) const KEY: &str = "state";

/// How far every counter goes ahead at least when a backup was restored: what was handed out after
/// the backup was made is not handed out again.
const RESTORED: i64 = 1 << 20;
/// And for every second since [`ERA`] so much more, so that the same backup restored again goes on
/// above what was handed out after the first time. Twelve digits last for thirty years of it; keys
/// of more digits are as good, but for the order among them, which nothing relies on.
const RESTORED_EACH_SECOND: i64 = 1 << 10;
/// The beginning of 2024.
const ERA: i64 = 1_704_067_200;
/// No counter goes on from above this by a restore: every number stays below 2^53.
const RESTORED_MAX: i64 = 1 << 52;

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
    /// Where they went on after that.
    resumed: [i64; 5],
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
        let restored = fields.get("restored").map(|_| ids("restored"));
        let resumed = match fields.get("resumed") {
            Some(_) => ids("resumed"),
            // An earlier version of the hub has restored it.
            None => restored.unwrap_or_default().map(|id| id + RESTORED),
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
            restored,
            resumed,
        };
        if state.epoch != epoch {
            state.restore(epoch, now);
        }
        state
    }

    fn restore(&mut self, epoch: u64, now: i64) {
        self.epoch = epoch;
        self.restored = Some(self.ids);
        self.ids = self.ids.map(|id| ahead(id, now));
        self.resumed = self.ids;
        self.event = ahead(self.event, now);
        self.tombstone = ahead(self.tombstone, now);
        // What was told after the backup may have been ahead: the next is as far as can be.
        self.last = self.last.max(now.saturating_add(LEAD_MAX - 1));
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
            ("resumed", self.restored.as_ref().map(|_| numbers(&self.resumed))),
        ]
    }

    /// The time of what this sender writes now.
    pub(super) fn next_time(&mut self, now: i64, sender: &Sender) -> Result<i64, Reject> {
        let soft = self.deaf.as_deref().is_some_and(|deaf| deaf != sender.id());
        let soft = if soft { Barrier::Soft } else { Barrier::Open };
        let time = next(now, self.last, self.barrier.max(soft)).map_err(|Hold| {
            // Replicas send a push again that they are told to send later.
            let held = "This second is told already; the next one is a moment away";
            Reject::new(Code::Busy, held)
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
        from.is_some_and(|from| (from + 1..=self.resumed[table as usize]).contains(&id))
    }

    /// Ids up to this one are taken.
    pub(super) fn take(&mut self, table: Table, id: i64) {
        let last = &mut self.ids[table as usize];
        *last = (*last).max(id);
    }
}

/// Where a counter goes on after a restore.
fn ahead(counter: i64, now: i64) -> i64 {
    let seconds = (now - ERA).max(0);
    let step = seconds.saturating_mul(RESTORED_EACH_SECOND).max(RESTORED);
    counter.saturating_add(step).min(RESTORED_MAX).max(counter)
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
    fn the_same_backup_restored_again_goes_on_above_the_first_time() {
        let mut state = State::read(&Image::new(), 1, ERA);
        state.take(Table::Links, 7);
        let image = |state: &State| -> Image {
            let fields = state.fields().into_iter();
            fields.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
        };
        let day = 1_000 * 86_400 + ERA;
        let mut first = State::read(&image(&state), 2, day);
        let given = first.next_id(Table::Links);
        let mut again = State::read(&image(&state), 3, day + 60);
        assert!(again.next_id(Table::Links) > given + 60_000);
        assert!(again.event > first.event && again.tombstone > first.tombstone);
        // A device that heals may bring what the first time has given; it is kept.
        assert!(again.may_return(Table::Links, given) && again.may_return(Table::Links, 8));
        assert!(!again.may_return(Table::Links, 7));
        assert_eq!(State::read(&image(&again), 3, day + 61), again);
        // However wrong the clock is, numbers stay such as every client can hold.
        let wrong = State::read(&image(&state), 4, i64::MAX);
        assert_eq!(wrong.ids[Table::Links as usize], RESTORED_MAX);
    }

    #[test]
    fn a_native_push_waits_for_a_second_that_nobody_has_read() {
        let mut state = State::read(&Image::new(), 1, 100);
        (state.last, state.barrier) = (100 + LEAD_MAX, Barrier::Hard);
        let held = state.next_time(100, &Sender::native()).unwrap_err();
        assert!(held.code.is_retryable());
        assert_eq!(state.barrier, Barrier::Hard);
        assert_eq!(state.next_time(101, &Sender::native()), Ok(101 + LEAD_MAX));
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
