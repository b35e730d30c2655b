//! Who may import whom. In the hub a room uses steps below it, never one above or beside it:
//!
//! ```text
//! main > { cli | serve > listen > http > { socket | gateway/* | admin } } > hub
//!      > { admit | writer > { engine > { store | access } | fanout } | subscription } > protocol
//! ```
//!
//! `metrics` and `config` are leaves that anyone may import, gateways excepted: a gateway names
//! the door, the protocol and itself. The protocol crate names nothing that does I/O, tells the
//! time or draws lots. A new room gets a line in a table below; no rule here may ever guess where
//! it stands.

use crate::paths::{self, Named};
use crate::source::{Finding, Source};
use crate::{Rule, accepts, catches};

/// A room and the rooms one step below it. What those stand on is below it as well.
const STAIRCASE: &[(&str, &[&str])] = &[
    ("main", &["cli", "serve"]),
    ("cli", &["hub"]),
    ("serve", &["listen", "logging"]),
    ("listen", &["http"]),
    ("http", &["socket", "gateway", "admin", "stream", "tls"]),
    ("socket", &["hub", "newcomer"]),
    ("gateway", &["hub"]),
    ("admin", &["hub"]),
    ("hub", &["admit", "writer", "subscription"]),
    ("admit", &["access", "store"]),
    ("writer", &["engine", "fanout"]),
    ("subscription", &["fanout", "store"]),
    ("engine", &["store", "access", "publication"]),
    ("store", &["selection"]),
    ("access", &["publication", "selection"]),
    ("fanout", &["publication", "selection"]),
    ("publication", &[]),
    ("selection", &[]),
    ("logging", &[]),
    ("stream", &["newcomer"]),
    ("newcomer", &[]),
    ("tls", &[]),
];

/// Rooms that anyone may import and that import no room.
const LEAVES: &[&str] = &["config", "metrics"];

/// One folder each, and each alone.
const GATEWAYS: &[&str] = &["koreader", "linkora", "logseq", "mirrors", "simple_sync"];

/// What would make the protocol more than a function of its arguments.
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["rand"],
    &["getrandom"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["std", "time", "*"],
    &["std", "*"],
];

const ADD_IT: &str = "is not on the staircase: add it to the table in hub/tests/tidy/staircase.rs";

/// Every path from one room of the hub to another leads down.
pub(crate) fn goes_down_only(source: &Source) -> Vec<Finding> {
    let Some(home) = modules_of_file(&source.path) else { return Vec::new() };
    // The library's root declares the rooms and belongs to none of them.
    let Some(room) = home.first().copied().filter(|room| *room != "lib") else {
        return Vec::new();
    };
    if let Some(unknown) = unknown_home(&home) {
        return vec![source.finding(1, format!("`{unknown}` {ADD_IT}"))];
    }
    let faults = |named: &Named| {
        let target = target(named, &home)?;
        let fault = fault(room, home.get(1).copied(), &target)?;
        Some(source.finding(named.line, fault))
    };
    paths::of(source).iter().filter_map(faults).collect()
}

/// The protocol crate names nothing impure. Its unit tests may draw lots and read vectors.
pub(crate) fn keeps_the_protocol_pure(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with("protocol/src/") {
        return Vec::new();
    }
    let impure = |named: &Named| {
        let names = |path: &&&[&str]| {
            let begins = path.iter().zip(&named.segments).filter(|(a, b)| *a == b).count();
            begins == path.len() && (named.imported || named.segments.len() > 1)
        };
        let path = IMPURE.iter().find(names).filter(|_| !named.in_test)?.join("::");
        let text = format!("the protocol is pure: take what `{path}` would give as an argument");
        Some(source.finding(named.line, text))
    };
    paths::of(source).iter().filter_map(impure).collect()
}

/// `hub/src/store/log.rs` is the module `store::log`; none for files outside of the hub.
fn modules_of_file(path: &str) -> Option<Vec<&str>> {
    let path = path.strip_prefix("hub/src/")?.strip_suffix(".rs")?;
    Some(path.strip_suffix("/mod").unwrap_or(path).split('/').collect())
}

