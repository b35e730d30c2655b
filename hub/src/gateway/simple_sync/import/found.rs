//! The original's database where somebody put it: in the data folder, as when one container's
//! volume becomes the other's. It is only told of, never touched: taking it over is a person's
//! decision.

use syncline_protocol::SpaceName;

use crate::gateway::simple_sync::mapping::named;
use crate::hub::{EVENTS, Hub, Principal};

/// What the original calls its database.
const FILE: &str = "simple-sync.db";

/// Says how the database is taken over, while there is no event here.
pub(in super::super) fn hint(hub: &Hub, space: &SpaceName) {
    let file = hub.config().data.join(FILE);
    if !file.is_file() {
        return;
    }
    let view = hub.read(&Principal::hub(), space);
    let events = view.and_then(|view| view.range(&named(EVENTS), "", 1));
    if events.is_ok_and(|events| events.is_empty()) {
        let file = file.display();
        tracing::info!(
            "simple-sync's database is here and not taken over yet; to see what it holds: \
             syncline simple-sync import {file} --dry-run"
        );
    }
}
