//! Where things of simple-sync lie in the hub.
//!
//! ```text
//! an app        space simple-sync/APP, owned by the account of .root
//! a user        account simple-sync/APP/USER, a member of it
//! an event      record events/UUID|USER|ITEM (the hub's `EventKey`)
//!                   event: map of the six members, as they were sent
//!                   received_ms, key: when, and by which token of the hub
//!                   server: true, of those that the server wrote itself
//!                   inert: true, of imported ones that give no rights
//! a key         token of the hub, for the app's space
//! a rule        access rule of the space, made from its event in the same commit
//! .tokens       by SHA-256 of a setup token: user, expires_ms
//! .pending      by user: token, the SHA-256 of the one that is good
//! .keys         by id of a token: used_ms
//! .imported     by `key:UUID` and `token:SHA-256`: that it came once, and when
//! .settings     app: what the rule needs of the settings
//! ```

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_protocol::{
    Change, CollectionName, FieldName, Record, RecordKey, Reject, SpaceName, Value,
};

use crate::hub::{escape, unescape};

/// The gateway's name, as in the settings.
pub(super) const NAME: &str = "simple_sync";
/// The first segment of the names of its spaces.
const SPACES: &str = "simple-sync";
/// The app at `/api/v1`.
pub(super) const DEFAULT_APP: &str = "events";
/// The user whom no rule binds.
pub(super) const ROOT: &str = ".root";

/// The collections beside `events` and `items`.
pub(super) mod collection {
    /// Setup tokens, by their digest.
    pub(crate) const TOKENS: &str = ".tokens";
    /// The setup token of each user that is good.
    pub(crate) const PENDING: &str = ".pending";
    /// When each key was last used.
    pub(crate) const KEYS: &str = ".keys";
    /// The keys and setup tokens that an import brought, whatever became of them.
    pub(crate) const IMPORTED: &str = ".imported";
    /// What the rule needs of the settings, in the record `app`.
    pub(crate) const SETTINGS: &str = ".settings";
    /// By item of a document: the stamps of its fields.
    pub(crate) const STAMPS: &str = ".stamps";
}

/// Whether a space is one of an app.
pub(super) fn is_app(space: &SpaceName) -> bool {
    let app = space.as_str().strip_prefix(SPACES).and_then(|rest| rest.strip_prefix('/'));
    app.is_some_and(|app| !app.contains('/'))
}

/// The space of an app.
pub(super) fn space_of(app: &str) -> Result<SpaceName, Reject> {
    let name = SpaceName::from_segments([SPACES, app]);
    name.map_err(|problem| Reject::new(syncline_protocol::Code::Refused, problem))
}

/// The account of a user.
pub(super) fn account_of(space: &SpaceName, user: &str) -> String {
    format!("{space}/{}", escape(user, true))
}

/// The user of an account, if it is one of the app.
pub(super) fn user_of<'a>(space: &SpaceName, account: &'a str) -> Option<Cow<'a, str>> {
    unescape(crate::hub::event_name(space, account)?)
}

/// A collection's name.
pub(super) fn named(name: &str) -> CollectionName {
    CollectionName::new(name).expect("the names in this gateway are good ones")
}

/// A put of some fields.
pub(super) fn put(
    collection: &str,
    key: &str,
    fields: &[(&str, Option<Value>)],
) -> Result<Change, Reject> {
    let refused =
        |problem: &dyn std::fmt::Display| Reject::new(syncline_protocol::Code::Refused, problem);
    let field = |(name, value): &(&str, Option<Value>)| {
        Ok((FieldName::new(name).map_err(|problem| refused(&problem))?, value.clone()))
    };
    let fields = fields.iter().map(field).collect::<Result<Vec<_>, Reject>>()?;
    let key = RecordKey::new(key).map_err(|problem| refused(&problem))?;
    Change::put(named(collection), key, fields).map_err(|problem| refused(&problem))
}

/// A delete.
pub(super) fn delete(collection: &str, key: &str) -> Result<Change, Reject> {
    let key = RecordKey::new(key);
    let key = key.map_err(|it| Reject::new(syncline_protocol::Code::Refused, it))?;
    Ok(Change::delete(named(collection), key))
}

/// A structure as a value: a map by the names of its members.
pub(super) fn value<T: Serialize>(of: &T) -> Value {
    let bytes = rmp_serde::to_vec_named(of).ok().and_then(|bytes| Value::new(bytes).ok());
    bytes.expect("plain structures are values")
}

/// A field of a record, read as a structure.
pub(super) fn field<T: DeserializeOwned>(record: &Record, name: &str) -> Option<T> {
    rmp_serde::from_slice(record.get(name)?.as_bytes()).ok()
}
