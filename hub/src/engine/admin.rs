//! The engine's other work: spaces come and go, recorded answers are forgotten, replicas noted.

use std::time::Duration;

use syncline_protocol::{
    Change, Code, CollectionName, Epoch, FieldName, PushId, RecordKey, Reject, ReplicaId, SpaceId,
    SpaceName, Value,
};

use super::{Engine, Part, Receipt, Refusal, Submission, Writes, system_space};
use crate::access::directory::{
    Directory, Grant, OwnLimits, collection, limits_of_space, member_key,
};
use crate::access::principal::{Principal, Role};
use crate::store::{Batch, ReplicaRow, Snapshot, SpaceRow, StoreError, outcome_key};

/// Recorded answers that one entry forgets at most; the rest waits for the next hello.
const FORGET_MAX: usize = 10_000;

impl Engine {
    /// Makes a space, with its owner as its first member.
    pub(super) fn create_space(
        &mut self,
        batch: &mut Batch<'_>,
        principal: &Principal,
        now_ms: u64,
        (name, owner, id, epoch): (SpaceName, String, SpaceId, Epoch),
    ) -> Result<Receipt, Refusal> {
        if !principal.is_hub() && !self.directory.is_admin(principal, now_ms) {
            self.check_own_name(principal, &name, &owner, now_ms)?;
        }
        if !principal.is_hub() && !self.directory.has_user(&owner) {
            return Err(Reject::new(Code::NotFound, format!("There is no user {owner}")).into());
        }
        if batch.space(&name)?.is_some() {
            return Err(Reject::new(Code::Exists, format!("The space {name} exists")).into());
        }
        let row = SpaceRow {
            id,
            owner: owner.as_str().into(),
            epoch,
            sequence: 0,
            horizon: 0,
            log_entries: 0,
            log_dead: 0,
            records: 0,
            bytes: 0,
            conflict_bytes: 0,
            restored_ms: None,
            authoritative: false,
        };
        batch.create_space(name.clone(), row);
        if name == system_space() {
            return Ok(Receipt::default());
        }
        let fields = [("owner", Value::from(&*owner)), ("created_ms", Value::from(now_ms))];
        let member = member_key(&name, &owner);
        let changes = vec![
            system_put(collection::SPACES, name.as_str(), &fields),
            system_put(collection::MEMBERS, &member, &[("role", Value::from("owner"))]),
        ];
        self.write_system(batch, now_ms, changes)
    }

    /// Users make spaces of their own name; others are an admin's to make.
    fn check_own_name(
        &self,
        principal: &Principal,
        name: &SpaceName,
        owner: &str,
        now_ms: u64,
    ) -> Result<(), Reject> {
        let account = principal.account();
        let own = name.as_str() == account
            || name.as_str().split('/').nth(1) == Some(account)
            || name.as_str().strip_prefix(account).is_some_and(|rest| rest.starts_with('/'));
        let unlimited = self.directory.may_create(principal, name, now_ms);
        if own && unlimited && owner == account {
            return Ok(());
        }
        let what = format!("You may make spaces named {account} or {account}/…, for yourself");
        Err(Reject::new(Code::Forbidden, what))
    }

    /// Drops a space and every right in it.
    pub(super) fn drop_space(
        &mut self,
        batch: &mut Batch<'_>,
        principal: &Principal,
        now_ms: u64,
        name: &SpaceName,
    ) -> Result<Receipt, Refusal> {
        let grant = self.directory.grant(principal, name, now_ms);
        let unknown =
            || Reject::new(Code::UnknownSpace, format!("There is no space {name} for you"));
        match grant {
            Grant::Role(Role::Owner) if *name != system_space() => {}
            Grant::Role(_) => {
                let what = format!("Only an owner may delete {name}, and nobody `system`");
                return Err(Reject::new(Code::Forbidden, what).into());
            }
            Grant::Nothing => return Err(unknown().into()),
            Grant::Unauthorized => {
                let what = "This credential is no longer good";
                return Err(Reject::new(Code::Unauthorized, what).into());
            }
        }
        let id = batch.drop_space(name)?.ok_or_else(unknown)?;
        self.dropped.push(id);
        self.published.remove(name);
        let members: Vec<String> =
            self.directory.members(name).map(|(user, _)| member_key(name, user)).collect();
        let mut changes = vec![system_delete(collection::SPACES, name.as_str())];
        if self.directory.space_limits(name) != OwnLimits::default() {
            changes.push(system_delete(collection::LIMITS, &limits_of_space(name)));
        }
        changes.extend(members.iter().map(|key| system_delete(collection::MEMBERS, key)));
        // Whoever was of an app whose space this is, is of nothing else.
        for account in self.directory.app_users(name) {
            changes.push(system_delete(collection::APP_USERS, account));
            changes.extend(self.directory.tokens_of(account).flat_map(token_deletes));
        }
        let rules = self.directory.rule_keys(name);
        changes.extend(rules.map(|key| system_delete(collection::RULES, key)));
        self.write_system(batch, now_ms, changes)
    }

