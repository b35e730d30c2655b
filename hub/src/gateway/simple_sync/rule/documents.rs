//! Documents: what events of some actions add up to, each field the newest that was set.

use syncline_protocol::Change;

use super::super::settings::Settings;
use super::Pushed;
use crate::hub::{Refusal, RuleView};

pub(super) fn from(
    _view: &RuleView<'_>,
    _events: &[Pushed],
    _settings: &Settings,
) -> Result<Vec<Change>, Refusal> {
    Ok(Vec::new())
}
