//! Hostile bytes: whatever comes, the decoders answer, and take memory only for what is there.
//!
//! Memory is the peak of this process's allocations while a decoder runs, its result included.
//! So that no other test is counted, each holds the one measuring lock from beginning to end.

mod arbitrary;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arbitrary::frames::{client_frame, hub_frame};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use syncline_protocol::codec::{
    self, DecodeError, Fault, Limits, decode_applied, decode_client, decode_hub,
};
use syncline_protocol::{NESTING_MAX, Value, ValueError, measure};

#[global_allocator]
static MEMORY: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a decoder may take whatever the input, in bytes; the rest is what a test thread that
/// starts meanwhile takes.
const PEAK_FIXED: usize = 32 << 10;
/// What it may take for each byte of input. The worst is a put by a hub that drops half a million
/// fields, each named in two bytes and made a name and a place: 36 bytes for one. A hub itself
/// reads at most 25, for clients have a limit of fields.
const PEAK_PER_BYTE: usize = 40;

/// Kinds of all frames.
const KINDS: [u8; 25] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47];
/// Heads that announce more than 4 * 10^9 bytes or items: str, bin, ext, array, map.
const HUGE: [[u8; 5]; 5] = [
    [0xdb, 255, 255, 255, 255],
    [0xc6, 255, 255, 255, 255],
    [0xc9, 255, 255, 255, 255],
    [0xdd, 255, 255, 255, 255],
    [0xdf, 255, 255, 255, 255],
];

/// The protocol's, but for a list that is usually too short to tell anything about memory.
fn limits() -> Limits {
    Limits { outbox: 100_000, ..Limits::default() }
}

fn alone() -> MutexGuard<'static, ()> {
    static MEASURING: Mutex<()> = Mutex::new(());
    // A failed test leaves nothing half done behind.
    MEASURING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the bytes to everything that reads bytes, and holds each to the bound.
fn feed(bytes: &[u8]) {
    let limits = limits();
    bounded("decode_client", bytes, || decode_client(bytes, &limits)).ok();
    bounded("decode_hub", bytes, || decode_hub(bytes)).ok();
    bounded("decode_applied", bytes, || decode_applied(bytes)).ok();
    bounded("measure", bytes, || measure(bytes, NESTING_MAX)).ok();
    bounded("Value::new", bytes, || Value::new(bytes)).ok();
}

fn bounded<T>(what: &str, bytes: &[u8], read: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_memory();
    let result = read();
    let peak = MEMORY.get_peak_memory();
    let bound = PEAK_FIXED + PEAK_PER_BYTE * bytes.len();
    let (length, head) = (bytes.len(), hex::encode(&bytes[..bytes.len().min(64)]));
    assert!(peak <= bound, "{what} took {peak} bytes of memory for {length} of input: {head}");
    result
}

/// The bytes of every golden frame, good or not.
fn golden() -> Vec<Vec<u8>> {
    ["frames", "unusual", "malformed"].map(golden_list).concat()
}

fn golden_list(list: &str) -> Vec<Vec<u8>> {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/frames.json")).expect("golden JSON");
    let entries = file[list].as_array().expect(list).iter();
    let hex = entries.map(|entry| entry["hex"].as_str().expect("hex"));
    let all: Vec<_> = hex.map(|hex| hex::decode(hex).expect("hexadecimal")).collect();
    assert!(!all.is_empty(), "no {list}");
    all
}

/// Runs a test for many inputs, all of them made while nothing else is measured.
fn check<S: Strategy>(
    inputs: &S,
    test: impl Fn(S::Value) -> std::result::Result<(), TestCaseError>,
) {
    let _alone = alone();
    let kept = FileFailurePersistence::Direct("tests/hostile.proptest-regressions");
    let config = ProptestConfig {
        cases: 1_000,
        failure_persistence: Some(Box::new(kept)),
        ..Default::default()
    };
    let failure =
        TestRunner::new(config).run(inputs, test).err().map(|failure| failure.to_string());
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
}

#[test]
fn what_a_client_says_is_what_a_hub_hears() {
    check(&client_frame(), |frame| {
        let bytes = codec::encode_client(&frame);
        let heard = bounded("decode_client", &bytes, || decode_client(&bytes, &limits()));
        prop_assert_eq!(heard, Ok(frame));
        prop_assert!(decode_hub(&bytes).is_err(), "a hub never says this");
        Ok(())
    });
}

#[test]
fn what_a_hub_says_is_what_a_client_hears() {
    check(&hub_frame(), |frame| {
        let bytes = codec::encode_hub(&frame);
        let heard = bounded("decode_hub", &bytes, || decode_hub(&bytes));
        prop_assert_eq!(heard, Ok(frame));
        prop_assert!(decode_client(&bytes, &limits()).is_err(), "a client never says this");
        Ok(())
    });
}

#[test]
fn random_bytes_are_answered() {
    check(&vec(any::<u8>(), 0..2_000), |bytes| {
        feed(&bytes);
        Ok(())
    });
}

