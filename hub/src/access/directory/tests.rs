//! The directory over made-up records: who may do what, and what ends with what.

use super::*;
use syncline_protocol::{FieldName, HlcTime, Register, ReplicaId, Stamp};

fn record(fields: &[(&str, Value)]) -> Record {
    let stamp = Stamp::new(HlcTime::from_millis(1), ReplicaId::from_random(1));
    let register = |value: &Value| Register { stamp, sequence: 1, value: Some(value.clone()) };
    Record::from_parts(
        None,
        fields.iter().map(|(name, value)| (FieldName::new(name).unwrap(), register(value))),
    )
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    directory.set("users", "root", Some(&record(&[("admin", Value::from(true))])));
    directory.set("users", "ann", Some(&record(&[("admin", Value::from(false))])));
    directory.set("members", "a/b:ann", Some(&record(&[("role", Value::from("writer"))])));
    let spaces = Value::new(rmp_serde::to_vec(&["a/*"]).unwrap()).unwrap();
    let fields = [
        ("user", Value::from("ann")),
        ("role", Value::from("owner")),
        ("spaces", spaces),
        ("expires_ms", Value::from(100_u64)),
    ];
    directory.set("tokens", "t1", Some(&record(&fields)));
    directory
}

#[test]
fn a_token_gives_the_lesser_of_its_role_and_the_membership() {
    let (directory, ann) = (directory(), Principal::with_token("ann", "t1"));
    let space = |name| SpaceName::new(name).unwrap();
    assert_eq!(directory.grant(&ann, &space("a/b"), 0), Grant::Role(Role::Writer));
    assert_eq!(directory.grant(&ann, &space("b"), 0), Grant::Nothing);
    assert_eq!(directory.grant(&ann, &space("system"), 0), Grant::Nothing);
    assert_eq!(directory.grant(&ann, &space("a/b"), 100), Grant::Unauthorized);
}

#[test]
fn a_session_ends_with_the_token_that_opened_it() {
    let mut directory = directory();
    let fields = [
        ("user", Value::from("ann")),
        ("role", Value::from("owner")),
        ("session", Value::from(true)),
        ("parent", Value::from("t1")),
    ];
    directory.set("tokens", "s1", Some(&record(&fields)));
    let ann = Principal::with_token("ann", "s1");
    assert!(directory.is_authorized(&ann, 99) && !directory.is_authorized(&ann, 100));
    directory.set("tokens", "t1", None);
    assert!(!directory.is_authorized(&ann, 0));
}

#[test]
fn limits_of_their_own_are_read() {
    let mut directory = directory();
    let space = SpaceName::new("a/b").unwrap();
    assert_eq!(directory.space_limits(&space), OwnLimits::default());
    directory.set("limits", "space:a/b", Some(&record(&[("bytes", Value::from(0_u64))])));
    directory.set("limits", "user:ann", Some(&record(&[("spaces", Value::from(3_u64))])));
    assert_eq!(directory.space_limits(&space).bytes, Some(0));
    assert_eq!(directory.user_limits("ann").spaces, Some(3));
    directory.set("limits", "user:ann", None);
    assert_eq!(directory.user_limits("ann").spaces, None);
}

#[test]
fn what_is_removed_opens_nothing() {
    let mut directory = directory();
    let space = SpaceName::new("a/b").unwrap();
    directory.set("members", "a/b:ann", None);
    let ann = Principal::with_token("ann", "t1");
    assert_eq!(directory.grant(&ann, &space, 0), Grant::Nothing);
    directory.set("users", "ann", None);
    assert_eq!(directory.grant(&ann, &space, 0), Grant::Unauthorized);
}

#[test]
fn admins_own_everything_and_scoped_tokens_are_no_admins() {
    let mut directory = directory();
    let root = Principal::with_password("root");
    let system = SpaceName::new("system").unwrap();
    assert_eq!(directory.grant(&root, &system, 0), Grant::Role(Role::Owner));
    assert!(directory.is_admin(&root, 0));
    let fields = [("user", Value::from("root")), ("role", Value::from("writer"))];
    directory.set("tokens", "t2", Some(&record(&fields)));
    assert!(!directory.is_admin(&Principal::with_token("root", "t2"), 0));
}
