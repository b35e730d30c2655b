//! What a space holds: records that everybody may change, or events that only come.
//!
//! In a space of events rules speak of what an event says of itself: its author by the name that
//! they have there, its item, its action. Where none matches, nothing may be done. Who owns the
//! space is bound by none.

use syncline_protocol::{Record, SpaceName, Value};

use super::rules::events_read_by;
use super::{Action, Directory};
use crate::access::acl::Acl;
use crate::access::principal::Role;
use crate::selection::Access;

/// What a space holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Records: items are `collection/key`, and where no rule matches the role decides.
    #[default]
    Records,
    /// Events.
    Events(Reads),
}

/// Who sees events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Every member, all.
    Open,
    /// Each member their own, and those that rules for `.read` allow.
    Acl,
}

impl Reads {
    /// The word for it, in records and settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acl => "acl",
        }
    }
}

impl Form {
    /// The word for a space of events, in the record of a space.
    pub const EVENTS: &'static str = "events";

    /// What the record of a space says. A word that is not known hides rather than shows.
    pub(super) fn read(record: &Record) -> Option<Self> {
        let word = |field: &str| record.get(field).and_then(Value::as_str);
        let reads = if word("reads") == Some("open") { Reads::Open } else { Reads::Acl };
        (word("form")? == Self::EVENTS).then_some(Self::Events(reads))
    }
}

impl Directory {
    /// What a space holds.
    #[must_use]
    pub fn form(&self, space: &SpaceName) -> Form {
        self.forms.get(space.as_str()).copied().unwrap_or_default()
    }

    /// What a member may do to events. Whether one may come is decided by the space's gateway,
    /// which knows what it says.
    pub(super) fn access_to_events(
        &self,
        (space, reads): (&SpaceName, Reads),
        account: &str,
        (role, action): (Role, Action),
    ) -> Access {
        match (action, reads) {
            _ if role < action.least() => Access::Nothing,
            (Action::Read, Reads::Acl) if role < Role::Owner => {
                match (event_name(space, account), self.rules.of(space)) {
                    (Some(reader), Some(rules)) => rules.events_read_by(reader),
                    (Some(reader), None) => events_read_by(&Acl::default(), reader),
                    (None, _) => Access::Nothing,
                }
            }
            _ => Access::Everything,
        }
    }
}

/// What an account is called in a space of events: its name without the space's before it. None of
/// other accounts, which are nobody there: their names could be those of somebody else.
#[must_use]
pub fn event_name<'a>(space: &SpaceName, account: &'a str) -> Option<&'a str> {
    account.strip_prefix(space.as_str()).and_then(|rest| rest.strip_prefix('/'))
}
