//! `acl`: rules are listed, set and taken out, and it is said which of them decides.

use crate::house::House;

#[test]
fn rules_are_set_explained_and_taken_out() {
    let house = House::new();
    let ben = house.user("ben", &[]);
    house.done(&["put", "home", "diary", "monday", "text=rain", "--create"]);
    house.done(&["space", "members", "home", "--set", "ben=reader"]);
    let read = || house.run_as(&ben, &["get", "home", "diary", "monday"]).code;
    assert_eq!(read(), 0);
    house.done(&["acl", "deny", "home", "*", "diary/*", "read"]);
    assert_ne!(read(), 0);
    house.done(&["acl", "allow", "home", "ben", "diary/monday", "read"]);
    assert_eq!(read(), 0);
    let why = |item: &str, action: &str| {
        house.done(&["acl", "explain", "home", "ben", item, action]).out.trim().to_owned()
    };
    assert_eq!(why("diary/monday", "read"), "allow: by the rule ben diary/monday read");
    assert_eq!(why("diary/friday", "read"), "deny: by the rule * diary/* read");
    assert_eq!(why("diary/monday", "write"), "deny: no rule matches, and the role is reader");
    let other = house.done(&["acl", "explain", "home", "admin", "diary/friday", "read"]).out;
    assert_eq!(other.trim(), "allow: owners are bound by no rule");
    // Not even of owners, whom nothing binds, is a word answered that is no action.
    let slip = house.run(&["acl", "explain", "home", "admin", "diary/friday", "juggle"]);
    assert_eq!((slip.code, slip.err.contains("read, write, delete")), (1, true), "{slip:?}");
    let rules = house.done(&["acl", "list", "home", "--json"]).json();
    assert_eq!(rules.len(), 2, "{rules:?}");
    let theirs = house.run_as(&ben, &["acl", "list", "home"]);
    assert_eq!((theirs.code, theirs.err.contains("forbidden")), (1, true), "{theirs:?}");
    house.done(&["acl", "remove", "home", "ben", "diary/monday", "read"]);
    assert_ne!(read(), 0);
    let gone = house.run(&["acl", "remove", "home", "ben", "diary/monday", "read"]);
    assert_eq!((gone.code, gone.err.contains("not_found")), (1, true), "{gone:?}");
    let wrong = house.run(&["acl", "deny", "home", "a*b", "diary/*", "read"]);
    assert_eq!((wrong.code, wrong.err.contains("at the end")), (1, true), "{wrong:?}");
    // A space of the same name later has none of them.
    house.done(&["space", "delete", "home"]);
    house.done(&["space", "create", "home"]);
    assert!(house.done(&["acl", "list", "home", "--json"]).json().is_empty());
}
