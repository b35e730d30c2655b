//! What the rule needs of the settings. They are written into the app's space at the start, so that
//! the writer's thread judges by records alone.

use serde::{Deserialize, Serialize};
use syncline_protocol::{Change, RecordKey, Reject};

use super::mapping::{collection, field, named, put, value};
use crate::hub::{Hub, Refusal, RuleView, View};

const RECORD: &str = "app";
const FIELD: &str = "settings";

/// The settings of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) payload_bytes: u64,
    pub(super) strict_payload: bool,
    pub(super) milliseconds: bool,
    pub(super) dotted: bool,
    pub(super) set_actions: Vec<String>,
    pub(super) delete_actions: Vec<String>,
}

impl Default for Settings {
    /// Of a space that was never served: nothing is demanded of it but the protocol.
    fn default() -> Self {
        Self {
            payload_bytes: u64::MAX,
            strict_payload: false,
            milliseconds: false,
            dotted: false,
            set_actions: Vec::new(),
            delete_actions: Vec::new(),
        }
    }
}

impl Settings {
    /// Those of the hub.
    pub(super) fn configured(hub: &Hub) -> Self {
        let it = &hub.config().gateways.simple_sync;
        Self {
            payload_bytes: it.payload_bytes.into(),
            strict_payload: it.strict_payload,
            milliseconds: it.milliseconds,
            dotted: it.dotted,
            set_actions: it.set_actions.clone(),
            delete_actions: it.delete_actions.clone(),
        }
    }

    /// Those that the rule goes by.
    pub(super) fn of(view: &RuleView<'_>) -> Result<Self, Refusal> {
        let record = view.get(&named(collection::SETTINGS), &key())?;
        Ok(record.and_then(|record| field(&record, FIELD)).unwrap_or_default())
    }

    /// The write that puts them there; none when they are there already.
    pub(super) fn change(&self, view: &View) -> Result<Option<Change>, Reject> {
        let record = view.get(&named(collection::SETTINGS), &key())?;
        if record.and_then(|record| field(&record, FIELD)).as_ref() == Some(self) {
            return Ok(None);
        }
        put(collection::SETTINGS, RECORD, &[(FIELD, Some(value(self)))]).map(Some)
    }
}

fn key() -> RecordKey {
    RecordKey::new(RECORD).expect("a good key")
}
