//! Tags. Apps throw at the first tag of an event that they do not know.

use super::{Asked, check_age, echo, once};
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Link, Tag};
use crate::gateway::linkora::wire::event::TagMade;
use crate::gateway::linkora::wire::request::{CreateTag, IdBased, RenameTag, Sent as _};
use crate::hub::Refusal;

pub(super) fn create(
    ledger: &mut Ledger<'_>,
    request: CreateTag,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let queued = request.queued();
    once(ledger, request, (asked.name, queued), |ledger, request| {
        let tag = ledger.insert(Tag { id: 0, modified: 0, sync: 0, name: request.name })?;
        ledger.answer(tag.id);
        told_tag(ledger, &tag)
    })
}

pub(super) fn rename(
    ledger: &mut Ledger<'_>,
    request: RenameTag,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Tag>(request.id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Tag { name: request.new_name.clone(), ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn delete(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    if ledger.remove::<Tag>(request.id)?.is_none() {
        return Ok(());
    }
    untag(ledger, request.id)?;
    let request = echo(ledger, asked.name, request)?;
    ledger.bury(asked.name, &request)
}

/// Takes a deleted tag off its links. Their times stay: devices drop it with the tag itself.
pub(crate) fn untag(ledger: &mut Ledger<'_>, tag: i64) -> Result<(), Refusal> {
    let links = ledger.indexed(&format!("tag/{tag}/"))?;
    ledger.keep_links(tag, &links)?;
    for id in links {
        let Some(old) = ledger.get::<Link>(id)? else { continue };
        let mut new = old.clone();
        let rest: Vec<i64> = old.tags.iter().copied().filter(|other| *other != tag).collect();
        new.set_tags(&rest, old.sync);
        ledger.update_quietly(&old, &new)?;
    }
    Ok(())
}

/// `CREATE_TAG`.
pub(crate) fn told_tag(ledger: &mut Ledger<'_>, tag: &Tag) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = TagMade {
        id: tag.id,
        name: &tag.name,
        event_timestamp: time,
        correlation: correlation.as_ref(),
    };
    ledger.emit("CREATE_TAG", &payload)
}
