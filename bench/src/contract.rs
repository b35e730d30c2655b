//! What every target must do before its figures mean anything: acknowledge in order, deliver each
//! write once, give a newcomer the records as they are, and one who comes back what it missed.
//!
//! Behind the news that are expected a last write is sent: what has not come before that one is
//! missing. Whatever comes besides is a failure as well.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::target::{Ability, Arrival, Failure, Link, Listening, Place, Running, Site, Target};
use crate::workload::{Workload, marks};

/// The channel that is used.
const CHANNEL: &str = "contract";
/// The longest that a step waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// Whoever says nothing for so long has said all.
const QUIET: Duration = Duration::from_millis(200);
/// The first of the records that are written last in a step, each of them once: were one to
/// supersede the other, a newcomer might rightly see the later one alone.
const LAST: u64 = 100;

/// How a step ended.
#[derive(Debug)]
enum Outcome {
    Holds,
    /// The system does not do that, and says so.
    Cannot(&'static str),
    Fails(Failure),
}

/// How all steps ended.
#[derive(Debug)]
pub(crate) struct Findings {
    title: String,
    steps: Vec<(&'static str, Outcome)>,
}

impl Findings {
    /// Whether a step failed.
    pub(crate) fn are_broken(&self) -> bool {
        self.steps.iter().any(|(_, outcome)| matches!(outcome, Outcome::Fails(_)))
    }

    fn add(&mut self, step: &'static str, result: Result<(), Failure>) {
        let outcome = result.map_or_else(Outcome::Fails, |()| Outcome::Holds);
        self.steps.push((step, outcome));
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        for (step, outcome) in &self.steps {
            match outcome {
                Outcome::Holds => write!(f, "\n  holds  {step}")?,
                Outcome::Cannot(why) => write!(f, "\n  -      {step}: {why}")?,
                Outcome::Fails(failure) => write!(f, "\n  FAILS  {step}: {failure}")?,
            }
        }
        Ok(())
    }
}

/// Starts a system, holds it to the contract, and sees it go.
pub(crate) async fn check(target: &dyn Target, site: Site) -> Findings {
    let mut findings = Findings { title: target.name().to_owned(), steps: Vec::new() };
    let running = match target.start(&site).await {
        Ok(running) => running,
        Err(failure) => {
            findings.add("starts", Err(failure));
            return findings;
        }
    };
    findings.title = format!("{}: {}", target.name(), running.version());
    let processes = running.processes();
    hold(running.as_ref(), &|ability| target.can(ability), PATIENCE, &mut findings).await;
    running.stop().await;
    let left = processes.iter().find(|id| std::fs::exists(format!("/proc/{id}")).unwrap_or(false));
    let left = left.map(|id| Failure::new(format!("process {id} is still there")));
    findings.add("leaves nothing behind", left.map_or(Ok(()), Err));
    findings
}

/// Holds a running system to the contract.
async fn hold(
    running: &dyn Running,
    can: &(dyn Fn(Ability) -> Result<(), &'static str> + Sync),
    patience: Duration,
    findings: &mut Findings,
) {
    let mut customer = match Customer::new(running).await {
        Ok(customer) => customer,
        Err(failure) => return findings.add("opens a connection", Err(failure)),
    };
    let place = in_time(patience, customer.delivers()).await;
    let (place, delivered) = match place {
        Ok(place) => (place, Ok(())),
        Err(failure) => (None, Err(failure)),
    };
    findings.add("acknowledges in order and delivers each write once", delivered);
    let steps = [
        ("lets one who was away resume", Ability::Resume),
        ("gives a newcomer the records as they are", Ability::Snapshot),
        ("deletes a record and brings it back", Ability::Snapshot),
    ];
    for (number, (step, ability)) in steps.into_iter().enumerate() {
        if let Err(why) = can(ability) {
            findings.steps.push((step, Outcome::Cannot(why)));
            continue;
        }
        let result = match number {
            0 => in_time(patience, customer.resumes(place.clone())).await,
            1 => in_time(patience, customer.sees_all()).await,
            _ => in_time(patience, customer.deletes()).await,
        };
        findings.add(step, result);
    }
}

async fn in_time<T>(
    patience: Duration,
    step: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let slow = || Failure::new(format!("not done within {} s", patience.as_secs_f32()));
    tokio::time::timeout(patience, step).await.unwrap_or_else(|_| Err(slow()))
}

/// Writes, and knows what must come of it.
struct Customer<'a> {
    running: &'a dyn Running,
    writer: Box<dyn Link>,
    workload: Workload,
    pushes: u64,
    /// Pushes that are acknowledged.
    acked: u64,
    /// The mark of the last write.
    mark: u64,
    /// The mark that each record has now.
    records: BTreeMap<u64, u64>,
}

impl<'a> Customer<'a> {
    async fn new(running: &'a dyn Running) -> Result<Self, Failure> {
        running.prepare(CHANNEL).await?;
        let writer = running.link(CHANNEL, Listening::Nothing).await?;
        let (workload, records) = (Workload::new(1, 1), BTreeMap::new());
        Ok(Self { running, writer, workload, pushes: 0, acked: 0, mark: 0, records })
    }