fn unknown_home(home: &[&str]) -> Option<String> {
    match home {
        [room, ..] if !is_room(room) => Some((*room).to_owned()),
        ["gateway", name, ..] if !GATEWAYS.contains(name) => Some(format!("gateway/{name}")),
        _ => None,
    }
}

/// The path from the root of the hub's library, for a path that leads there.
fn target(named: &Named, home: &[&str]) -> Option<Vec<String>> {
    let around = named.modules.iter().map(String::as_str);
    let mut base: Vec<&str> = home.iter().copied().chain(around).collect();
    let mut rest = named.segments.iter().map(String::as_str).peekable();
    match rest.next()? {
        // To the program, the library is another crate, and `crate` is the program itself.
        "syncline" if home == ["main"] => base.clear(),
        "syncline_client" => base = vec!["syncline_client"],
        "crate" if home != ["main"] => base.clear(),
        "self" => {}
        "super" => {
            base.pop();
            while rest.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        _ => return None,
    }
    base.extend(rest);
    Some(base.into_iter().map(str::to_owned).collect())
}

/// What is wrong with a path from `room` (and, in the gateways, from `gateway`) to `target`.
fn fault(room: &str, gateway: Option<&str>, target: &[String]) -> Option<String> {
    let to = target.first().map(String::as_str)?;
    if to == "syncline_client" {
        // Values as JSON are for whoever shows them; a client is for the command alone.
        let shows = room == "admin" && target.get(1).map(String::as_str) == Some("json");
        let text = "only `cli` speaks to a hub as a client: go through the door, `hub`";
        return (room != "cli" && !shows).then(|| text.to_owned());
    }
    if !is_room(to) {
        return Some(format!("`{to}` {ADD_IT}, or name the room that owns it"));
    }
    if let (true, Some(gateway)) = (room == "gateway", gateway) {
        return gateway_fault(gateway, to, target.get(1).map(String::as_str));
    }
    let leaf = LEAVES.contains(&to) && !LEAVES.contains(&room);
    let allowed = to == room || leaf || is_below(room, to);
    (!allowed).then(|| format!("`{room}` uses `{to}`, which is not below it on the staircase"))
}

/// Types of the list itself (`gateway::Claims`) describe the gateway's own entry there.
fn gateway_fault(gateway: &str, to: &str, inner: Option<&str>) -> Option<String> {
    let of_list = |name: &str| name.starts_with(char::is_uppercase);
    let own = |name: &str| name == gateway || of_list(name);
    if to == "hub" || (to == "gateway" && inner.is_some_and(own)) {
        return None;
    }
    let to = if to == "gateway" { format!("gateway/{}", inner.unwrap_or("*")) } else { to.into() };
    Some(format!("gateway `{gateway}` uses `{to}`: a gateway names the door and itself alone"))
}

fn is_room(name: &str) -> bool {
    LEAVES.contains(&name) || STAIRCASE.iter().any(|(room, _)| *room == name)
}

fn is_below(room: &str, other: &str) -> bool {
    let steps = STAIRCASE.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, s)| s);
    steps.iter().any(|step| *step == other || is_below(step, other))
}

#[test]
fn the_table_names_known_rooms_and_has_no_circle() {
    for (room, steps) in STAIRCASE {
        assert!(steps.iter().all(|step| is_room(step)), "below {room} stands an unknown room");
        // In a circle a room would stand below itself, and this would not end.
        assert!(!is_below(room, room), "{room} stands below itself");
        assert!(!LEAVES.contains(room), "{room} is a leaf and has a step as well");
    }
}