/// Most random bytes fail at the first; these get past it.
#[test]
fn random_bytes_behind_a_good_head_are_answered() {
    let kind = prop::sample::select(&KINDS[..]);
    check(&(0x92_u8..0x9a, kind, vec(likely_item(), 0..200)), |(head, kind, items)| {
        feed(&[vec![head, kind], items.concat()].concat());
        Ok(())
    });
}

#[test]
fn broken_frames_are_answered() {
    let frame = prop_oneof![
        client_frame().prop_map(|frame| codec::encode_client(&frame)),
        hub_frame().prop_map(|frame| codec::encode_hub(&frame)),
    ];
    let changes = vec(any::<(Index, u8)>(), 1..6);
    check(&(frame, changes, any::<Index>()), |(frame, changes, cut)| {
        let mut broken = frame.clone();
        for (at, byte) in changes {
            let at = at.index(broken.len());
            broken[at] = byte;
        }
        feed(&broken);
        let start = cut.index(frame.len());
        feed(&frame[..start]);
        feed(&[&frame[..start], &frame[start / 2..]].concat());
        Ok(())
    });
}

/// Bytes that the protocol is made of: heads of all families, ids, stamps and short texts.
fn likely_item() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0x80_u8..0xa4).prop_map(|head| vec![head]),
        any::<u8>().prop_map(|byte| vec![byte]),
        Just([vec![0xc4, 8], vec![7; 8]].concat()),
        Just([vec![0xc4, 16], vec![7; 16]].concat()),
        "[a-z]{1,3}".prop_map(|text| Value::from(text.as_str()).as_bytes().to_vec()),
        prop::sample::select(&HUGE[..]).prop_map(|head| head.to_vec()),
    ]
}

/// Every golden frame is refused when it is cut anywhere or something follows it.
#[test]
fn cut_and_lengthened_frames_are_refused() {
    let _alone = alone();
    let is_frame =
        |bytes: &[u8]| decode_client(bytes, &limits()).is_ok() || decode_hub(bytes).is_ok();
    for frame in golden_list("frames") {
        for length in 0..frame.len() {
            feed(&frame[..length]);
            assert!(!is_frame(&frame[..length]), "{}", hex::encode(&frame[..length]));
        }
        let longer = [frame.as_slice(), &[0xc0]].concat();
        feed(&longer);
        assert!(!is_frame(&longer), "{}", hex::encode(&longer));
    }
}

#[test]
fn flipped_bits_are_answered() {
    let _alone = alone();
    for frame in golden() {
        // The long faults repeat one byte, so that their beginning says all.
        for at in 0..frame.len().min(300) {
            for bit in 0..8 {
                let mut flipped = frame.clone();
                flipped[at] ^= 1 << bit;
                feed(&flipped);
            }
        }
    }
}

/// A huge length in every place of every frame reserves nothing.
#[test]
fn announced_lengths_reserve_nothing() {
    let _alone = alone();
    for frame in golden() {
        for at in 0..frame.len().min(300) {
            for head in HUGE {
                feed(&[&frame[..at], &head, &frame[at + 1..]].concat());
            }
        }
    }
}

/// A length that the bytes could hold, before bytes that are no items: nothing is reserved for
/// what each could at most have been.
#[test]
fn plausible_lengths_reserve_only_what_could_follow() {
    let _alone = alone();
    for frame in golden() {
        let is_list = |&at: &usize| matches!(frame[at], 0x80..=0x9f | 0xde);
        for at in (0..frame.len().min(300)).filter(is_list) {
            // As many as a push may have deltas, then as many as make the bound bite elsewhere.
            for count in [10_000_u16, 60_000] {
                let padding = vec![0xc1; count.into()];
                let length = count.to_be_bytes();
                for head in [0xdc, 0xde].map(|head| [head, length[0], length[1]]) {
                    feed(&[&frame[..at], &head, &frame[at + 1..], &padding].concat());
                    feed(&[&frame[..at], &head, &padding].concat());
                }
            }
        }
    }
}

