//! The checks of one event, each text and its place in the order.

use super::*;

const NOW_MS: u64 = 1_760_000_000_000;

fn settings() -> Settings {
    Settings { payload_bytes: 10, ..Settings::default() }
}

fn event() -> Event {
    let text = str::to_owned;
    Event {
        uuid: text("0199c74f-c696-78f8-833a-82f8cf1f1949"),
        timestamp: 1_759_985_518,
        user: text("bo"),
        item: text("task.1"),
        action: text("edit"),
        payload: text("{}"),
    }
}

fn judged(event: &Event) -> Result<(), Fault> {
    members(event, (Some("bo"), NOW_MS), &settings())
}

#[test]
fn the_first_fault_decides() {
    let mut it = Event { uuid: String::new(), ..Event::default() };
    let mut faults = Vec::new();
    let good = event();
    // Each fault is put right, and the next one shows.
    let repairs: [fn(&mut Event, &Event); 7] = [
        |it, _| it.uuid = "x".to_owned(),
        |it, good| it.uuid.clone_from(&good.uuid),
        |it, good| it.timestamp = good.timestamp,
        |it, _| it.user = "al".to_owned(),
        |it, good| it.item.clone_from(&good.item),
        |it, good| it.action.clone_from(&good.action),
        |it, good| it.user.clone_from(&good.user),
    ];
    for repair in repairs {
        faults.push(judged(&it).unwrap_err());
        repair(&mut it, &good);
    }
    let expected = [
        Fault::NO_UUID,
        Fault::BAD_UUID,
        Fault::BAD_TIME,
        Fault::NO_USER,
        Fault::NO_ITEM,
        Fault::NO_ACTION,
        Fault::NOT_OWN,
    ];
    assert_eq!(faults, expected);
    assert_eq!(judged(&it), Ok(()));
}

#[test]
fn the_time_is_the_ids_and_not_far_ahead() {
    let at = |ms: u64| {
        let id = uuid::Builder::from_unix_timestamp_millis(ms, &[7; 10]).into_uuid();
        judged(&Event { uuid: id.to_string(), timestamp: ms / 1000, ..event() })
    };
    assert_eq!(at(1000), Ok(()), "however long ago");
    assert_eq!(at(999), Err(Fault::BAD_TIME));
    assert_eq!(at(NOW_MS + 86_400_999), Ok(()));
    assert_eq!(at(NOW_MS + 86_401_000), Err(Fault::BAD_TIME));
    // Version 1, with a time that fits what it says.
    let v1 = Event { uuid: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into(), ..event() };
    assert_eq!(judged(&v1), Err(Fault::BAD_TIME));
    let off = |by: i64| {
        judged(&Event { timestamp: 1_759_985_518_u64.saturating_add_signed(by), ..event() })
    };
    assert_eq!((off(1), off(-1)), (Err(Fault::BAD_TIME), Err(Fault::BAD_TIME)));
}

#[test]
fn an_item_fits_into_a_key_with_its_author() {
    let user = "u".repeat(255);
    let of = |length: usize| {
        let it = Event { user: user.clone(), item: "i".repeat(length), ..event() };
        members(&it, (Some(&user), NOW_MS), &settings())
    };
    assert_eq!(of(1024 - 255 - 36 - 2), Ok(()));
    assert_eq!(of(1024 - 255 - 36 - 1), Err(Fault::BAD_ITEM));
}

#[test]
fn payloads_are_anything_unless_the_settings_ask_for_objects() {
    let of = |payload: &str, settings: &Settings| {
        members(&Event { payload: payload.into(), ..event() }, (Some("bo"), NOW_MS), settings)
    };
    assert_eq!(of("0123456789", &settings()), Ok(()));
    assert_eq!(of("0123456789a", &settings()), Err(Fault::LONG_PAYLOAD));
    let strict = Settings { strict_payload: true, ..settings() };
    assert_eq!(of("{\"a\":1}", &strict), Ok(()));
    for wrong in ["", "[]", "1", "null", "{", "{} x"] {
        assert_eq!(of(wrong, &strict), Err(Fault::BAD_PAYLOAD), "{wrong}");
    }
}

#[test]
fn reserved_names_are_known() {
    let of = |item: &str, action: &str| {
        let it = Event { item: item.into(), action: action.into(), ..event() };
        (is_rule(&it), is_internal(&it), new_user(&it).is_ok())
    };
    assert_eq!(of(".acl", ".acl.addRule"), (true, true, false));
    assert_eq!(of(".acl", "foo"), (false, true, false));
    assert_eq!(of("x", ".acl.addRule"), (false, true, false));
    assert_eq!(of(".user.bo", ".user.create"), (false, false, true));
    assert_eq!(of(".user..root", ".user.create"), (false, false, false));
    assert_eq!(of("task.1", "edit"), (false, false, false));
}
