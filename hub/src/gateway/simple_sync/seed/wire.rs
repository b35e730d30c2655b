//! Events of the first form.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::super::answer::Refused;
use super::super::event::{Event, seconds_of};
use super::super::fault::Fault;

/// An event may be so far ahead of the hub's clock.
const AHEAD_SECONDS: u64 = 86_400;

/// An event as it travels: whose it is, is never believed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireEvent {
    uuid: Option<String>,
    timestamp: Option<u64>,
    #[serde(rename = "itemUuid")]
    item: Option<String>,
    action: Option<String>,
    payload: Option<String>,
}

/// The events of a push, each with its alias where its id is none to keep.
pub(super) fn events(
    bytes: &[u8],
    (caller, now_ms): (&str, u64),
) -> Result<Vec<(Event, Option<String>)>, Refused> {
    let pushed: Option<Vec<WireEvent>> =
        serde_json::from_slice(bytes).map_err(|_| Fault::NO_JSON)?;
    let pushed = pushed.unwrap_or_default().into_iter();
    pushed.map(|it| event(it, caller, now_ms)).collect()
}

fn event(it: WireEvent, caller: &str, now_ms: u64) -> Result<(Event, Option<String>), Refused> {
    let text = |text: Option<String>| text.unwrap_or_default();
    let (uuid, item, action) = (text(it.uuid), text(it.item), text(it.action));
    if uuid.is_empty() || item.is_empty() || action.is_empty() {
        return Err(Refused::text(400, "Missing required fields".to_owned()));
    }
    let timestamp = it.timestamp.unwrap_or(0);
    if timestamp == 0 || timestamp > now_ms / 1000 + AHEAD_SECONDS {
        return Err(Refused::text(400, "Invalid timestamp".to_owned()));
    }
    let is_kept = Uuid::try_parse(&uuid).is_ok_and(|id| seconds_of(id) == Some(timestamp));
    let (uuid, alias) = match is_kept {
        true => (uuid, None),
        false => (mint(timestamp, &uuid).to_string(), Some(uuid)),
    };
    let (user, payload) = (caller.to_owned(), text(it.payload));
    Ok((Event { uuid, timestamp, user, item, action, payload }, alias))
}

/// The id of an event that is known by an alias: the same whenever it comes.
pub(in super::super) fn mint(timestamp: u64, alias: &str) -> Uuid {
    let hash = Sha256::digest(alias);
    let random: [u8; 10] = hash.first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(timestamp.saturating_mul(1000), &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_carry_their_time_are_kept_and_others_are_aliases() {
        let now = (":bo", 1_759_985_600_000);
        let read = |uuid: &str| {
            let body = format!(
                r#"[{{"uuid":"{uuid}","timestamp":1759985518,"userUuid":"al","itemUuid":"a","action":"b"}}]"#
            );
            events(body.as_bytes(), now).unwrap().remove(0)
        };
        let (kept, alias) = read("0199c74f-c696-78f8-833a-82f8cf1f1949");
        assert_eq!((kept.user.as_str(), alias), (":bo", None));
        let (made, alias) = read("event-7");
        assert_eq!(alias.as_deref(), Some("event-7"));
        assert_eq!(seconds_of(made.id().unwrap()), Some(1_759_985_518));
        assert_eq!(read("event-7").0, made);
        assert_ne!(read("event-8").0, made);
        for wrong in
            ["", "{}", "[{}]", r#"[{"uuid":"a","itemUuid":"b","action":"c","timestamp":0}]"#]
        {
            assert!(events(wrong.as_bytes(), now).is_err(), "{wrong}");
        }
    }
}