/// The densest good content that each list can have, near the limit of a frame.
#[test]
fn dense_frames_stay_within_the_bound() {
    let _alone = alone();
    let id = hex::encode([0xc4, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    let stamp = format!("c410{}", "11".repeat(16));
    let long = |count: u32| format!("{count:08x}");
    let dense = [
        ("outbox", format!("990101{id}{id}a0a000dd"), format!("92{id}01"), "80".to_owned()),
        ("guards", format!("970492{id}01a161c000dc0100"), "93a16ca16100".to_owned(), String::new()),
        (
            "deltas",
            format!("970492{id}01a161c00090dd"),
            format!("93a16ca161{stamp}"),
            String::new(),
        ),
        ("keys", "9426a161a16cdd".to_owned(), "a16b".to_owned(), String::new()),
        ("stretches", "932a00dd".to_owned(), "93a1610000".to_owned(), String::new()),
        (
            "fields",
            format!("9625a1610000c29195 00a16ca161{stamp}df"),
            "a16600".to_owned(),
            "".into(),
        ),
        (
            "dropped",
            format!("9625a1610000c29196 00a16ca161{stamp}80dd"),
            "a166".to_owned(),
            "".into(),
        ),
        ("applied", "9625a1610000c2dd".to_owned(), format!("9400a16ca161{stamp}"), String::new()),
        ("part", "9423a16100dd".to_owned(), format!("9400a16ca161{stamp}"), String::new()),
    ];
    for (name, head, item, tail) in dense {
        let size = (1 << 20) - 200;
        let fitting = u32::try_from(size / (item.len() / 2)).expect("a small frame");
        // A push has its own limits, which must not be what refuses it here.
        let count = match name {
            "guards" => 256,
            "deltas" => 10_000,
            "outbox" => 80_000,
            _ => fitting,
        };
        let count_form = if name == "guards" { String::new() } else { long(count) };
        let items = item.repeat(count as usize);
        let tail = if name == "guards" { format!("9193a16ca161{stamp}") } else { tail };
        let text = format!("{head}{count_form}{items}{tail}").replace(' ', "");
        let bytes = hex::decode(text).expect("hexadecimal");
        feed(&bytes);
        let answer = decode_client(&bytes, &limits()).map(drop);
        let answer = if bytes[1] < 32 { answer } else { decode_hub(&bytes).map(drop) };
        let is_twice = |error: &DecodeError| error.text.contains("put twice");
        let is_whole = answer.as_ref().err().is_none_or(is_twice);
        assert!(is_whole, "{name} was not read to its end: {answer:?}");
    }
}

/// Distinct texts, so that maps cannot fold them into one.
#[test]
fn dense_maps_stay_within_the_bound() {
    let _alone = alone();
    let many = 60_000_u32;
    let names = (0..many).map(|index| format!("{index:x}"));
    let texts: Vec<_> = names.map(|name| Value::from(name.as_str())).collect();
    let head = [0xdf].into_iter().chain(many.to_be_bytes());
    let limits = texts.iter().flat_map(|text| [text.as_bytes(), &[0]].concat());
    let mut welcome = hex::decode("9620c408000000000000000100c4080000000000000001a0").expect("hex");
    welcome.extend(head.clone().chain(limits));
    feed(&welcome);
    assert!(decode_hub(&welcome).is_ok());

    let digest = [vec![0x92, 0xc4, 16], vec![9; 16], vec![1]].concat();
    let entries = texts.iter().flat_map(|text| [text.as_bytes(), &digest].concat());
    let digests: Vec<u8> =
        [0x94, 43, 0xa1, b'a', 0].into_iter().chain(head).chain(entries).collect();
    feed(&digests);
    assert!(decode_hub(&digests).is_ok());
}

#[test]
fn deep_nesting_is_refused_in_every_place_of_a_value() {
    let _alone = alone();
    let stamp = [vec![0xc4, 16], vec![7; 16]].concat();
    let put = [vec![0x94, 0xa1, b'l', 0xa1, b'a'], stamp, vec![0x81, 0xa1, b'f']].concat();
    let id = [vec![0x92, 0xc4, 8], vec![7; 8], vec![1]].concat();
    let push = [vec![0x97, 4], id, vec![0xa1, b'a', 0xc0, 0, 0x90, 0x91], put].concat();
    let signal = vec![0x93, 7, 0xa1, b'a'];
    let presence = vec![0x93, 8, 0xa1, b'a', 0x91];
    for before in [push, signal, presence] {
        for level in [0x91, 0x81] {
            // As a map's key, a map nests as well as anything.
            let deep = vec![level; 500_000];
            let bytes = [before.clone(), deep].concat();
            feed(&bytes);
            let error = decode_client(&bytes, &limits()).expect_err("too deep");
            assert_eq!(error.fault, Fault::TooLarge, "{error}");
        }
    }
    assert_eq!(Value::new(vec![0x81; 1 << 20]), Err(ValueError::Nesting));
}

/// Sizes over a limit are told from broken forms, for they refuse a push and not a session.
#[test]
fn sizes_over_a_limit_are_too_large() {
    let _alone = alone();
    let limits = Limits { frame_bytes: 2_000, value_bytes: 10, ..Limits::default() };
    let long = vec![0xc0; 2_001];
    let error = decode_client(&long, &limits).expect_err("a long frame");
    assert_eq!((error.fault, error.push), (Fault::TooLarge, None));
    let signal = [vec![0x93, 7, 0xa1, b'a', 0xab], vec![b'x'; 11]].concat();
    let error = decode_client(&signal, &limits).expect_err("a long value");
    assert_eq!(error.fault, Fault::TooLarge);
    assert!(error.to_reject().text.contains("12 bytes"), "{error}");
}
