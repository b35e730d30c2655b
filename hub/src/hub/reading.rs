//! What a principal may read and write in a space, and as of when that is known.

use std::time::Instant;

use syncline_protocol::{Code, Reject, SpaceName};

use super::{HELD_MAX, Hub, now_ms};
use crate::access::directory::Action;
use crate::access::principal::Principal;
use crate::selection::Access;
use crate::subscription::Reading;

impl Hub {
    /// What may be read must be as new as what is. The directory follows a commit within a moment.
    pub(super) fn reading_as_of(
        &self,
        principal: &Principal,
        space: &SpaceName,
        version: u64,
    ) -> Result<Reading, Reject> {
        let begun = Instant::now();
        loop {
            let reading = self.reading(principal, space)?;
            if reading.version >= version {
                return Ok(reading);
            }
            if begun.elapsed() > HELD_MAX {
                return Err(Reject::new(Code::Unavailable, "Rights are not up to date"));
            }
            std::thread::yield_now();
        }
    }

    /// What a principal may read in a space.
    ///
    /// # Errors
    /// As of [`Hub::role`].
    pub fn reading(&self, principal: &Principal, space: &SpaceName) -> Result<Reading, Reject> {
        self.role(principal, space)?;
        let directory = self.directory();
        let access = directory.access(principal, space, Action::Read, now_ms());
        Ok(Reading { access, version: directory.version() })
    }

    /// Whether a principal may write anything to a space.
    #[must_use]
    pub fn may_write(&self, principal: &Principal, space: &SpaceName) -> bool {
        let directory = self.directory();
        let nothing =
            |action| directory.access(principal, space, action, now_ms()) == Access::Nothing;
        !(nothing(Action::Write) && nothing(Action::Delete))
    }
}
