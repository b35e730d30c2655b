//! Who there is in an app, and by which keys: for those who run the hub, and for who leaves it.

use syncline_protocol::{CollectionName, Record, RecordKey, Reject, SpaceName, Value};

use super::{Hub, View};
use crate::access::directory::{collection, event_name};
use crate::access::principal::Principal;
use crate::engine::system_space;

/// Bytes of accounts that are read at once.
const PAGE_BYTES: usize = 1 << 20;

/// An account of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppUser {
    /// Its name, which begins with the space's.
    pub account: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
}

/// A key of an app's account; never what opens something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppKey {
    /// The id of its token.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// By what its app knows it.
    pub uuid: String,
    /// What its owner calls it.
    pub label: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// The bcrypt hash, of a key that was made elsewhere and not shown here yet.
    pub hash: Option<String>,
}

impl Hub {
    /// The accounts of an app, by name.
    ///
    /// # Errors
    /// A store that fails; so for what follows.
    pub fn app_users(&self, space: &SpaceName) -> Result<Vec<AppUser>, Reject> {
        let view = self.system()?;
        let (accounts, prefix) = (named(collection::APP_USERS), format!("{space}/"));
        let (mut users, mut after) = (Vec::new(), None::<RecordKey>);
        loop {
            let last = after.as_ref().map(|key| key.as_str().as_bytes());
            let page = view.list(&accounts, &prefix, last, PAGE_BYTES)?;
            let Some((last, _)) = page.records.last() else { return Ok(users) };
            after = Some(last.clone());
            let shown = page.records.into_iter().filter(|(_, record)| record.is_visible());
            users.extend(shown.map(|(key, record)| AppUser {
                account: key.as_str().to_owned(),
                created_ms: number(&record, "created_ms"),
            }));
            if !page.more {
                return Ok(users);
            }
        }
    }

    /// The keys of an app's accounts, by account and then by when they were made.
    ///
    /// # Errors
    /// As of [`Self::app_users`].
    pub fn app_keys(&self, space: &SpaceName) -> Result<Vec<AppKey>, Reject> {
        let directory = self.directory();
        let view = self.system()?;
        let tokens = named(collection::TOKENS);
        let mut keys = Vec::new();
        for (id, user) in directory.token_users() {
            if event_name(space, user).is_none() {
                continue;
            }
            let Ok(key) = RecordKey::new(id) else { continue };
            // One that ended since the directory was looked at is none.
            let Some(record) = view.get(&tokens, &key)? else { continue };
            let hash = directory.slow_key(id).map(str::to_owned);
            keys.push(AppKey {
                id: id.to_owned(),
                account: user.to_owned(),
                uuid: text(&record, "uuid"),
                label: text(&record, "label"),
                created_ms: number(&record, "created_ms"),
                hash,
            });
        }
        keys.sort_by(|a, b| {
            (&a.account, a.created_ms, &a.uuid).cmp(&(&b.account, b.created_ms, &b.uuid))
        });
        Ok(keys)
    }

    fn system(&self) -> Result<View, Reject> {
        self.read(&Principal::hub(), &system_space())
    }
}

fn named(name: &str) -> CollectionName {
    crate::engine::admin::collection_name(name)
}

fn text(record: &Record, field: &str) -> String {
    record.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(record: &Record, field: &str) -> u64 {
    record.get(field).and_then(Value::as_u64).unwrap_or_default()
}
