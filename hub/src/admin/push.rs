//! Several writes of one space in one call: all are applied in one commit, or none is.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use syncline_protocol::{Code, Condition, Reject};
use utoipa::ToSchema;

use super::answer::{Failure, Path, blocking};
use super::body::{Data, whole};
use super::caller::Caller;
use super::change::{Write, Written, value_of};
use super::document::{Authenticated, Bodied, Named, Writing};
use super::place::{Place, Placed, Reading, SpacePath, name, open_collection};
use super::records::check_writable;
use crate::engine::{Part, Submission, Writes};
use crate::hub::Hub;

/// Sequences are counted below 2^53.
const SEQUENCE_MAX: u64 = (1 << 53) - 1;
/// Guards of one push at most.
const GUARDS_MAX: usize = 10_000;

/// Writes that stand or fall together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Push {
    /// What must hold of the records as they are before the push.
    #[serde(default)]
    guards: Vec<Guard>,
    /// What to write, in this order.
    #[schema(min_items = 1)]
    writes: Vec<Write>,
    /// The epoch that `unchanged` guards count in, 16 hex digits; the current one when left out.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    epoch: Option<String>,
}

/// A condition on one record.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "if", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Guard {
    /// No field of the record shows.
    Absent {
        /// The collection.
        collection: String,
        /// The record's key.
        key: String,
    },
    /// Nothing of the record has changed after a sequence.
    Unchanged {
        /// The collection.
        collection: String,
        /// The record's key.
        key: String,
        /// The sequence.
        #[serde(deserialize_with = "whole")]
        #[schema(maximum = 9007199254740991_u64, value_type = u64)]
        since: Option<u64>,
    },
    /// A field shows exactly this value.
    Equal {
        /// The collection.
        collection: String,
        /// The record's key.
        key: String,
        /// The field.
        field: String,
        /// Its value.
        value: serde_json::Value,
    },
    /// A field does not show.
    FieldAbsent {
        /// The collection.
        collection: String,
        /// The record's key.
        key: String,
        /// The field.
        field: String,
    },
}

/// Applies several writes, all or none.
#[utoipa::path(post, path = "/spaces/{space}/push", operation_id = "push", tag = "records",
    params(SpacePath), request_body = Push,
    responses((status = 200, description = "Applied", body = Written,
        headers(("Syncline-Sequence" = String, description = "How far was written"))),
        Authenticated, Named, Bodied, Writing))]
pub(super) async fn push(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Data(push): Data<Push>,
) -> Result<Placed<Json<Written>>, Failure> {
    let space = name(&path.space)?;
    check_writable(&space)?;
    let reading = Reading { hub: hub.clone(), caller: caller.clone(), space: space.clone() };
    let place = reading.look(|_| Ok(())).await?.0;
    let part = blocking(move || part(push, space, place)).await?;
    let (space, epoch) = (part.space.clone(), part.base.map_or(place.epoch, |base| base.0));
    let receipt = hub.apply(&caller, Submission { id: None, parts: vec![part] }).await?;
    let place = Place { epoch, sequence: receipt.sequence() };
    Ok(Placed(place, Json(Written::new(&space, &receipt))))
}

fn part(push: Push, space: syncline_protocol::SpaceName, now: Place) -> Result<Part, Failure> {
    let Push { guards, writes, epoch } = push;
    if writes.is_empty() {
        return Err(Reject::new(Code::Refused, "A push has at least one write").into());
    }
    if guards.len() > GUARDS_MAX {
        let what = format!("A push has at most {GUARDS_MAX} guards");
        return Err(Reject::new(Code::TooLarge, what).into());
    }
    let epoch = match epoch {
        None => now.epoch,
        Some(text) if text.len() == 16 => {
            let wrong = |_| Failure::malformed("`epoch` has 16 hex digits");
            text.parse().map_err(wrong)?
        }
        Some(_) => return Err(Failure::malformed("`epoch` has 16 hex digits")),
    };
    let changes = writes
        .into_iter()
        .enumerate()
        .map(|(at, write)| write.into_change().map_err(|failure| failure.at(at)));
    Ok(Part {
        space,
        base: Some((epoch, now.sequence)),
        guards: guards.into_iter().map(Guard::into_guard).collect::<Result<_, _>>()?,
        writes: Writes::Unstamped(changes.collect::<Result<_, _>>()?),
    })
}

impl Guard {
    fn into_guard(self) -> Result<syncline_protocol::Guard, Failure> {
        let (collection, key, condition) = match self {
            Self::Absent { collection, key } => (collection, key, Condition::Absent),
            Self::Unchanged { collection, key, since } => {
                let since = since.filter(|since| *since <= SEQUENCE_MAX);
                let wrong = || Failure::malformed("`since` is a sequence, below 2^53");
                let since = since.ok_or_else(wrong)?;
                (collection, key, Condition::UnchangedSince(since))
            }
            Self::Equal { collection, key, field, value } => {
                let value = value_of(&field, &value)?;
                (collection, key, Condition::FieldEquals(name(&field)?, value))
            }
            Self::FieldAbsent { collection, key, field } => {
                (collection, key, Condition::FieldAbsent(name(&field)?))
            }
        };
        let (collection, key) = (open_collection(&collection)?, name(&key)?);
        Ok(syncline_protocol::Guard { collection, key, condition })
    }
}