#[test]
fn a_path_up_or_aside_is_caught() {
    let catches = |path, text, word| catches(goes_down_only, path, text, word);
    catches("hub/src/store/log.rs", "use crate::engine::Engine;", "`store` uses `engine`");
    catches("hub/src/store/log.rs", "fn f() { crate::hub::g() }", "`store` uses `hub`");
    catches("hub/src/store/mod.rs", "use super::writer::Writer;", "`store` uses `writer`");
    catches("hub/src/store/log.rs", "use super::super::{access::Grant};", "`access`");
    catches("hub/src/engine.rs", "mod m { use super::super::fanout; }", "`fanout`");
    catches("hub/src/engine.rs", "use crate::{config::Store, http};", "`engine` uses `http`");
    catches("hub/src/fanout.rs", "fn f(w: &crate::writer::Writer) {}", "`writer`");
    catches("hub/src/cli/serve.rs", "use crate::listen::bind;", "`cli` uses `listen`");
    catches("hub/src/metrics.rs", "use crate::config::Log;", "`metrics` uses `config`");
    catches("hub/src/engine.rs", "#[cfg(test)] mod tests { use crate::hub::Hub; }", "`hub`");
    catches("hub/src/socket.rs", "use syncline_client::Client;", "only `cli`");
    catches("hub/src/admin/spaces.rs", "use syncline_client::Client;", "only `cli`");
    catches("hub/src/hub.rs", "use crate::*;", "`*`");
}

#[test]
fn an_unknown_room_is_caught() {
    catches(goes_down_only, "hub/src/attic.rs", "//! x", "add it to the table");
    catches(goes_down_only, "hub/src/hub.rs", "use crate::attic::Box;", "add it to the table");
    catches(goes_down_only, "hub/src/gateway/rss/mod.rs", "//! x", "`gateway/rss`");
}

#[test]
fn a_path_down_is_accepted() {
    let accepts = |path, text| accepts(goes_down_only, path, text);
    accepts("hub/src/main.rs", "use syncline::{cli, listen, hub::Hub, store}; mod x; use self::x;");
    accepts("hub/src/admin/conflicts.rs", "use syncline_client::json; use crate::hub::Hub;");
    accepts("hub/src/http.rs", "use crate::gateway::linkora::routes; use crate::config::Http;");
    accepts("hub/src/engine.rs", "use crate::store::{self, log}; use syncline_protocol::Delta;");
    accepts("hub/src/store/log.rs", "use super::tables::LOG; use crate::metrics::Counter;");
    accepts("hub/src/hub.rs", "#[cfg(test)] mod tests { use super::*; } pub(crate) fn f() {}");
    accepts("hub/src/lib.rs", "pub mod anything; pub use hub::Hub; use self::attic::Box;");
    accepts("hub/src/store/log.rs", "// crate::hub\nlet x = \"crate::hub::Hub\";");
    accepts("clients/rust/src/lib.rs", "use crate::anything::At;");
    accepts("hub/tests/sync.rs", "use syncline::store::Store;");
}

#[test]
fn a_gateway_that_looks_around_is_caught() {
    let catches =
        |text, word| catches(goes_down_only, "hub/src/gateway/linkora/mod.rs", text, word);
    catches("use crate::store::Store;", "`store`");
    catches("use crate::metrics::COUNT;", "`metrics`");
    catches("use crate::gateway::koreader::wire;", "`gateway/koreader`");
    catches("use super::koreader::wire;", "`gateway/koreader`");
    catches("use super::*;", "`gateway/*`");
    let accepts = |text| accepts(goes_down_only, "hub/src/gateway/linkora/mod.rs", text);
    accepts("use crate::hub::Hub; use self::wire::Link; use syncline_protocol::Delta;");
    accepts("use crate::gateway::linkora::wire; use super::{Claims, linkora::rule};");
}

#[test]
fn an_impure_protocol_is_caught() {
    let rule: Rule = keeps_the_protocol_pure;
    let catches = |text, word| catches(rule, "protocol/src/stamp.rs", text, word);
    catches("use tokio::sync::mpsc;", "tokio");
    catches("use std::{fmt, net::IpAddr};", "std::net");
    catches("fn f() { std::fs::read(1) }", "std::fs");
    catches("use std::time::{Duration, SystemTime};", "SystemTime");
    catches("fn f() -> u64 { ::std::time::Instant::now() }", "Instant");
    catches("use rand;", "rand");
    catches("fn f() { rand::random() }", "rand");
    let accepts = |text| accepts(rule, "protocol/src/stamp.rs", text);
    accepts("use std::time::Duration; use std::{fmt, collections::BTreeMap}; let rand = rand + 1;");
    accepts("// std::fs\n#[cfg(test)] mod tests { use rand::Rng; fn f() { std::fs::read(1) } }");
    crate::accepts(rule, "hub/src/store/mod.rs", "use std::fs;");
}
