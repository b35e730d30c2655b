//! The OpenAPI document: what is said once for all routes, and which refusals a route may give.
//!
//! Each route says the rest beside its handler, and is mounted by what it says there, so that the
//! document and the router cannot differ. The document holds no secret and is the same on each hub.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use super::cookie::COOKIE;
use super::grammar;

const ABOUT: &str = "\
JSON over HTTP for scripts and for the dashboard. A space's name is one segment of a path, so that \
`linkora/alice` is written `linkora%2Falice`.

**Credentials.** `Authorization: Bearer TOKEN`, `Authorization: Basic` with an account's name and \
password, or the cookie of a browser's session. By the cookie a request that changes something \
must have the header `Syncline-Csrf: 1` and, where a browser sends one, an `Origin` that is the \
hub's own.

**Values.** A field holds any MessagePack value. As JSON, nil, booleans, integers, texts, arrays and \
maps are themselves; a number that JSON lacks is `{\"$float\": \"NaN\"}` (or `Infinity`, \
`-Infinity`), binary data `{\"$bin\": BASE64}`, an extension `{\"$ext\": [TYPE, BASE64]}`, and a map \
that an object cannot say `{\"$map\": [[KEY, VALUE], ...]}`. Both ways they mean the same.

**Sequences.** What concerns one space names in `Syncline-Sequence: EPOCH:SEQUENCE` how far the \
answer has read or written. A read may ask by `Syncline-At-Least` for no less: it waits 5 seconds at \
most and is then refused with 504 and the code `not_yet`.

**Refusals** have a `code` for programs and a `text` for people. **Lists** come in pages: pass what \
`next` holds as `after` until it is null.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Syncline", description = ABOUT, license(name = "MIT OR Apache-2.0")),
    components(schemas(super::answer::Refusal<'static>)),
    modifiers(&Credentials),
    tags(
        (name = "records", description = "What a space holds, read, written and followed"),
        (name = "spaces", description = "Spaces, their collections and their members"),
        (name = "accounts", description = "Users, tokens and browsers' sessions"),
        (name = "operation", description = "How the hub is, and what it does"),
    )
)]
struct Root;

/// How a caller may say who it is.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let schemes = [
            ("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))),
            ("password", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic))),
            ("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)))),
        ];
        let components = document.components.get_or_insert_default();
        let mut any = Vec::new();
        for (name, scheme) in schemes {
            components.add_security_scheme(name, scheme);
            any.push(SecurityRequirement::new(name, Vec::<String>::new()));
        }
        document.security = Some(any);
    }
}

/// A router whose document says what holds for all routes.
pub(super) fn root<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::with_openapi(Root::openapi())
}

/// The document of all routes.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = root().nest("/hub/v1", super::routes()).into_openapi();
    grammar::tell(&mut document);
    document
}

static TEXT: LazyLock<String> =
    LazyLock::new(|| document().to_pretty_json().expect("the document is plain data"));

/// This document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "show_document", tag = "operation",
    security(()), responses((status = 200, description = "An OpenAPI 3.1 document", body = Object)))]
pub(super) async fn show() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// Groups of refusals, by status; a route names those that it may give.
macro_rules! refusals {
    ($($(#[$doc:meta])* $group:ident = [$($status:literal $why:literal),+];)+) => { $(
        $(#[$doc])*
        pub(super) struct $group;

        impl IntoResponses for $group {
            fn responses() -> BTreeMap<String, RefOr<Described>> {
                [$(($status, $why)),+].into_iter().map(refusal).collect()
            }
        }
    )+ };
}

refusals! {
    /// Every route that wants a credential.
    Authenticated = [
        "401" "No credential, or none that is good",
        "403" "A right is missing, or the request may come from another site",
        "429" "Too many wrong credentials, or too much of something",
        "500" "The hub failed in a way of its own",
        "503" "The hub cannot do this now; ask again later"
    ];
    /// Routes that read something out of the request.
    Parsed = ["400" "Something in the request cannot be read"];
    /// Routes whose path names something.
    Named = ["400" "Something in the request cannot be read", "404" "There is no such thing for you",
        "422" "A name that cannot be, or a request that cannot be done"];
    /// Reads of a space.
    Fresh = ["409" "A place that is not in this log", "504" "The sequence has not come in time"];
    /// Requests with a body.
    Bodied = ["413" "More than may be sent at once"];
    /// Requests that make something that may be there.
    Making = ["409" "It is there already", "422" "A request that cannot be done"];
    /// Writes of records.
    Writing = ["409" "The space changed its log meanwhile", "412" "A condition does not hold",
        "507" "The space is full"];
}

fn refusal((status, why): (&str, &str)) -> (String, RefOr<Described>) {
    let schema = Ref::from_schema_name("Refusal");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description(why).content("application/json", content);
    (status.to_owned(), response.build().into())
}