    /// Edits records in one push, and waits for the ack. Says their marks.
    async fn push(&mut self, records: &[u64]) -> Result<Vec<u64>, Failure> {
        let first = self.mark + 1;
        self.feed(records).await?;
        self.writer.flush().await?;
        self.acked().await?;
        Ok((first..=self.mark).collect())
    }

    async fn feed(&mut self, records: &[u64]) -> Result<(), Failure> {
        let mut writes = Vec::new();
        for record in records {
            self.mark += 1;
            self.records.insert(*record, self.mark);
            writes.push(self.workload.of(*record, self.mark));
        }
        self.pushes += 1;
        self.writer.feed(&writes).await
    }

    /// Waits until all pushes are acknowledged, in order.
    async fn acked(&mut self) -> Result<(), Failure> {
        let mut acked = Vec::new();
        while acked.last().is_none_or(|last| last + 1 < self.pushes) {
            if let Arrival::Acked(some) = self.writer.next().await? {
                acked.extend(some);
            }
        }
        let expected: Vec<u64> = (self.acked..self.pushes).collect();
        self.acked = self.pushes;
        differ("acks", &expected, &acked)
    }

    /// What a newcomer hears, and that nothing comes behind it but news.
    async fn see(&mut self) -> Result<(), Failure> {
        let mut link = self.running.link(CHANNEL, Listening::All).await?;
        let mut expected: Vec<u64> = self.records.values().copied().collect();
        expected.sort_unstable();
        let until = tokio::time::Instant::now() + PATIENCE / 2;
        let mut heard = Vec::new();
        while heard.len() < expected.len() {
            match tokio::time::timeout_at(until, link.next()).await {
                Ok(Ok(Arrival::Bytes(bytes))) => heard.extend(marks(&bytes)),
                Ok(other) => drop(other?),
                Err(_) => break,
            }
        }
        // A snapshot has an order of its own.
        heard.sort_unstable();
        differ("marks", &expected, &heard)?;
        self.hear(link.as_mut(), Vec::new()).await
    }

    /// What a link hears until a last write.
    async fn hear(&mut self, link: &mut dyn Link, mut expected: Vec<u64>) -> Result<(), Failure> {
        let last = self.push(&[LAST + self.mark]).await?;
        expected.extend(&last);
        let mut heard = Vec::new();
        while heard.last() != last.last() {
            if let Arrival::Bytes(bytes) = link.next().await? {
                heard.extend(marks(&bytes));
            }
        }
        differ("marks", &expected, &heard)
    }

