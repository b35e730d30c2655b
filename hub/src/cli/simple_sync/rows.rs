//! The rows of the original's database, in the order in which they were put there.
//!
//! Users, keys, tokens and rules are few and read whole; events are read in pages, so that a
//! history of any length takes the memory of a page.

use rusqlite::Row;
use rusqlite::types::ValueRef as Cell;
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::moment;
use super::original::Original;
use super::rules::RuleLine;

/// Events of one page.
const PAGE_EVENTS: usize = 500;
/// Bytes of a page, but for an event that alone has more.
const PAGE_BYTES: usize = 2 << 20;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) created_ms: u64,
}

/// An API key, by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) uuid: String,
    pub(super) user: String,
    pub(super) hash: String,
    pub(super) description: String,
    pub(super) created_ms: u64,
    pub(super) last_used_ms: Option<u64>,
}

/// A setup token that can still be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) token: String,
    pub(super) user: String,
    pub(super) expires_ms: u64,
}

/// Some events, and where to go on.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) events: Vec<Event>,
    /// The row that was read last.
    pub(super) last: Option<i64>,
    /// What cannot be an event, for people.
    pub(super) bad: Vec<String>,
    /// Whether there is nothing behind it.
    pub(super) is_last: bool,
}

impl Original {
    /// The users that have a row.
    pub(super) fn users(&self) -> rusqlite::Result<Vec<User>> {
        self.all("SELECT id, created_at FROM user ORDER BY rowid", |row| {
            Ok(User { id: text(row, 0)?, created_ms: when(row, 1)?.unwrap_or(0) })
        })
    }

    /// The API keys.
    pub(super) fn keys(&self) -> rusqlite::Result<Vec<Key>> {
        let ask = "SELECT uuid, user, key_hash, description, created_at, last_used_at \
                   FROM api_key ORDER BY rowid";
        self.all(ask, |row| {
            Ok(Key {
                uuid: text(row, 0)?,
                user: text(row, 1)?,
                hash: text(row, 2)?,
                description: text(row, 3)?,
                created_ms: when(row, 4)?.unwrap_or(0),
                last_used_ms: when(row, 5)?,
            })
        })
    }

    /// The setup tokens that nobody used and that have not expired, and how many there are in all.
    pub(super) fn tokens(&self, now_ms: u64) -> rusqlite::Result<(Vec<Token>, usize)> {
        let ask = "SELECT token, user, expires_at, used_at FROM setup_token ORDER BY rowid";
        let all = self.all(ask, |row| {
            let (token, user) = (text(row, 0)?, text(row, 1)?);
            let token = Token { token, user, expires_ms: when(row, 2)?.unwrap_or(0) };
            Ok((token, when(row, 3)?.is_some()))
        })?;
        let count = all.len();
        let open = all.into_iter().filter(|(token, used)| !used && token.expires_ms > now_ms);
        Ok((open.map(|(token, _)| token).collect(), count))
    }

    /// The rules of the table.
    pub(super) fn table_rules(&self) -> rusqlite::Result<Vec<RuleLine>> {
        self.all("SELECT user, item, action, type FROM acl_rule ORDER BY rowid", |row| {
            let (user, item) = (text(row, 0)?, text(row, 1)?);
            Ok(RuleLine { user, item, action: text(row, 2)?, verdict: text(row, 3)? })
        })
    }

    /// The events behind a row, or the first ones.
    pub(super) fn page(&self, after: Option<i64>) -> rusqlite::Result<Page> {
        let ask = "SELECT rowid, uuid, timestamp, user, item, action, payload FROM event \
                   WHERE ?1 IS NULL OR rowid > ?1 ORDER BY rowid";
        let mut statement = self.database.prepare_cached(ask)?;
        let mut rows = statement.query([after])?;
        let (mut page, mut bytes, mut count) = (Page::default(), 0, 0);
        while count < PAGE_EVENTS && bytes < PAGE_BYTES {
            let Some(row) = rows.next()? else {
                page.is_last = true;
                break;
            };
            page.last = Some(row.get(0)?);
            count += 1;
            match event(row)? {
                Ok(event) => {
                    bytes += event.weight();
                    page.events.push(event);
                }
                Err(problem) => page.bad.push(problem),
            }
        }
        Ok(page)
    }

    /// Events that stand in the database under more than one spelling of their UUID: how many rows
    /// say only what an earlier one says, and the ids under which there are different events.
    pub(super) fn spellings(&self) -> rusqlite::Result<(u64, Vec<String>)> {
        // Cases may mix, hyphens be missing, and braces or `urn:uuid:` be there. Within a text
        // quote() doubles what it puts around it, so that the parts cannot run into each other.
        let ask = "WITH spelt AS (SELECT replace(replace(replace(replace(lower(uuid), \
                   'urn:uuid:', ''), '-', ''), '{', ''), '}', '') AS id, * FROM event), \
                   twice AS MATERIALIZED (SELECT id FROM spelt GROUP BY id HAVING count(*) > 1) \
                   SELECT id, count(*), count(DISTINCT quote(timestamp) || ',' || quote(user) \
                   || ',' || quote(item) || ',' || quote(action) || ',' \
                   || quote(coalesce(payload, ''))) \
                   FROM spelt WHERE id IN (SELECT id FROM twice) GROUP BY id";
        let twins = self.all(ask, |row| {
            Ok((
                text(row, 0)?,
                row.get::<_, i64>(1)?.cast_unsigned(),
                row.get::<_, i64>(2)?.cast_unsigned(),
            ))
        })?;
        let same = twins.iter().map(|(_, rows, kinds)| rows - kinds).sum();
        let differing = twins.into_iter().filter(|(_, _, kinds)| *kinds > 1);
        Ok((same, differing.map(|(id, ..)| id).collect()))
    }

    fn all<T>(
        &self,
        ask: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let mut statement = self.database.prepare(ask)?;
        statement.query_map([], read)?.collect()
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<Result<Event, String>> {
    let uuid = text(row, 1)?;
    let Cell::Integer(timestamp @ 0..) = row.get_ref(2)? else {
        return Ok(Err(format!("event {uuid}: its timestamp is no time")));
    };
    Ok(Ok(Event {
        uuid,
        timestamp: timestamp.cast_unsigned(),
        user: text(row, 3)?,
        item: text(row, 4)?,
        action: text(row, 5)?,
        payload: text(row, 6)?,
        seed: false,
        rule: None,
    }))
}

/// A column as text, whatever SQLite made of it; nothing for NULL.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(bytes) | Cell::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    })
}

fn when(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(moment::read(&text(row, column)?))
}
