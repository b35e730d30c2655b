//! Imports: what the original kept, as the command read it, part by part. Nothing of it is judged
//! again, and what is here already stays as it is, so that an import may be repeated.
//!
//! ```text
//! users     those that are not here
//! rules     of the original's table: those of whose patterns there is no rule here
//! events    those whose id is not here, in their order; the rule that one puts in force comes with
//!           it, in the same commit. Of one that is here already, it comes unless there is one
//! keys      by their bcrypt hashes, and setup tokens: each once, whatever became of it since
//! ```

mod events;
mod found;
mod secrets;

use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, RecordKey, Reject, SpaceName};

use super::acl::WireRule;
use super::mapping::account_of;
use crate::hub::{Hub, Part as Writes, Principal, Submission, Verdict, member_part, rule_part};

pub(super) use found::hint;
pub(super) use secrets::WireKey;

/// Bytes of one part at most.
pub(super) const PART_BYTES: usize = 64 << 20;
/// Things of one part at most.
const PART_ROWS: usize = 2_000;
/// By whom imported rules were added, for those who look at them.
const BY: &str = "import";

/// Some of what the original kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Part {
    users: Vec<WireUser>,
    rules: Vec<WireRule>,
    events: Vec<events::WireEvent>,
    keys: Vec<WireKey>,
    tokens: Vec<secrets::WireToken>,
}

#[derive(Debug, Deserialize)]
struct WireUser {
    id: String,
    created_ms: u64,
}

/// What became of it: what is new here, and how many events were here already.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Done {
    events: u64,
    same: u64,
    users: u64,
    rules: u64,
    keys: u64,
    tokens: u64,
    /// What could not be taken over, for people.
    notes: Vec<String>,
}

/// Takes in one part.
///
/// # Errors
/// A part that is too large, or whatever keeps the hub from writing. What was written stays.
pub(super) async fn take_in(hub: &Hub, space: &SpaceName, part: Part) -> Result<Done, Reject> {
    let Part { users, rules, events, keys, tokens } = part;
    let rows = users.len() + rules.len() + events.len() + keys.len() + tokens.len();
    if rows > PART_ROWS {
        let what = format!("One part of an import has at most {PART_ROWS} things");
        return Err(Reject::new(Code::TooLarge, what));
    }
    let mut done = Done::default();
    let named = users.into_iter().map(|user| (user.id, user.created_ms));
    add_users(hub, space, named, &mut done).await?;
    add_rules(hub, space, rules, &mut done).await?;
    events::add(hub, space, events, &mut done).await?;
    secrets::add_keys(hub, space, keys, &mut done).await?;
    secrets::add_tokens(hub, space, tokens, &mut done).await?;
    Ok(done)
}

/// Makes the users that are not here.
async fn add_users(
    hub: &Hub,
    space: &SpaceName,
    users: impl Iterator<Item = (String, u64)>,
    done: &mut Done,
) -> Result<(), Reject> {
    let mut parts = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (user, created_ms) in users {
        let account = account_of(space, &user);
        // A member's key has both names; the hub has no longer ones.
        if user.is_empty() || RecordKey::new(&format!("{space}:{account}")).is_err() {
            done.notes.push(format!("the user {user:?} has a name that the hub cannot hold"));
            continue;
        }
        if !hub.has_account(&account) && seen.insert(account.clone()) {
            parts.push(member_part(space, &account, created_ms));
        }
    }
    done.users += parts.len() as u64;
    submit(hub, parts).await
}

/// Adds the rules of whose patterns there is none.
async fn add_rules(
    hub: &Hub,
    space: &SpaceName,
    rules: Vec<WireRule>,
    done: &mut Done,
) -> Result<(), Reject> {
    if rules.is_empty() {
        return Ok(());
    }
    let mut parts = std::collections::BTreeMap::new();
    for rule in rules {
        match rule.parse() {
            // The later of two counts.
            Ok((subject, verdict)) => drop(parts.insert(subject, verdict)),
            Err(bad) => {
                done.notes.push(format!("the table's rule {rule:?} is none: {}", bad.text()));
            }
        }
    }
    for (subject, _) in hub.acl(&Principal::hub(), space)? {
        parts.remove(&subject);
    }
    done.rules += parts.len() as u64;
    let rule = |(subject, verdict): (_, &Verdict)| rule_part(space, (subject, *verdict), BY);
    submit(hub, parts.iter().map(rule).collect()).await
}

/// Writes all of it or nothing, as the hub itself: who may import was asked before.
async fn submit(hub: &Hub, parts: Vec<Writes>) -> Result<(), Reject> {
    if parts.is_empty() {
        return Ok(());
    }
    hub.apply(&Principal::hub(), Submission { id: None, parts }).await.map(drop)
}
