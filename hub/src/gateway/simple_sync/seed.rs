//! The first form of the interface, for apps that were written for the first README: other names of
//! members, ids of any kind, Bearer tokens, and what may not be done is left out in silence.
//!
//! ```text
//! POST auth/token  {username: a user, password: a key of theirs}  > a JSON Web Token for a day
//! GET|POST events  Authorization: Bearer, of such a token or of a key itself
//! ```
//! An id that is no UUID of version 7 with the event's time is an alias: the event is kept under an
//! id made of its time and the alias, so that a repeat finds it, and is told here by its alias.

mod jwt;
mod wire;

use std::collections::HashMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Refused, Reply};
use super::app::App;
use super::caller::{Caller, From};
use super::check::is_rule;
use super::events::{Pages, pages};
use super::fault::Fault;
use super::history::{History, Reading, Tell};
use super::mapping::{ROOT, account_of, user_of};
use super::push::{self, Manner};
use crate::hub::now_ms;

pub(super) use jwt::Signer;
pub(super) use wire::mint;

/// The routes of this form.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/events", get(read).post(add)).route("/auth/token", post(log_in))
}

/// Within `/api/v1` the same addresses are of this form when they come with a Bearer value.
pub(super) async fn divert(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_own = headers.contains_key(header::AUTHORIZATION) && !headers.contains_key("x-api-key");
    let path = request.uri().path();
    if path == "/auth/token" || (path == "/events" && is_own) {
        let router = routes().with_state(app);
        return tower::ServiceExt::oneshot(router, request).await.unwrap_or_else(|it| match it {});
    }
    next.run(request).await
}

/// What to read.
#[derive(Debug, Deserialize)]
struct Times {
    #[serde(rename = "fromTimestamp")]
    from: Option<String>,
}

async fn log_in(State(app): State<App>, From(from): From, body: Body) -> Result<Response, Refused> {
    let format = || Refused::text(400, "Invalid request format".to_owned());
    let bytes_max = app.hub().config().gateways.simple_sync.body_bytes;
    let bytes = super::wire::read(body, bytes_max, Fault::BAD_FORMAT).await?;
    let texts = super::wire::texts(&bytes, ["username", "password"]);
    let [user, key] = texts.map_err(|_| format())?;
    if key.is_empty() {
        return Err(format());
    }
    let wrong = || Refused::text(401, "Invalid username or password".to_owned());
    let caller = Caller::of_key(&app, &key, from).await.map_err(|_| wrong())?;
    if caller.user != user {
        return Err(wrong());
    }
    let token = app.signer().sign(&user, caller.key(), (user == ROOT, now_ms() / 1000));
    Ok(Reply(json!({ "token": token })).into_response())
}

/// Whoever has a Bearer value that is good.
async fn caller(app: &App, headers: &HeaderMap, from: From) -> Result<Caller, Refused> {
    let missing = || Refused::text(401, "Authorization header required".to_owned());
    let shown = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let shown = shown.and_then(|it| it.strip_prefix("Bearer ")).map(str::trim);
    let shown = shown.filter(|it| !it.is_empty()).ok_or_else(missing)?;
    let bad = || Refused::text(401, "Invalid or expired token".to_owned());
    if shown.starts_with("sk_") {
        return Caller::of_key(app, shown, from.0).await.map_err(|_| bad());
    }
    let claims = app.signer().verify(shown, now_ms() / 1000).ok_or_else(bad)?;
    let account = account_of(app.space(), &claims.username);
    // The token lives no longer than the key that it was given for.
    let principal = app.hub().resume(&account, &claims.key).ok_or_else(bad)?;
    let user = user_of(app.space(), &account).ok_or_else(bad)?.into_owned();
    Ok(Caller { principal, user })
}

async fn read(
    State(app): State<App>,
    from: From,
    Query(times): Query<Times>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = caller(&app, &headers, from).await?;
    answer(&app, caller, times).await
}

async fn add(
    State(app): State<App>,
    from: From,
    Query(times): Query<Times>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let caller = caller(&app, &headers, from).await?;
    let limits = &app.hub().config().gateways.simple_sync;
    let bytes = super::wire::read(body, limits.body_bytes, Fault::NO_JSON).await?;
    let pushed = wire::events(&bytes, (&caller.user, now_ms()))?;
    if pushed.len() > usize::try_from(limits.events_per_push).unwrap_or(usize::MAX) {
        return Err(Fault::MANY_EVENTS.into());
    }
    let (mut events, mut aliases) = (Vec::new(), HashMap::new());
    for (event, alias) in pushed.into_iter().filter(|(event, _)| !is_rule(event)) {
        aliases.extend(alias.map(|alias| (event.uuid.clone(), alias)));
        events.push(event);
    }
    push::store(&app, &caller, events, &Manner { skips: true, ignores: true, aliases }).await?;
    answer(&app, caller, times).await
}

async fn answer(app: &App, caller: Caller, times: Times) -> Result<Response, Refused> {
    let wrong = |_| Refused::text(400, "Invalid timestamp parameter".to_owned());
    let from = times.from.map(|it| it.parse()).transpose().map_err(wrong)?;
    let reading = Reading { app: app.clone(), principal: caller.principal };
    let asked = reading.clone();
    let until = app.blocking(move |_| Ok(asked.view()?.space().sequence)).await?;
    let tell = Tell::Seed { from: from.unwrap_or(0) };
    let history = History::new(reading, until, tell);
    let body = pages(app, Pages::History(Box::new(history))).await?;
    Ok(([(header::CONTENT_TYPE, super::answer::JSON)], body).into_response())
}
