//! Linkora's sync server: the unmodified bookmark app works with the hub as with its own server.
//!
//! ```text
//! request > auth > wire (form) > call > the door: apply > rule > command > ledger > records
//!         < answer, from the receipt        events socket < hub.follow <------ events
//! GET_UPDATES, GET_TOMBSTONES < rows of one moment
//! ```
//! Routes are thin. Everything that depends on records is decided by the rule, in log order and in
//! the same commit as the change: ids, times, cascades, events. See README.md beside this file.

mod admin;
mod answers;
mod auth;
mod call;
mod command;
mod cors;
mod ledger;
mod mapping;
mod reads;
mod routes;
mod rule;
mod socket;
mod updates;
mod wire;
mod writes;

use http::Method;

use super::{Claim, Gateway, Mount, When};

/// The entry in the list of gateways.
pub const GATEWAY: Gateway = Gateway {
    name: "linkora",
    prefixes: &["/linkora"],
    claims: CLAIMS,
    rule: Some(rule::RULE),
    router: routes::router,
    admin: Some(admin::router),
    start: None,
    derives: None,
    mount: |config| {
        let own = &config.gateways.linkora;
        Mount { enabled: own.enabled, hosts: &own.hosts, listen: &own.listen }
    },
};

const fn own(path: &'static str) -> Claim {
    Claim { methods: &[], path, when: When::Always }
}

/// The app appends a route's name, in capitals, to the address that it was given: with a slash
/// behind it or without.
macro_rules! claims {
    ($($name:literal),* $(,)?) => {
        const CLAIMS: &[Claim] = &[
            Claim {
                methods: &[Method::GET, Method::HEAD, Method::OPTIONS],
                path: "/",
                when: When::Bearer,
            },
            $(own(concat!("/", $name)), own(concat!("/", $name, "/")),)*
        ];
    };
}

claims!(
    "events",
    "linkora.cer",
    "TEST_BEARER",
    "GET_UPDATES",
    "GET_TOMBSTONES",
    "GET_TAGS",
    "GET_ROOT_FOLDERS",
    "GET_CHILD_FOLDERS",
    "SEARCH_FOR_FOLDERS",
    "CREATE_FOLDER",
    "UPDATE_FOLDER",
    "UPDATE_FOLDER_NAME",
    "UPDATE_FOLDER_NOTE",
    "DELETE_FOLDER_NOTE",
    "MARK_FOLDER_AS_ARCHIVE",
    "MARK_AS_REGULAR_FOLDER",
    "MARK_FOLDERS_AS_ROOT",
    "DELETE_FOLDER",
    "CREATE_A_NEW_LINK",
    "UPDATE_LINK",
    "UPDATE_LINK_TITLE",
    "UPDATE_LINK_NOTE",
    "UPDATE_LINKED_FOLDER_ID",
    "UPDATE_USER_AGENT",
    "ARCHIVE_LINK",
    "UNARCHIVE_LINK",
    "MARK_AS_IMP",
    "UNMARK_AS_IMP",
    "DELETE_A_LINK",
    "DELETE_DUPLICATE_LINKS",
    "FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS",
    "CREATE_TAG",
    "RENAME_TAG",
    "DELETE_TAG",
    "ADD_A_NEW_PANEL",
    "UPDATE_A_PANEL_NAME",
    "DELETE_A_PANEL",
    "ADD_A_NEW_FOLDER_IN_A_PANEL",
    "DELETE_A_FOLDER_FROM_A_PANEL",
    "DELETE_A_FOLDER_FROM_ALL_PANELS",
    "DELETE_ALL_FOLDERS_FROM_A_PANEL",
    "ARCHIVE_MULTIPLE_ITEMS",
    "UNARCHIVE_MULTIPLE_ITEMS",
    "DELETE_MULTIPLE_ITEMS",
    "MOVE_EXISTING_ITEMS",
    "COPY_EXISTING_ITEMS",
    "DELETE_EVERYTHING",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_claimed() {
        for route in command::ROUTES.iter().filter(|route| !route.name.starts_with('.')) {
            let path = format!("/{}", route.name);
            assert!(CLAIMS.iter().any(|claim| claim.path == path), "{path} is not claimed");
        }
    }
}
