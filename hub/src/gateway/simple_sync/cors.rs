//! Which web pages may use an app: those that the settings name, and no other.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::app::App;

/// Answers what a browser asks before a request, and lets pages read answers.
pub(super) async fn allow(State(app): State<App>, request: Request, next: Next) -> Response {
    let origins = &app.hub().config().gateways.simple_sync.origins;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|it| is_allowed(origins, it));
    let is_options = *request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    // The router knows which methods there are, and says so by refusing this one.
    if is_options && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = StatusCode::NO_CONTENT.into_response();
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    if let Some(origin) = allowed {
        name(response.headers_mut(), origin);
    } else if !origins.is_empty() {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn is_allowed(origins: &[String], origin: &HeaderValue) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    origins.iter().any(|it| it.eq_ignore_ascii_case(origin))
}

fn name(headers: &mut HeaderMap, origin: HeaderValue) {
    let fixed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "X-API-Key, Content-Type, Authorization, If-None-Match, Last-Event-ID",
        ),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "X-Sync-Cursor, X-Rejected-Events, ETag"),
        (header::ACCESS_CONTROL_MAX_AGE, "3600"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}
