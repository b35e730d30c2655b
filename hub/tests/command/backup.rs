//! `backup`, `restore` and `doctor`: a copy of a running hub, a hub out of the copy, and checks.

use std::os::unix::fs::PermissionsExt as _;

use crate::house::House;

#[test]
fn a_backup_makes_an_equal_hub() {
    let mut house = House::new();
    for key in ["k1", "k2"] {
        house.done(&["put", "s", "c", key, "x=1", "--create"]);
    }
    let ann = house.user("ann", &["--label", "phone"]);
    let before = house.done(&["export", "s"]).out;
    let show = |house: &House| house.done(&["space", "show", "s", "--json"]).json()[0].clone();
    let epoch = show(&house)["epoch"].clone();
    house.done(&["backup", "a.backup"]);
    let file = house.folder.path().join("a.backup");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    house.done(&["put", "s", "c", "k3", "x=1"]);
    let not_admin = house.run_as(&ann, &["backup", "b.backup"]);
    assert_eq!((not_admin.code, not_admin.err.contains("forbidden")), (1, true), "{not_admin:?}");
    assert!(!house.folder.path().join("b.backup").exists());

    let occupied = house.run(&["restore", "a.backup", "--data", "syncline-data"]);
    assert_eq!((occupied.code, occupied.err.contains("already holds a store")), (1, true));
    assert_eq!(house.stop(), Some(0));
    std::fs::rename(house.data(), house.folder.path().join("old")).unwrap();
    let restored = house.done(&["restore", "a.backup", "--data", "syncline-data"]);
    assert!(restored.out.contains("ann phone"), "the tokens that live again: {restored:?}");
    let mode = std::fs::metadata(house.data()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    let token = house.folder.path().join("old/admin-token");
    std::fs::copy(token, house.data().join("admin-token")).unwrap();
    house.restart();
    assert_eq!(house.done(&["export", "s"]).out, before);
    assert_ne!(show(&house)["epoch"], epoch, "a restored log is another log");
    assert_eq!(house.done(&["verify", "s"]).out, "c equal\n");
}

#[test]
fn a_damaged_backup_restores_nothing() {
    let house = House::new();
    house.done(&["put", "s", "c", "k", "x=1", "--create"]);
    house.done(&["backup", "a.backup"]);
    let mut bytes = std::fs::read(house.folder.path().join("a.backup")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let flipped = house.file("flipped.backup", &bytes);
    let cut = house.file("cut.backup", &bytes[..middle]);
    let foreign = house.file("foreign.backup", "hello");
    for file in [&flipped, &cut, &foreign] {
        let outcome = house.run(&["restore", file, "--data", "new"]);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(!house.folder.path().join("new/syncline.redb").exists());
    }
}

#[test]
fn the_doctor_asks_a_hub_and_reads_a_store_at_rest() {
    let mut house = House::new();
    house.done(&["put", "s", "c", "k", "x=1", "--create"]);
    let online = house.done(&["doctor"]).out;
    for part in ["healthz         ok", "readyz          ready", "writable        true"] {
        assert!(online.contains(part), "{part}: {online}");
    }
    let data = ["doctor", "--data", "syncline-data"];
    let held = house.run(&data);
    assert_eq!((held.code, held.err.contains("in use")), (1, true), "{held:?}");
    assert_eq!(house.stop(), Some(0));
    let offline = house.done(&data).out;
    assert!(offline.contains("the store is sound"), "{offline}");
    let nowhere = house.run(&["doctor", "--data", "nowhere"]);
    assert_eq!((nowhere.code, nowhere.err.contains("holds no store")), (1, true));
    std::fs::write(house.data().join("syncline.redb"), "rubbish").unwrap();
    assert_eq!(house.run(&data).code, 1);
}
