//! What the apps were told about their writes, and what must therefore be true. It knows what was
//! written and what came back, and nothing of how.

use std::collections::BTreeMap;

use syncline_protocol::{Code, PushId};

use super::oracle::Oracle;

/// All pushes of a run, and what became of them.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) pushes: BTreeMap<PushId, Written>,
    /// Which push wrote a value: every value is written once.
    serials: BTreeMap<u64, PushId>,
}

/// One push.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) device: usize,
    pub(crate) is_guarded: bool,
    /// The race that it runs in.
    pub(crate) race: Option<u64>,
    pub(crate) state: State,
}

/// What the app knows of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Acked,
    Rejected(Code),
    /// The program ended before the push was saved or sent.
    Lost,
}

impl Ledger {
    /// A number that no value has had.
    pub(crate) fn next_serial(&self) -> u64 {
        self.serials.len() as u64
    }

    pub(crate) fn write(&mut self, push: PushId, written: Written, serials: &[u64]) {
        self.pushes.insert(push, written);
        self.serials.extend(serials.iter().map(|&serial| (serial, push)));
    }

    /// The push that wrote a value.
    pub(crate) fn writer_of(&self, serial: u64) -> Option<PushId> {
        self.serials.get(&serial).copied()
    }

    /// The app is told that the hub has a push.
    pub(crate) fn acked(&mut self, push: PushId, oracle: &Oracle) -> Result<(), String> {
        let written = self.pushes.get_mut(&push).ok_or("an ack for a push that nobody wrote")?;
        if !oracle.has_applied(push) {
            return Err(format!("{push} was acknowledged and is not on the disk"));
        }
        if let (true, State::Rejected(code)) = (written.is_guarded, written.state) {
            return Err(format!("the guarded {push} was refused as {code}, then acknowledged"));
        }
        written.state = State::Acked;
        Ok(())
    }

    /// The app is told that a push was refused for good.
    pub(crate) fn rejected(
        &mut self,
        push: PushId,
        code: Code,
        oracle: &Oracle,
    ) -> Result<(), String> {
        let written = self.pushes.get_mut(&push).ok_or("a refusal of a push that nobody wrote")?;
        if written.is_guarded && oracle.has_applied(push) {
            return Err(format!("the guarded {push} was applied, then refused as {code}"));
        }
        written.state = State::Rejected(code);
        Ok(())
    }

    /// A program ended: what it had not saved never was.
    pub(crate) fn restarted(&mut self, device: usize, is_waiting: impl Fn(PushId) -> bool) {
        for (push, written) in &mut self.pushes {
            if written.device == device && written.state == State::Waiting && !is_waiting(*push) {
                written.state = State::Lost;
            }
        }
    }

    /// Every push has its answer, and of those that raced for one record exactly one won.
    pub(crate) fn check(&self, oracle: &Oracle) -> Result<(), String> {
        let mut races: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for (push, written) in &self.pushes {
            match written.state {
                State::Waiting => return Err(format!("{push} was never answered: {written:?}")),
                State::Lost if oracle.has_applied(*push) => {
                    return Err(format!("{push} was sent before it was saved"));
                }
                State::Lost => continue,
                State::Acked | State::Rejected(_) => {}
            }
            if let Some(race) = written.race {
                let (runners, winners) = races.entry(race).or_default();
                *runners += 1;
                *winners += u64::from(written.state == State::Acked);
            }
        }
        match races.iter().find(|(_, (_, winners))| *winners != 1) {
            Some((race, (runners, winners))) => {
                Err(format!("race {race} of {runners} had {winners} winners"))
            }
            None => Ok(()),
        }
    }
}
