//! Requests that write: checked for form, handed to the rule through the door, answered from what
//! the rule wrote down.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use syncline_protocol::{Code, Guard, Op, Reject, SpaceName};

use super::answers::{bad, json, refused};
use super::auth::{self, Caller};
use super::call::Call;
use super::command::Route;
use super::routes::App;
use super::wire::Correlation;
use crate::hub::{Hub, Part, Principal, Receipt, Submission, Writes, now_ms};

/// How often a write waits for the clock: the lead that it waits for is a few seconds at most.
const WAITS_MAX: usize = 6;

/// Answers one request.
pub(super) async fn write(app: &App, route: &'static Route, request: Request) -> Response {
    let caller = match auth::caller(app, &request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    if !is_json(request.headers()) {
        let what = "The body has to be application/json\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, what).into_response();
    }
    let from_app = is_app(request.headers());
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    match (route.check)(&body) {
        Ok(sender) => answer(app, route, &caller, (sender, &body, from_app)).await,
        Err(error) => bad(&format!("The body is not as it should be: {error}")),
    }
}

/// The one that has no body.
pub(super) async fn force(app: &App, route: &'static Route, request: Request) -> Response {
    match auth::caller(app, &request).await {
        Ok(caller) => answer(app, route, &caller, (None, b"{}", false)).await,
        Err(refusal) => refusal,
    }
}

async fn answer(
    app: &App,
    route: &'static Route,
    caller: &Caller,
    (sender, body, from_app): (Option<Correlation>, &[u8], bool),
) -> Response {
    let device = sender.map(|correlation| correlation.id);
    let call = Call {
        route: route.name.to_owned(),
        body: body.to_vec(),
        listening: device.is_some_and(|device| app.sockets.listens(&caller.space, &device)),
        app: from_app,
        repair: app.hub.config().gateways.linkora.repair_moves,
        run: app.run,
    };
    match submit(&app.hub, &caller.principal, &caller.space, &call).await {
        Ok((time, made)) => json(&(route.answer)(body, time, &made)),
        Err(reject) => {
            if reject.code == Code::UnknownSpace {
                app.opened.remove(&caller.space);
            }
            refused(&reject)
        }
    }
}

/// Hands a request to the rule; gives the time and the ids that it answers.
pub(super) async fn submit(
    hub: &Hub,
    principal: &Principal,
    space: &SpaceName,
    call: &Call,
) -> Result<(i64, Vec<i64>), Reject> {
    let mut waits = 0;
    loop {
        match submit_guarded(hub, principal, space, (call, Vec::new())).await {
            Err(reject) if reject.code == Code::Busy && waits < WAITS_MAX => {
                waits += 1;
                tokio::time::sleep(to_next_second()).await;
            }
            answer => return answer,
        }
    }
}

/// The same, under conditions, and without waiting.
pub(super) async fn submit_guarded(
    hub: &Hub,
    principal: &Principal,
    space: &SpaceName,
    (call, guards): (&Call, Vec<Guard>),
) -> Result<(i64, Vec<i64>), Reject> {
    let writes = Writes::Unstamped(vec![call.change()]);
    let part = Part { space: space.clone(), base: None, guards, writes };
    let receipt = hub.apply(principal, Submission { id: None, parts: vec![part] }).await?;
    answered(&receipt).ok_or_else(|| Reject::new(Code::Internal, "The write has no answer"))
}

fn answered(receipt: &Receipt) -> Option<(i64, Vec<i64>)> {
    let (_, deltas) = receipt.parts.first()?;
    let heads = deltas.iter().rev().map(|applied| &applied.delta.change);
    let mut answers =
        heads.filter(|change| change.collection.as_str() == "state").filter_map(|change| {
            match &change.op {
                Op::Put(fields) => fields.iter().find(|(name, _)| name.as_str() == "answer")?.1,
                Op::Delete => None,
            }
        });
    let numbers: Vec<i64> = rmp_serde::from_slice(answers.next()?.as_bytes()).ok()?;
    let (time, made) = numbers.split_first()?;
    Some((*time, made.to_vec()))
}

fn to_next_second() -> Duration {
    Duration::from_millis(1_000 - now_ms() % 1_000)
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// The app itself; other clients name themselves otherwise.
fn is_app(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with("ktor-client"))
}
