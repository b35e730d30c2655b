//! The dashboard's files, as they were built from `clients/dashboard` and embedded in the program.
//!
//! ```text
//! /                       the page; asked for again each time, answered only when it changed
//! /assets/NAME-HASH.EXT   what it loads; kept by browsers for good, since another has another name
//! /assets/worker.js       what serves the page when the hub cannot; asked for again each time
//! ```
//! Everything here is public: it holds no data and knows no door. The page may load nothing from
//! elsewhere, run nothing that is written into it, and stand in no other page's frame.

use std::borrow::Cow;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;

/// The page itself.
const PAGE: &str = "index.html";
/// The one asset that keeps its name: browsers look for a newer one under it.
const WORKER: &str = "assets/worker.js";
/// For a year, which is as long as browsers keep anything.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types syncline";

/// What is said with every file.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// In debug builds too, so that what is tested is what is shipped.
#[derive(RustEmbed)]
#[folder = "../clients/dashboard/dist"]
struct Files;

/// The routes of the page and what it loads.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { file(PAGE, &headers) }))
        .route("/assets/{*path}", get(asset))
        .layer(CompressionLayer::new())
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&format!("assets/{path}"), &headers)
}

fn file(name: &str, asked: &HeaderMap) -> Response {
    let Some(file) = Files::get(name) else {
        return (StatusCode::NOT_FOUND, "the dashboard has no such file\n").into_response();
    };
    let etag = etag(&file);
    let mut response = if has_already(asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body(file.data).into_response()
    };
    let headers = response.headers_mut();
    headers.extend(ALWAYS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    let keeps_its_name = name == PAGE || name == WORKER;
    let caching = if keeps_its_name { ASK_AGAIN } else { FOR_GOOD };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if name == WORKER {
        // It stands below /assets, and serves the page above it.
        headers.insert("service-worker-allowed", HeaderValue::from_static("/"));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn body(data: Cow<'static, [u8]>) -> axum::body::Bytes {
    match data {
        Cow::Borrowed(data) => axum::body::Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// Weak, since the same file travels compressed and not.
fn etag(file: &EmbeddedFile) -> String {
    format!("W/\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]))
}

fn has_already(asked: &HeaderMap, etag: &str) -> bool {
    let texts = asked.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|it| it.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|known| known.trim() == etag || known.trim() == "*")
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_kind_that_browsers_know() {
        let names: Vec<_> = Files::iter().collect();
        assert!(names.iter().any(|name| name == PAGE) && names.iter().any(|name| name == WORKER));
        for name in names {
            assert_ne!(kind(&name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it() {
        let asked = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            headers
        };
        let fresh = file(PAGE, &HeaderMap::new());
        assert_eq!(fresh.status(), StatusCode::OK);
        let etag = fresh.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(file(PAGE, &asked(&etag)).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(file(PAGE, &asked("\"a\", W/\"b\"")).status(), StatusCode::OK);
        assert_eq!(file("assets/nothing.js", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        assert_eq!(file("assets/../index.html", &asked("x")).status(), StatusCode::NOT_FOUND);
    }
}
