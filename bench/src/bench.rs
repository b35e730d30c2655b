//! A run: rounds over all systems in turn, each started fresh, and the book that they fill.
//!
//! Rounds go A B A B, never A A B B: what else the machine does then hits all alike, and a ratio
//! can be taken within each round.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use crate::book::{Book, Found, System};
use crate::clock::{instant, now_ns, span_ns};
use crate::process::{Use, loopback_bytes};
use crate::settings::Settings;
use crate::tally::Span;
use crate::target::{Ability, Failure, Running, Site, Target};
use crate::workload::Workload;

/// A run under way.
pub(crate) struct Bench {
    /// The sizes.
    pub(crate) settings: Settings,
    /// What has been found.
    pub(crate) book: Book,
    targets: Vec<Box<dyn Target>>,
    bar: ProgressBar,
}

/// One system in one round.
pub(crate) struct Stage {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its server.
    pub(crate) running: Box<dyn Running>,
    /// Its folder goes when the stage does.
    site: Site,
}

impl Stage {
    /// Ends the system.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
        drop(self.site);
    }
}

impl Bench {
    /// A run over these systems; those that are not installed are noted and left out.
    pub(crate) fn new(settings: Settings, targets: Vec<Box<dyn Target>>) -> Self {
        let mut book = Book::default();
        let mut present = Vec::new();
        for target in targets {
            let missing = target.installed().err();
            let is_present = missing.is_none();
            let acknowledges = target.acknowledges().to_owned();
            let durable = target.is_durable();
            let (version, note) = (String::new(), target.note().map(str::to_owned));
            let system = System { version, acknowledges, durable, note, missing };
            book.systems.insert(target.name().to_owned(), system);
            if is_present {
                present.push(target);
            }
        }
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self { settings, book, targets: present, bar }
    }

    /// The systems that can do something; of the others the book says why not.
    pub(crate) fn able(&mut self, scenario: &str, variant: &str, ability: Ability) -> Vec<usize> {
        let mut able = Vec::new();
        for (index, target) in self.targets.iter().enumerate() {
            match target.can(ability) {
                Ok(()) => able.push(index),
                Err(why) => self.book.absent(scenario, variant, target.name(), why),
            }
        }
        able
    }

    /// A system's name.
    pub(crate) fn name(&self, index: usize) -> &'static str {
        self.targets[index].name()
    }

    /// Whether a system can do something; if not, why.
    pub(crate) fn can(&self, index: usize, ability: Ability) -> Result<(), &'static str> {
        self.targets[index].can(ability)
    }

    /// Starts a system in a folder of its own.
    pub(crate) async fn start(&mut self, index: usize) -> Result<Stage, Failure> {
        let target = &self.targets[index];
        let site = self.settings.site()?;
        let running = target.start(&site).await?;
        let name = target.name();
        if let Some(system) = self.book.systems.get_mut(name) {
            system.version = running.version();
        }
        Ok(Stage { name, running, site })
    }

    /// Rounds of one measurement over all systems that are able, each started fresh.
    pub(crate) async fn rounds<M>(
        &mut self,
        scenario: &str,
        variant: &str,
        ability: Ability,
        measure: M,
    ) where
        M: AsyncFn(&Settings, &dyn Running) -> Result<Found, Failure>,
    {
        let able = self.able(scenario, variant, ability);
        for _ in 0..self.settings.rounds {
            for &index in &able {
                self.round(scenario, variant, index, &measure).await;
            }
        }
    }

    /// One round of one system. What fails is written down, and the run goes on.
    pub(crate) async fn round<M>(
        &mut self,
        scenario: &str,
        variant: &str,
        index: usize,
        measure: &M,
    ) where
        M: AsyncFn(&Settings, &dyn Running) -> Result<Found, Failure>,
    {
        let name = self.targets[index].name();
        self.say(scenario, variant, name);
        let found = match self.start(index).await {
            Ok(stage) => {
                let found = measure(&self.settings, stage.running.as_ref()).await;
                stage.stop().await;
                found
            }
            Err(failure) => Err(failure),
        };
        self.note(scenario, variant, name, found);
    }

    /// Writes down what a round found, or why it failed.
    pub(crate) fn note(
        &mut self,
        scenario: &str,
        variant: &str,
        name: &str,
        found: Result<Found, Failure>,
    ) {
        match found {
            Ok(found) => self.book.add(scenario, variant, name, found),
            Err(failure) => {
                self.bar.suspend(|| eprintln!("{scenario} {variant} {name}: {failure}"));
                self.book.absent(scenario, variant, name, &format!("it failed: {failure}"));
            }
        }
    }

    /// Shows what is being measured.
    pub(crate) fn say(&self, scenario: &str, variant: &str, name: &str) {
        self.bar.set_message(format!("{scenario}, {variant}: {name}"));
        self.bar.inc(1);
    }

    /// Ends the progress bar.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Settings {
    /// The part of a round that counts, from now on.
    pub(crate) fn span(&self) -> Span {
        let begin_ns = now_ns() + span_ns(self.warmup);
        Span { begin_ns, end_ns: begin_ns + span_ns(self.duration) }
    }

    /// The writes of a run.
    pub(crate) fn workload(&self) -> Workload {
        Workload::new(self.seed, self.records)
    }

    /// A folder on the disk that is measured.
    pub(crate) fn folder(&self) -> Result<tempfile::TempDir, Failure> {
        let builder = tempfile::Builder::new().prefix("syncline-bench-").to_owned();
        Ok(match &self.folder {
            Some(folder) => builder.tempdir_in(folder)?,
            None => builder.tempdir()?,
        })
    }

    /// A place for one system.
    pub(crate) fn site(&self) -> Result<Site, Failure> {
        Ok(Site { folder: self.folder()?, hub: self.hub.clone(), remote: self.remote() })
    }

    fn remote(&self) -> Option<(String, String)> {
        let token = self.token.clone().unwrap_or_default();
        self.url.clone().map(|url| (url, token))
    }
}

/// What a system and the harness used in a span.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Seconds of processor time of the system.
    pub(crate) system_s: f64,
    /// Seconds of processor time of the harness.
    pub(crate) harness_s: f64,
    /// Bytes handed to the disk.
    pub(crate) written: u64,
    /// Bytes on the loopback interface.
    pub(crate) wire: u64,
    /// Commits, where they are counted.
    pub(crate) commits: Option<u64>,
}

/// Watches a span from its beginning to its end.
pub(crate) async fn watch(running: &dyn Running, span: Span) -> Usage {
    let read = || (Use::of(&running.processes()), Use::own(), loopback_bytes());
    tokio::time::sleep_until(instant(span.begin_ns)).await;
    let (commits, before) = (running.commits().await, read());
    tokio::time::sleep_until(instant(span.end_ns)).await;
    let after = read();
    let commits = running.commits().await.zip(commits).map(|(after, before)| after - before);
    Usage {
        system_s: after.0.cpu_s - before.0.cpu_s,
        harness_s: after.1.cpu_s - before.1.cpu_s,
        written: after.0.written - before.0.written,
        wire: after.2 - before.2,
        commits,
    }
}

/// The hub's program: beside this one unless it was named.
pub(crate) fn hub_program() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(format!("syncline{}", std::env::consts::EXE_SUFFIX))
}