    /// Shows that the link lives, and that nothing more comes by it. Until this is over a system
    /// has also heard what the link has received.
    async fn is_quiet(&self, link: &mut dyn Link) -> Result<(), Failure> {
        link.alive().await?;
        while let Ok(arrival) = tokio::time::timeout(QUIET, link.next()).await {
            if let Arrival::Bytes(bytes) = arrival? {
                differ("marks after the last", &[], &marks(&bytes).collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }

    async fn delivers(&mut self) -> Result<Option<Place>, Failure> {
        let mut link = self.running.link(CHANNEL, Listening::New).await?;
        self.feed(&[0, 1]).await?;
        self.feed(&[2]).await?;
        self.writer.flush().await?;
        self.acked().await?;
        self.hear(link.as_mut(), vec![1, 2, 3]).await?;
        self.is_quiet(link.as_mut()).await?;
        Ok(link.place())
    }

    async fn resumes(&mut self, place: Option<Place>) -> Result<(), Failure> {
        let place = place.ok_or_else(|| Failure::new("it has told no place to resume from"))?;
        // From a new connection, which must know of records that others have written.
        self.writer = self.running.link(CHANNEL, Listening::Nothing).await?;
        (self.pushes, self.acked) = (0, 0);
        let missed = self.push(&[0, 1]).await?;
        let mut link = self.running.link(CHANNEL, Listening::After(place)).await?;
        self.hear(link.as_mut(), missed).await
    }

    async fn sees_all(&mut self) -> Result<(), Failure> {
        // What is superseded must not come.
        self.push(&[1]).await?;
        self.see().await
    }

    async fn deletes(&mut self) -> Result<(), Failure> {
        for brings_back in [false, true] {
            let mut delete = self.workload.of(2, 0);
            delete.deletes = true;
            self.records.remove(&2);
            self.pushes += 1;
            self.writer.feed(&[delete]).await?;
            if brings_back {
                self.feed(&[2]).await?;
            }
            self.writer.flush().await?;
            self.acked().await?;
            self.see().await?;
        }
        Ok(())
    }
}

fn differ(what: &str, expected: &[u64], found: &[u64]) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    Err(Failure::new(format!("{what}: {expected:?} expected, {found:?} came")))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::target::ceiling;
    use crate::workload::Write;

    /// How a link breaks the contract.
    #[derive(Debug, Clone, Copy)]
    enum Fault {
        None,
        /// Each delivery comes twice.
        Doubles,
        /// The first delivery is lost.
        Loses,
        /// The first ack is lost.
        Forgets,
        /// It says that it can resume, and gives what is new alone.
        Pretends,
    }

    struct Faulty {
        running: Box<dyn Running>,
        fault: Fault,
    }

    struct FaultyLink {
        link: Box<dyn Link>,
        fault: Fault,
        /// What is to come once more.
        again: Option<bytes::Bytes>,
    }

    #[async_trait]
    impl Running for Faulty {
        fn version(&self) -> String {
            self.running.version()
        }

        fn processes(&self) -> Vec<u32> {
            Vec::new()
        }

        async fn link(
            &self,
            channel: &str,
            listening: Listening,
        ) -> Result<Box<dyn Link>, Failure> {
            let listening = match listening {
                Listening::Nothing => Listening::Nothing,
                _ => Listening::New,
            };
            let link = self.running.link(channel, listening).await?;
            Ok(Box::new(FaultyLink { link, fault: self.fault, again: None }))
        }

        async fn stop(self: Box<Self>) {}
    }

    #[async_trait]
    impl Link for FaultyLink {
        async fn feed(&mut self, writes: &[Write]) -> Result<(), Failure> {
            self.link.feed(writes).await
        }

        async fn flush(&mut self) -> Result<(), Failure> {
            self.link.flush().await
        }

        async fn next(&mut self) -> Result<Arrival, Failure> {
            if let Some(bytes) = self.again.take() {
                return Ok(Arrival::Bytes(bytes));
            }
            Ok(match (self.fault, self.link.next().await?) {
                (Fault::Loses, Arrival::Bytes(_)) | (Fault::Forgets, Arrival::Acked(_)) => {
                    self.fault = Fault::None;
                    Arrival::Nothing
                }
                (Fault::Doubles, Arrival::Bytes(bytes)) => {
                    self.again = Some(bytes.clone());
                    Arrival::Bytes(bytes)
                }
                (_, arrival) => arrival,
            })
        }

        fn place(&self) -> Option<Place> {
            matches!(self.fault, Fault::Pretends).then(|| Place(vec![0]))
        }
    }

    /// Holds a ceiling with a fault to the contract; says which step failed first.
    async fn first_failure(fault: Fault) -> Option<(usize, String)> {
        let running = Faulty { running: ceiling::in_process().await, fault };
        let mut findings = Findings { title: String::new(), steps: Vec::new() };
        let can = |ability| match (fault, ability) {
            (Fault::Pretends, Ability::Resume) => Ok(()),
            (_, Ability::Resume | Ability::Snapshot) => Err("it keeps nothing"),
            _ => Ok(()),
        };
        // What is lost for good is waited for in vain.
        let patience = match fault {
            Fault::Forgets => Duration::from_millis(200),
            _ => PATIENCE,
        };
        hold(&running, &can, patience, &mut findings).await;
        let failures = findings.steps.iter().enumerate();
        let mut failures = failures.filter_map(|(number, (_, outcome))| match outcome {
            Outcome::Fails(failure) => Some((number, failure.to_string())),
            _ => None,
        });
        failures.next()
    }

    #[tokio::test]
    async fn a_target_that_does_what_it_says_passes() {
        assert_eq!(first_failure(Fault::None).await, None);
    }

    #[tokio::test]
    async fn what_is_doubled_or_lost_is_seen() {
        let (step, failure) = first_failure(Fault::Doubles).await.expect("a failure");
        assert!(step == 0 && failure.starts_with("marks: "), "{failure}");
        let (step, failure) = first_failure(Fault::Loses).await.expect("a failure");
        assert!(step == 0 && failure.starts_with("marks: "), "{failure}");
    }

    #[tokio::test]
    async fn a_lost_ack_is_seen() {
        let (step, failure) = first_failure(Fault::Forgets).await.expect("a failure");
        assert!(step == 0, "{failure}");
    }

    #[tokio::test]
    async fn a_resume_that_gives_nothing_back_is_seen() {
        let (step, failure) = first_failure(Fault::Pretends).await.expect("a failure");
        assert!(step == 1 && failure.starts_with("marks: "), "{failure}");
    }
}
