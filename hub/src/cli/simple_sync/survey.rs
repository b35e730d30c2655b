//! What an import would bring, found before anything is written: counts, rules that gain or lose
//! force, and what cannot be taken over.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use super::notes::Notes;
use super::rows::{Key, Token, User};
use super::rules::{AclFrom, RuleLine, Rules};
use super::source::Source;
use crate::cli::Failure;
use crate::cli::print::Out;

/// What there is to import.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) users: Vec<User>,
    pub(super) keys: Vec<Key>,
    pub(super) tokens: Vec<Token>,
    /// The rules of the table that are to be taken over.
    pub(super) table: Vec<RuleLine>,
    pub(super) events: u64,
    /// Users whom events alone name.
    users_of_events: usize,
    rule_events: u64,
    tokens_all: usize,
    merged: u64,
    from: AclFrom,
    rules: Rules,
    gain: Vec<RuleLine>,
    lose: Vec<RuleLine>,
    pub(super) notes: Notes,
}

impl Survey {
    /// Reads all of a source once.
    pub(super) fn of(source: &Source, from: AclFrom, now_ms: u64) -> Result<Self, Failure> {
        let mut notes = Notes::default();
        if source.database().is_some_and(|original| !original.has_log) {
            let what = "there is no -wal file beside the database: what simple-sync had not moved \
                        into the database itself is missing, which its own backups never hold";
            notes.add(what.to_owned());
        }
        let users = source.ask(|it| it.users())?;
        let (tokens, tokens_all) = source.ask(|it| it.tokens(now_ms))?;
        let (merged, differing) = source.ask(|it| it.spellings())?;
        for id in differing {
            notes.add(format!("{id} stands for different events: the first of them is imported"));
        }
        let in_table = source.ask(|it| it.table_rules())?;
        let table = set_of(&in_table, &mut notes);
        let mut survey = Self {
            keys: source.ask(|it| it.keys())?,
            table: if from.has_table() { in_table } else { Vec::new() },
            rules: if from.has_table() { table.clone() } else { Rules::default() },
            gain: Vec::new(),
            lose: Vec::new(),
            events: 0,
            users_of_events: 0,
            rule_events: 0,
            users,
            tokens,
            tokens_all,
            merged,
            from,
            notes,
        };
        survey.read_events(source)?;
        survey.gain = survey.rules.beyond(&table);
        survey.lose = table.beyond(&survey.rules);
        Ok(survey)
    }

    fn read_events(&mut self, source: &Source) -> Result<(), Failure> {
        let known: HashSet<&str> = self.users.iter().map(|user| user.id.as_str()).collect();
        let mut named = HashSet::new();
        let mut events = source.events(self.from)?;
        while let Some(page) = events.next(&mut self.notes)? {
            self.events += page.len() as u64;
            for event in page {
                let user = event.makes_user().filter(|user| !known.contains(user));
                named.extend(user.map(str::to_owned));
                if let Some(rule) = &event.rule {
                    self.rule_events += 1;
                    // What is no rule has been told already, and is not one here.
                    let _ = self.rules.add(rule);
                }
            }
        }
        self.users_of_events = named.len();
        Ok(())
    }

    /// Tells it: as one JSON object, or for people.
    pub(super) fn tell(&self, json: bool, dry_run: bool) -> Result<(), Failure> {
        let mut out = Out::new();
        if json {
            out.line(self.json(dry_run))?;
            return out.flush();
        }
        out.line(format!("events   {}, {} of them set rules", self.events, self.rule_events))?;
        if self.merged > 0 {
            out.line(format!("         {} are copies under another spelling", self.merged))?;
        }
        let users = self.users.len() + self.users_of_events;
        out.line(format!("users    {users}, {} of them by events alone", self.users_of_events))?;
        out.line(format!("keys     {}", self.keys.len()))?;
        let (open, all) = (self.tokens.len(), self.tokens_all);
        out.line(format!("tokens   {open} of {all}; the others are used or have expired"))?;
        out.line(format!("rules    {}, from {}", self.rules.len(), self.from.as_str()))?;
        for rule in &self.gain {
            out.line(format!("  gains force  {rule}"))?;
        }
        for rule in &self.lose {
            out.line(format!("  loses force  {rule}"))?;
        }
        if self.gain.is_empty() && self.lose.is_empty() {
            out.line("  none gains or loses force: they are those that were enforced")?;
        }
        out.flush()?;
        self.notes.tell();
        Ok(())
    }

    pub(super) fn json(&self, dry_run: bool) -> Json {
        json!({
            "dry_run": dry_run, "events": self.events, "rule_events": self.rule_events,
            "merged": self.merged, "users": self.users.len() + self.users_of_events,
            "users_of_events": self.users_of_events, "keys": self.keys.len(),
            "tokens": self.tokens.len(), "tokens_all": self.tokens_all,
            "rules": self.rules.len(), "acl_from": self.from.as_str(),
            "gain": self.gain, "lose": self.lose, "notes": self.notes.texts(),
        })
    }
}

fn set_of(lines: &[RuleLine], notes: &mut Notes) -> Rules {
    let mut rules = Rules::default();
    for line in lines {
        if let Err(problem) = rules.add(line) {
            notes.add(format!("the table's rule {line:?} is none: {problem}"));
        }
    }
    rules
}
