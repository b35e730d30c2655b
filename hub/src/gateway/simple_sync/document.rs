//! The OpenAPI document of the interface: what each route says of itself mounts it, so that the
//! document and the router cannot differ.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Response as Described};
use utoipa::{IntoResponses, Modify, OpenApi as _, ToSchema};

use super::answer::{JSON, Refused};

const ABOUT: &str = "\
Apps keep one history of events: each has a UUID of version 7, and none is ever changed or deleted. \
A client reads the history, adds what happened to it, and replays it in order. This is the \
interface of simple-sync 0.4.0, with additions that change none of its bodies.

A refusal has an `error`, whose texts programs may compare, and an `eventUuid` where one event of a \
push is to blame. Within `/apps/NAME` there may be more histories of the same form.";

/// Something was done.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "the field is the document's")]
pub(super) struct Message {
    message: String,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "simple-sync", description = ABOUT, version = "0.4.0",
        license(name = "MIT OR Apache-2.0")),
    components(schemas(Refused)),
    modifiers(&Credentials),
    tags(
        (name = "events", description = "The history"),
        (name = "rules", description = "Who may do what"),
        (name = "keys", description = "Setup tokens and keys"),
        (name = "health", description = "How the server is"),
    )
)]
struct Root;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        document.components.get_or_insert_default().add_security_scheme("key", key);
        document.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    }
}

/// What a request may be refused with whatever it asks, for want of a good key.
pub(super) struct Keyed;

impl IntoResponses for Keyed {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[(401, "No key, or one that is not good")])
    }
}

/// What may be refused for a while.
pub(super) struct Limited;

impl IntoResponses for Limited {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[(413, "A body that is too large"), (429, "Too many requests")])
    }
}

fn refusals(all: &[(u16, &str)]) -> BTreeMap<String, RefOr<Described>> {
    use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
    let refusal = |(status, about): &(u16, &str)| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
        let response = ResponseBuilder::new().description(*about);
        let response = response.content("application/json", content).build();
        (status.to_string(), RefOr::T(response))
    };
    all.iter().map(refusal).collect()
}

pub(super) fn root() -> OpenApi {
    Root::openapi()
}

static TEXT: LazyLock<String> =
    LazyLock::new(|| super::routes::document().to_json().unwrap_or_default());

/// The document. It holds no secret, so no key is asked for.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "health",
    responses((status = 200, description = "This document", content_type = "application/json")),
    security(()))]
pub(super) async fn show() -> Response {
    ([(header::CONTENT_TYPE, JSON)], TEXT.as_str()).into_response()
}
