//! What this protocol demands of every push in its spaces. Pure, and part of apply.
//!
//! A push is either one request of the gateway's own, which only it can write, or whatever a native
//! app, the command or the dashboard writes: then ids, times, cascades and events are added.

mod changed;
mod native;

use syncline_protocol::{Change, SpaceName};

use super::call::Call;
use super::command;
use super::ledger::{Ledger, Sender};
use crate::hub::{Additions, Refusal, Rule, RuleView};

/// The first segment of this gateway's spaces.
pub(crate) const SPACES: &str = "linkora";

/// The rule.
pub(crate) const RULE: Rule = Rule { gateway: "linkora", governs, judge };

fn governs(space: &SpaceName) -> bool {
    space.as_str().strip_prefix(SPACES).is_some_and(|rest| rest.starts_with('/'))
}

fn judge(view: &RuleView<'_>, changes: &[&Change], now_ms: u64) -> Result<Additions, Refusal> {
    let mut ledger = Ledger::open(view, now_ms, Sender::native())?;
    let Some(call) = Call::among(changes) else {
        native::reconcile(&mut ledger, view)?;
        return Ok(ledger.close(false)?.into());
    };
    command::perform(&mut ledger, &call)?;
    let mut additions = ledger.close(true)?;
    additions.push(Call::done());
    Ok(additions.into())
}
