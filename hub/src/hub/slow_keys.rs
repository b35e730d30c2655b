//! API keys that were made elsewhere, of which only a bcrypt hash came along. The first time that
//! one is shown it is found by trying them, and kept as the hub keeps its own from then on.

use std::net::IpAddr;

use syncline_protocol::{Condition, Reject, Value};

use super::accounts::{changed_meanwhile, field, guard};
use super::authenticate::wrong;
use super::hashing::Queue;
use super::{Hub, now_ms};
use crate::access::directory::collection;
use crate::access::key::ApiKey;
use crate::access::principal::Principal;
use crate::access::slow_hash;
use crate::engine::admin::{system_put, token_deletes};

impl Hub {
    /// How many keys wait to be shown for the first time.
    #[must_use]
    pub fn slow_keys(&self) -> usize {
        self.directory().slow_keys().count()
    }

    /// Checks a key that is none of the known ones. Counted as wrong before it is tried.
    pub(super) async fn check_key(&self, text: &str, from: IpAddr) -> Result<Principal, Reject> {
        let key = ApiKey::parse(text).ok_or_else(wrong)?;
        let reserved = self.reserve(from)?;
        let tried = self.try_slow_keys(&key).await;
        let kept = match &tried {
            Ok(Some(id)) => self.quicken(id, &key).await,
            _ => Ok(()),
        };
        // Whoever showed it at the same time may have been quicker: then no hash of it was left.
        let recognised = self.directory().recognise_key(&key, now_ms());
        if recognised.is_some() || !matches!(&tried, Ok(None)) {
            self.give_back(from, &reserved);
        }
        match recognised {
            Some(principal) => Ok(principal),
            None => tried.and(kept).and(Err(wrong())),
        }
    }

    /// Which of the hashes a key has, by the id of its token. Each is tried in a turn of its own: a
    /// key that is none of many keeps nobody waiting for longer than one of them takes.
    async fn try_slow_keys(&self, key: &ApiKey) -> Result<Option<String>, Reject> {
        let directory = self.directory();
        for (id, hash) in directory.slow_keys() {
            let turn = self.hashing().turn(Queue::Strangers).await?;
            let (key, hash) = (key.clone(), hash.to_owned());
            let tried = tokio::task::spawn_blocking(move || {
                let good = slow_hash::verify(key.reveal(), &hash);
                drop(turn);
                good
            });
            if tried.await.unwrap_or_default() {
                return Ok(Some(id.to_owned()));
            }
        }
        Ok(None)
    }

    /// Keeps a key under what it is, in place of its hash. Somebody may have been quicker.
    async fn quicken(&self, id: &str, key: &ApiKey) -> Result<(), Reject> {
        let Some(user) = self.directory().token_user(id).map(str::to_owned) else { return Ok(()) };
        let view = self.read(&Principal::hub(), &crate::engine::system_space())?;
        let tokens = crate::engine::admin::collection_name(collection::TOKENS);
        let name = syncline_protocol::RecordKey::new(id).map_err(|_| wrong())?;
        let Some(record) = view.get(&tokens, &name)? else { return Ok(()) };
        let fields: Vec<(&str, Value)> =
            record.visible().map(|(name, _, value)| (name.as_str(), value.clone())).collect();
        let digest = Value::from(hex::encode(key.digest().to_bytes()).as_str());
        let secret = format!("token:{}", key.id());
        let mut changes = vec![
            system_put(collection::CREDENTIALS, &secret, &[("digest", digest)]),
            system_put(collection::TOKENS, &key.id(), &fields),
        ];
        changes.extend(token_deletes(id));
        let stands = Condition::FieldEquals(field("user"), Value::from(user.as_str()));
        let guards = vec![guard(collection::TOKENS, id, stands)];
        match self.write_system(changes, guards, changed_meanwhile).await {
            Err(reject) if reject.code != syncline_protocol::Code::Busy => Err(reject),
            _ => Ok(()),
        }
    }
}
