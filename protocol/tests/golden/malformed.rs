//! Golden bytes that are no frames, with the fault that a decoder finds; and some that are frames
//! although this crate would write them otherwise.

use serde_json::{Value as Json, json};
use syncline_protocol::codec::{Fault, Limits, decode_client, decode_hub};

use super::json;

/// Bytes in pieces of hexadecimal, repeated where a piece says so.
#[derive(Clone)]
struct Case {
    name: &'static str,
    note: &'static str,
    side: Side,
    pieces: Vec<(&'static str, usize)>,
}

#[derive(Clone, Copy)]
enum Side {
    Client,
    Hub,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Hub => "hub",
        }
    }
}

fn case(side: Side, name: &'static str, note: &'static str, bytes: &'static str) -> Case {
    Case { name, note, side, pieces: vec![(bytes, 1)] }
}

impl Case {
    fn and(mut self, bytes: &'static str, times: usize) -> Self {
        self.pieces.push((bytes, times));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let text: String = self.pieces.iter().map(|(bytes, times)| bytes.repeat(*times)).collect();
        hex::decode(text.replace(' ', "")).expect("hexadecimal digits")
    }
}

/// Bytes that are refused.
pub(crate) fn malformed() -> Vec<Json> {
    [forms(), texts(), pushes(), hubs()].concat().iter().map(refused).collect()
}

/// Bytes that are taken, in other widths than an encoder chooses.
pub(crate) fn unusual() -> Vec<Json> {
    let cases = [
        case(
            Side::Client,
            "wide_numbers",
            "A ping whose every width is the greatest.",
            "dd00000002 cf0000000000000009 cf0000000000000005",
        ),
        case(Side::Client, "wide_text", "A verify with a str 32.", "92 06 db00000001 61"),
        case(Side::Client, "signed_number", "A ping whose nonce is a signed 5.", "92 09 d005"),
        case(
            Side::Client,
            "filter_unsorted",
            "Collections in any order, one twice.",
            "94 02 a161 92 93 a162 a161 a162 a0 c0",
        ),
        case(
            Side::Hub,
            "unknown_code",
            "A word of a newer hub reads as `internal`.",
            "94 2f a46e657773 a0 c0",
        ),
    ];
    cases.iter().map(taken).collect()
}

fn forms() -> Vec<Case> {
    let client = |name, note, bytes| case(Side::Client, name, note, bytes);
    vec![
        client("empty", "No bytes at all.", ""),
        client("not_an_array", "A map.", "80"),
        client("no_kind", "An array of nothing.", "90"),
        client("kind_is_text", "A kind is a number.", "92 a139 05"),
        client("unknown_kind", "Kind 99.", "92 63 05"),
        client("hub_kind", "A kind that only hubs send.", "93 2e 05 00"),
        client("too_few_items", "A ping without its nonce.", "91 09"),
        client("too_many_items", "A ping with two.", "93 09 05 05"),
        client("cut", "A nonce cut short.", "92 09 cd01"),
        client("trailing", "A byte after the frame.", "92 09 05 c0"),
        client("reserved_byte", "0xc1 is not MessagePack.", "92 09 c1"),
        client("negative", "A nonce below zero.", "92 09 ff"),
        client("huge_array", "An array of 2^32 - 1 items in five bytes.", "dd ffffffff"),
        client("huge_text", "A space name of 2^32 - 1 bytes.", "92 06 db ffffffff 61"),
        client("signal_reserved", "0xc1 within a value.", "93 07 a161 92 c1 c0"),
        client("signal_cut", "A value cut short.", "93 07 a161 92 c0"),
        client("presence_two", "Two states.", "93 08 a161 92 c0 c0"),
        client("start_four", "A cursor of four items.", "94 02 a161 92 90 a0 94 c0 c0 c0 c0"),
        client(
            "filter_reserved",
            "A filter that asks for the hub's own.",
            "94 02 a161 92 91 a22e78 a0 c0",
        ),
        client(
            "zero_replica",
            "Replica 0 is nobody.",
            "99 01 01 c408 0000000000000000 c408 1112131415161718 a0 a0 00 90 80",
        ),
        client(
            "id_of_seven_bytes",
            "An id has eight bytes.",
            "99 01 01 c407 01020304050607 c408 1112131415161718 a0 a0 00 90 80",
        ),
    ]
}

fn texts() -> Vec<Case> {
    let client = |name, note, bytes| case(Side::Client, name, note, bytes);
    vec![
        client("space_not_utf8", "A space name that is not UTF-8.", "92 06 a1ff"),
        client("value_not_utf8", "A text within a value that is not UTF-8.", "93 07 a161 a2c328"),
        client("space_upper_case", "A space name with a capital.", "92 06 a141"),
        client("space_star", "A space name that hides a star.", "92 06 a3 253241"),
        client("space_lower_escape", "An escape in lower case digits.", "92 06 a3 256333"),
        client(
            "space_needless_escape",
            "An escape of a letter: every name has one spelling.",
            "92 06 a3 253631",
        ),
        client("space_dots", "A segment of two dots.", "92 06 a4 612f2e2e"),
        client("space_empty", "No name.", "92 06 a0"),
        client("space_too_long", "256 bytes.", "92 06 da0100").and("61", 256),
        client(
            "device_name_too_long",
            "129 bytes.",
            "99 01 01 c408 0102030405060708 c408 1112131415161718 d981",
        )
        .and("61", 129)
        .and("a0 00 90 80", 1),
        client("nested_too_deep", "A value within 33 arrays.", "93 07 a161")
            .and("91", 33)
            .and("c0", 1),
    ]
}

