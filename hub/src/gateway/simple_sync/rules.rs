//! Adding rules.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use syncline_protocol::{Change, Reject};
use utoipa::ToSchema;

use super::answer::{Refused, message};
use super::app::App;
use super::caller::Caller;
use super::check::{ACL_ITEM, action};
use super::document::{Keyed, Limited, Message};
use super::fault::Fault;
use super::{server_event, wire};
use crate::hub::{Principal, Submission, now_ms};

/// A rule: three patterns, each a value or the beginning of values and `*`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct AclRule {
    /// Users.
    #[schema(min_length = 1, max_length = 1024)]
    user: String,
    /// Items.
    #[schema(min_length = 1, max_length = 1024)]
    item: String,
    /// Actions.
    #[schema(min_length = 1, max_length = 1024)]
    action: String,
    /// allow or deny.
    #[schema(pattern = "^(allow|deny)$")]
    r#type: String,
}

/// Adds rules, all or none. Each takes the place of one with the same patterns, and they hold for
/// whatever is decided after the answer.
#[utoipa::path(post, path = "/acl", operation_id = "addRules", tag = "rules",
    request_body = [AclRule],
    responses((status = 200, description = "They hold", body = Message),
        (status = 400, description = "Rules that are none", body = Refused),
        (status = 403, description = "Without the permission for `.acl.addRule` on `.acl`",
            body = Refused),
        (status = 413, description = "Too much at once", body = Refused),
        Keyed, Limited))]
pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    if !app.may(&caller.user, ACL_ITEM, action::ADD_RULE) {
        return Err(Fault::DENIED.into());
    }
    let limits = &app.hub().config().gateways.simple_sync;
    let bytes = wire::read(body, limits.body_bytes, Fault::BAD_FORMAT).await?;
    let rules = wire::rules(&bytes)?;
    if rules.is_empty() {
        return Err(Fault::NO_RULE.into());
    }
    if rules.len() > usize::try_from(limits.rules_per_request).unwrap_or(usize::MAX) {
        return Err(Fault::MANY_RULES.into());
    }
    if let Some(bad) = rules.iter().find_map(|rule| rule.parse().err()) {
        return Err(Refused::text(400, bad.text()));
    }
    let (now_ms, by) = (now_ms(), (caller.user.as_str(), Some(caller.key())));
    let changes = rules.iter().map(|rule| server_event::rule(by, rule.payload(), now_ms));
    let changes = changes.collect::<Result<Vec<Change>, Reject>>()?;
    app.hub().apply(&Principal::hub(), Submission::changes(app.space().clone(), changes)).await?;
    Ok(message("ACL events submitted"))
}
