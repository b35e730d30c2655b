//! Imported keys and setup tokens. Each comes once: what was reset, exchanged or replaced here
//! since does not come to life again because a file is imported a second time.

use serde::{Deserialize, Serialize};
use syncline_protocol::{Change, RecordKey, Reject, SpaceName, Value};
use uuid::Uuid;

use super::{Done, add_users, submit};
use crate::gateway::simple_sync::mapping::{account_of, collection, named, put};
use crate::gateway::simple_sync::setup_token::{self, SetupToken};
use crate::hub::{Hub, KeyOrder, Part, Principal, Submission, View, is_bearable, now_ms};

/// Keys that wait to be shown for the first time, of all apps: each is tried against a key that is
/// not known, which takes some hundredths of a second.
const SLOW_KEYS_MAX: usize = 1_000;
/// Bytes of a key's description at most; longer ones are cut.
const LABEL_BYTES: usize = 4_096;

/// A key as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct WireKey {
    pub(in super::super) uuid: String,
    pub(in super::super) user: String,
    /// By bcrypt.
    pub(in super::super) hash: String,
    pub(in super::super) description: String,
    pub(in super::super) created_ms: u64,
    pub(in super::super) last_used_ms: Option<u64>,
}

/// A setup token that nobody has used, in clear.
#[derive(Deserialize)]
pub(in super::super) struct WireToken {
    token: String,
    user: String,
    expires_ms: u64,
}

impl std::fmt::Debug for WireToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WireToken(of {:?})", self.user)
    }
}

/// Adds the keys that never came before.
pub(super) async fn add_keys(
    hub: &Hub,
    space: &SpaceName,
    keys: Vec<WireKey>,
    done: &mut Done,
) -> Result<(), Reject> {
    if keys.is_empty() {
        return Ok(());
    }
    // A key opens what it opened there, whether or not the original made its user.
    let users = keys.iter().map(|key| (key.user.clone(), key.created_ms));
    add_users(hub, space, users.collect::<Vec<_>>().into_iter(), done).await?;
    let view = hub.read(&Principal::hub(), space)?;
    let mut room = SLOW_KEYS_MAX.saturating_sub(hub.slow_keys());
    let (mut parts, mut changes) = (Vec::new(), Vec::new());
    for key in keys {
        let Some(id) = Uuid::try_parse(&key.uuid).ok().filter(|_| is_bearable(&key.hash)) else {
            done.notes.push(format!(
                "the key {} of {:?} is not kept as simple-sync does: it needs a new setup token",
                key.uuid, key.user
            ));
            continue;
        };
        let mark = format!("key:{}", id.hyphenated());
        if came_before(&view, &mark)? || !hub.has_account(&account_of(space, &key.user)) {
            continue;
        }
        if room == 0 {
            let what = "of the keys that were never used here there are too many: the key";
            done.notes.push(format!("{what} {} of {:?} is left out", key.uuid, key.user));
            continue;
        }
        room -= 1;
        changes.push(remember(&mark)?);
        let (part, used) = kept(space, &id, &key)?;
        parts.push(part);
        changes.extend(used);
    }
    done.keys += parts.len() as u64;
    if !changes.is_empty() {
        parts.extend(Submission::changes(space.clone(), changes).parts);
    }
    submit(hub, parts).await
}

/// The writes that keep a key, and when it was last used.
fn kept(space: &SpaceName, id: &Uuid, key: &WireKey) -> Result<(Part, Option<Change>), Reject> {
    let (account, uuid) = (account_of(space, &key.user), id.hyphenated().to_string());
    let label = cut(&key.description);
    let order =
        KeyOrder { account: &account, space, uuid: &uuid, label, created_ms: key.created_ms };
    let part = order.part_of_hash(&key.hash);
    let used = key.last_used_ms.map(|used_ms| {
        let fields = [("used_ms", Some(Value::from(used_ms)))];
        put(collection::KEYS, &format!("key-{uuid}"), &fields)
    });
    Ok((part, used.transpose()?))
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LABEL_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Adds the setup tokens that never came before.
pub(super) async fn add_tokens(
    hub: &Hub,
    space: &SpaceName,
    tokens: Vec<WireToken>,
    done: &mut Done,
) -> Result<(), Reject> {
    let now_ms = now_ms();
    for WireToken { token, user, expires_ms } in tokens {
        let Some(token) = SetupToken::parse(&token).filter(|_| expires_ms > now_ms) else {
            continue;
        };
        let view = hub.read(&Principal::hub(), space)?;
        let mark = format!("token:{}", token.key());
        let is_here = hub.has_account(&account_of(space, &user));
        if came_before(&view, &mark)? || !is_here {
            continue;
        }
        let mut changes = vec![remember(&mark)?];
        if setup_token::is_pending(&view, &user, now_ms)? {
            let what = "has a setup token of this hub, which stays in place of the imported one";
            done.notes.push(format!("{user:?} {what}"));
        } else {
            changes.push(setup_token::kept(&token.key(), &user, expires_ms)?);
            done.tokens += 1;
        }
        submit(hub, Submission::changes(space.clone(), changes).parts).await?;
    }
    Ok(())
}

fn came_before(view: &View, mark: &str) -> Result<bool, Reject> {
    let Ok(key) = RecordKey::new(mark) else { return Ok(false) };
    Ok(view.get(&named(collection::IMPORTED), &key)?.is_some())
}

fn remember(mark: &str) -> Result<Change, Reject> {
    put(collection::IMPORTED, mark, &[("at_ms", Some(Value::from(now_ms())))])
}