/// Pushes: a name or a size within one refuses the push by its id, anything else the session.
fn pushes() -> Vec<Case> {
    const HEAD: &str = "97 04 92 c408 0102030405060708 07 a161 c0 00";
    const STAMP: &str = "c410 00000000000100000102030405060708";
    let push = |name, note| case(Side::Client, name, note, HEAD);
    vec![
        push("push_empty", "A push has at least one delta.").and("90 90", 1),
        push("push_guard_unknown", "Condition 9.").and("91 93 a16c a161 09 90", 1),
        push("push_guard_misfit", "A condition `absent` with an argument.")
            .and("91 94 a16c a161 00 05 90", 1),
        push("push_delta_two_items", "A delta without a stamp.").and("90 91 92 a16c a161", 1),
        push("push_put_nothing", "A put has at least one field.")
            .and("90 91 94 a16c a161", 1)
            .and(STAMP, 1)
            .and("80", 1),
        push("push_field_twice", "Set and dropped.")
            .and("90 91 95 a16c a161", 1)
            .and(STAMP, 1)
            .and("81 a166 01 91 a166", 1),
        push("push_stamp_of_nobody", "A stamp of replica 0.")
            .and("90 91 93 a16c a161 c410 00000000000100000000000000000000", 1),
        push("push_stamp_as_text", "A stamp is binary.")
            .and("90 91 93 a16c a161 b0", 1)
            .and("61", 16),
        push("push_key_control", "A control character in the second delta's key.")
            .and("90 92 93 a16c a161", 1)
            .and(STAMP, 1)
            .and("93 a16c a10a", 1)
            .and(STAMP, 1),
        push("push_key_empty", "An empty key.").and("90 91 93 a16c a0", 1).and(STAMP, 1),
        push("push_key_too_long", "1,025 bytes.")
            .and("90 91 93 a16c da0401", 1)
            .and("61", 1025)
            .and(STAMP, 1),
        push("push_value_nested", "A value within 33 arrays.")
            .and("90 91 94 a16c a161", 1)
            .and(STAMP, 1)
            .and("81 a166", 1)
            .and("91", 33)
            .and("c0", 1),
        push("push_too_many_fields", "257 fields.")
            .and("90 91 94 a16c a161", 1)
            .and(STAMP, 1)
            .and("de0101", 1)
            .and("a166 01", 257),
        push("push_key_not_utf8", "A key that is not UTF-8.")
            .and("90 91 93 a16c a1ff", 1)
            .and(STAMP, 1),
    ]
}

fn hubs() -> Vec<Case> {
    let hub = |name, note, bytes| case(Side::Hub, name, note, bytes);
    vec![
        hub("hub_client_kind", "A kind that only clients send.", "92 09 05"),
        hub("hub_too_few_items", "A pong without a time.", "92 2e 05"),
        hub("hub_trailing", "A byte after the frame.", "93 2e 05 05 05"),
        hub(
            "hub_huge_deltas",
            "Changes that announce 2^32 - 1 deltas.",
            "96 25 a161 00 01 c2 dd ffffffff",
        ),
        hub("hub_mode_unknown", "Mode 2.", "96 22 a161 c408 0102030405060708 02 00 00"),
        hub(
            "hub_digest_short",
            "A digest of four bytes.",
            "94 2b a161 00 81 a16c 92 c404 00000000 01",
        ),
        hub(
            "hub_presence_misfit",
            "They went, with a state.",
            "95 2d a161 93 c408 0102030405060708 a0 a0 01 91 c0",
        ),
        hub("hub_more_is_a_number", "`more` is true or false.", "96 25 a161 00 01 00 90"),
    ]
}

fn refused(case: &Case) -> Json {
    let bytes = case.bytes();
    let error = match case.side {
        Side::Client => decode_client(&bytes, &Limits::default()).map(drop),
        Side::Hub => decode_hub(&bytes).map(drop),
    };
    let error = error.expect_err(case.name);
    let fault = match error.fault {
        Fault::Malformed => "malformed",
        Fault::NotUtf8 => "not_utf8",
        Fault::TooLarge => "too_large",
    };
    json!({
        "name": case.name,
        "note": case.note,
        "from": case.side.word(),
        "fault": fault,
        "push": error.push.map(json::push_id),
        "index": error.index,
        "hex": hex::encode(bytes),
    })
}

fn taken(case: &Case) -> Json {
    let bytes = case.bytes();
    let value = match case.side {
        Side::Client => json::client_frame(
            &decode_client(&bytes, &Limits::default()).expect("a frame in other widths"),
        ),
        Side::Hub => json::hub_frame(&decode_hub(&bytes).expect("a frame in other widths")),
    };
    json!({
        "name": case.name,
        "note": case.note,
        "from": case.side.word(),
        "value": value,
        "hex": hex::encode(bytes),
    })
}