    /// Sets how long a collection keeps its tombstones; none for as long as the hub's setting
    /// says. Whoever owns the space may.
    pub(super) fn set_retention(
        &mut self,
        batch: &mut Batch<'_>,
        principal: &Principal,
        now_ms: u64,
        (space, collection, retention): (&SpaceName, &CollectionName, Option<Duration>),
    ) -> Result<Receipt, Refusal> {
        let row = batch.space(space)?.map(|row| (row.id, row.sequence));
        let (id, sequence) = match (self.directory.grant(principal, space, now_ms), row) {
            (Grant::Role(Role::Owner), Some(row)) => row,
            (Grant::Unauthorized, _) => {
                let what = "This credential is no longer good";
                return Err(Reject::new(Code::Unauthorized, what).into());
            }
            (Grant::Nothing, _) | (_, None) => {
                let what = format!("There is no space {space} for you");
                return Err(Reject::new(Code::UnknownSpace, what).into());
            }
            (Grant::Role(_), Some(_)) => {
                let what = format!("Only an owner says how long {space} remembers deletes");
                return Err(Reject::new(Code::Forbidden, what).into());
            }
        };
        if collection.is_reserved() {
            let what = format!("{collection} is a reserved collection");
            return Err(Reject::new(Code::Reserved, what).into());
        }
        batch.collection(id, collection)?.retention = retention;
        Ok(Receipt { parts: vec![(sequence, Vec::new())] })
    }

    fn write_system(
        &mut self,
        batch: &mut Batch<'_>,
        now_ms: u64,
        changes: Vec<Change>,
    ) -> Result<Receipt, Refusal> {
        let part = Part {
            space: system_space(),
            base: None,
            guards: Vec::new(),
            writes: Writes::Unstamped(changes),
        };
        let submission = Submission { id: None, parts: vec![part] };
        self.decide_and_merge(batch, &Principal::hub(), now_ms, submission)
    }
}

/// Reads the directory from the records of the space `system`.
pub(super) fn load_directory(snapshot: &Snapshot) -> Result<Directory, StoreError> {
    let mut directory = Directory::default();
    let Some(space) = snapshot.space(&system_space())? else { return Ok(directory) };
    directory.set_version(space.sequence);
    let names = [
        collection::USERS,
        collection::APP_USERS,
        collection::TOKENS,
        collection::MEMBERS,
        collection::SPACES,
        collection::CREDENTIALS,
        collection::LIMITS,
        collection::RULES,
    ];
    for name in names {
        for (key, row) in snapshot.range(space.id, &collection_name(name), "", usize::MAX)? {
            directory.set(name, key.as_str(), Some(&row.record));
        }
    }
    Ok(directory)
}

/// Removes the recorded answers to a replica's pushes before one of them.
pub(super) fn forget_outcomes(batch: &mut Batch<'_>, before: PushId) -> Result<Receipt, Refusal> {
    let key = |counter| outcome_key(PushId { counter, ..before }, SpaceId(0));
    let (from, to) = (key(0), key(before.counter));
    let mut done = Vec::new();
    for entry in batch.outcomes.range(from.as_slice()..to.as_slice())?.take(FORGET_MAX) {
        done.push(entry?.0.value().to_vec());
    }
    for key in done {
        batch.outcomes.remove(&key.as_slice());
    }
    Ok(Receipt::default())
}

/// Notes what was last heard of replicas. Whose a replica is never changes, and how far it had
/// read is kept until it is heard again.
pub(super) fn remember_replicas(
    batch: &mut Batch<'_>,
    replicas: &[(ReplicaId, ReplicaRow)],
) -> Result<Receipt, Refusal> {
    for (replica, row) in replicas {
        let key = replica.get().to_be_bytes();
        let known = batch.replicas.get(key.as_slice())?;
        let known = known.map(|known| ReplicaRow::decode(known.value())).transpose()?;
        let mut row = row.clone();
        if let Some(known) = known {
            if known.principal != row.principal {
                continue;
            }
            if row.seen.is_empty() {
                row.seen = known.seen;
            }
        }
        batch.replicas.insert(&key.as_slice(), &row.encode().as_slice());
    }
    Ok(Receipt::default())
}

/// The deletes that end a token.
#[must_use]
pub fn token_deletes(id: &str) -> [Change; 2] {
    [
        system_delete(collection::CREDENTIALS, &format!("token:{id}")),
        system_delete(collection::TOKENS, id),
    ]
}

/// A put in the space `system`.
///
/// # Panics
/// When the names are no names, which those written in this program are.
#[must_use]
pub fn system_put(collection: &str, key: &str, fields: &[(&str, Value)]) -> Change {
    let field = |(name, value): &(&str, Value)| {
        (FieldName::new(name).expect("a field's name"), Some(value.clone()))
    };
    let fields = fields.iter().map(field).collect();
    Change::put(collection_name(collection), system_key(key), fields).expect("fields, each once")
}

/// A delete in the space `system`.
///
/// # Panics
/// When the names are no names, which those written in this program are.
#[must_use]
pub fn system_delete(collection: &str, key: &str) -> Change {
    Change::delete(collection_name(collection), system_key(key))
}

pub(crate) fn collection_name(name: &str) -> CollectionName {
    CollectionName::new(name).expect("a collection's name")
}

/// Names of accounts, tokens and spaces are far shorter than a key may be.
fn system_key(key: &str) -> RecordKey {
    RecordKey::new(key).expect("a record's key")
}
