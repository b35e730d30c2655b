//! Who there is in an app, by which keys, and which rules are in force.

use axum::extract::Query;
use serde::Serialize;
use syncline_protocol::{Code, Reject};

use super::super::import::WireKey;
use super::super::mapping::{self, named, user_of};
use super::answer::{Answer, Asked, Failure, Page, Paging};
use crate::hub::{AppKey, Principal};

#[derive(Serialize)]
pub(super) struct User {
    id: String,
    created_ms: u64,
}

#[derive(Serialize)]
pub(super) struct Key {
    uuid: String,
    user: String,
    description: String,
    created_ms: u64,
    last_used_ms: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Rule {
    user: String,
    item: String,
    action: String,
    #[serde(rename = "type")]
    verdict: &'static str,
}

impl Asked {
    /// Reads off the async threads.
    async fn look<T: Send + 'static>(
        self,
        look: impl FnOnce(Self) -> Result<T, Reject> + Send + 'static,
    ) -> Result<T, Failure> {
        let looked = tokio::task::spawn_blocking(move || look(self)).await;
        let lost = |_| Failure::new(Code::Internal, "The answer could not be made");
        Ok(looked.map_err(lost)??)
    }
}

/// The users of an app.
pub(super) async fn users(asked: Asked, Query(paging): Query<Paging>) -> Answer<Page<User>> {
    let users = asked.look(|Asked { hub, space }| {
        let users = hub.app_users(&space)?.into_iter();
        Ok(users
            .filter_map(|user| {
                let id = user_of(&space, &user.account)?.into_owned();
                Some(User { id, created_ms: user.created_ms })
            })
            .collect::<Vec<_>>())
    });
    paging.cut(users.await?)
}

/// The keys of an app's users; never what opens anything.
pub(super) async fn keys(asked: Asked, Query(paging): Query<Paging>) -> Answer<Page<Key>> {
    let keys = asked.look(|asked| {
        let all = with_use(&asked)?.into_iter();
        Ok(all
            .map(|(user, key, last_used_ms)| Key {
                uuid: key.uuid,
                user,
                description: key.label,
                created_ms: key.created_ms,
                last_used_ms,
            })
            .collect::<Vec<_>>())
    });
    paging.cut(keys.await?)
}

/// The keys that another server made and nobody has shown here yet, by their hashes: for leaving.
pub(super) async fn hashes(asked: Asked, Query(paging): Query<Paging>) -> Answer<Page<WireKey>> {
    let keys = asked.look(|asked| {
        let all = with_use(&asked)?.into_iter();
        Ok(all
            .filter_map(|(user, key, last_used_ms)| {
                Some(WireKey {
                    uuid: key.uuid,
                    user,
                    hash: key.hash?,
                    description: key.label,
                    created_ms: key.created_ms,
                    last_used_ms,
                })
            })
            .collect::<Vec<_>>())
    });
    paging.cut(keys.await?)
}

/// The rules in force.
pub(super) async fn rules(asked: Asked, Query(paging): Query<Paging>) -> Answer<Page<Rule>> {
    let rules = asked.hub.acl(&Principal::hub(), &asked.space)?;
    paging.cut(rules.into_iter().map(|(subject, verdict)| Rule {
        user: subject.principal.to_string(),
        item: subject.item.to_string(),
        action: subject.action.to_string(),
        verdict: verdict.as_str(),
    }))
}

/// The keys, each with its user and when it was last used.
fn with_use(asked: &Asked) -> Result<Vec<(String, AppKey, Option<u64>)>, Reject> {
    let Asked { hub, space } = asked;
    let view = hub.read(&Principal::hub(), space)?;
    let used = named(mapping::collection::KEYS);
    let keys = hub.app_keys(space)?.into_iter().filter_map(|key| {
        let user = user_of(space, &key.account)?.into_owned();
        Some((user, key))
    });
    keys.map(|(user, key)| {
        let id = syncline_protocol::RecordKey::new(&key.id).ok();
        let record = id.map(|id| view.get(&used, &id)).transpose()?.flatten();
        let used_ms = record.and_then(|record| record.get("used_ms")?.as_u64());
        Ok((user, key, used_ms))
    })
    .collect()
}
