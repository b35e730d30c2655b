//! The original's layout, written: for leaving the hub, and read back by the same rooms that read
//! the original's own files.

use std::path::Path;

use rusqlite::Connection;

use super::event::Event;
use super::moment;
use super::rows::{Key, User};
use super::rules::RuleLine;
use crate::cli::Failure;

/// Version 1 of the layout.
pub(super) const SCHEMA: &str = "\
CREATE TABLE user (id TEXT PRIMARY KEY, created_at DATETIME NOT NULL);
CREATE TABLE event (uuid TEXT PRIMARY KEY, timestamp INTEGER NOT NULL, user TEXT NOT NULL,
  item TEXT NOT NULL, action TEXT NOT NULL, payload TEXT);
CREATE INDEX idx_event_timestamp ON event (timestamp);
CREATE INDEX idx_event_item ON event (item);
CREATE TABLE api_key (uuid TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  key_hash TEXT NOT NULL, created_at DATETIME NOT NULL, last_used_at DATETIME, description TEXT);
CREATE UNIQUE INDEX idx_api_key_key_hash ON api_key (key_hash);
CREATE TABLE setup_token (token TEXT PRIMARY KEY,
  user TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE, expires_at DATETIME, used_at DATETIME);
CREATE TABLE acl_rule (user TEXT NOT NULL, item TEXT NOT NULL, action TEXT NOT NULL,
  type TEXT NOT NULL, PRIMARY KEY (user, item, action, type));
PRAGMA user_version = 1;";

/// A database being written: nothing of it is there before [`Layout::done`].
pub(super) struct Layout {
    database: Connection,
}

impl Layout {
    /// A new database; the file must not be there yet.
    pub(super) fn new(file: &Path) -> Result<Self, Failure> {
        if file.exists() {
            let what = format!("{} is there already: give another name", file.display());
            return Err(Failure::Failed(what));
        }
        let database = Connection::open(file).map_err(|it| problem(&it))?;
        database.execute_batch("BEGIN").map_err(|it| problem(&it))?;
        database.execute_batch(SCHEMA).map_err(|it| problem(&it))?;
        Ok(Self { database })
    }

    /// Writes one event.
    pub(super) fn event(&self, event: &Event) -> Result<(), Failure> {
        let put = "INSERT INTO event (uuid, timestamp, user, item, action, payload) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut put = self.database.prepare_cached(put).map_err(|it| problem(&it))?;
        let Event { uuid, timestamp, user, item, action, payload, .. } = event;
        let row = (uuid, timestamp.cast_signed(), user, item, action, payload);
        put.execute(row).map(drop).map_err(|it| problem(&it))
    }

    /// Writes one user.
    pub(super) fn user(&self, user: &User) -> Result<(), Failure> {
        let put = "INSERT INTO user (id, created_at) VALUES (?1, ?2)";
        let row = (&user.id, moment::write(user.created_ms));
        self.database.execute(put, row).map(drop).map_err(|it| problem(&it))
    }

    /// Writes one key.
    pub(super) fn key(&self, key: &Key) -> Result<(), Failure> {
        let put = "INSERT INTO api_key (uuid, user, key_hash, created_at, last_used_at, \
                   description) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Key { uuid, user, hash, description, created_ms, last_used_ms } = key;
        let (created, used) = (moment::write(*created_ms), last_used_ms.map(moment::write));
        let row = (uuid, user, hash, created, used, description);
        self.database.execute(put, row).map(drop).map_err(|it| problem(&it))
    }

    /// Writes one rule.
    pub(super) fn rule(&self, rule: &RuleLine) -> Result<(), Failure> {
        let put = "INSERT INTO acl_rule (user, item, action, type) VALUES (?1, ?2, ?3, ?4)";
        let row = (&rule.user, &rule.item, &rule.action, &rule.verdict);
        self.database.execute(put, row).map(drop).map_err(|it| problem(&it))
    }

    /// Makes all of it count.
    pub(super) fn done(self) -> Result<(), Failure> {
        self.database.execute_batch("COMMIT").map_err(|it| problem(&it))
    }
}

fn problem(error: &rusqlite::Error) -> Failure {
    Failure::Failed(format!("the database cannot be written: {error}"))
}
