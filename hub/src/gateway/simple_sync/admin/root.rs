//! What whoever runs the hub does in the name of `.root`: a setup token, and rules, which are
//! events here as they are when an app adds them.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use serde::Serialize;
use serde_json::{Value, json};
use syncline_protocol::Code;

use super::super::acl::WireRule;
use super::super::mapping::ROOT;
use super::super::server_event;
use super::super::setup_token::SetupToken;
use super::answer::{Answer, Asked, Failure};
use crate::hub::{Principal, Submission, now_ms};

/// A setup token, shown this once.
#[derive(Serialize)]
pub(super) struct Issued {
    token: String,
    expires_ms: u64,
}

/// Issues a setup token for `.root`, in place of the one before it.
pub(super) async fn issue_token(asked: Asked) -> Answer<Issued> {
    let token = SetupToken::draw();
    let (change, expires_ms) = token.issue(ROOT, now_ms())?;
    let write = Submission::changes(asked.space.clone(), vec![change]);
    asked.hub.apply(&Principal::hub(), write).await?;
    Ok(Json(Issued { token: token.reveal().to_owned(), expires_ms }))
}

/// Adds a rule.
pub(super) async fn add_rule(
    asked: Asked,
    body: Result<Json<WireRule>, JsonRejection>,
) -> Answer<Value> {
    let Json(rule) = body.map_err(|problem| Failure::malformed(&problem))?;
    rule.parse().map_err(|bad| Failure::new(Code::Refused, bad.text()))?;
    let event = server_event::rule((ROOT, None), rule.payload(), now_ms())?;
    let write = Submission::changes(asked.space.clone(), vec![event]);
    asked.hub.apply(&Principal::hub(), write).await?;
    Ok(Json(json!({})))
}
