//! The devices' door: one request in, one answer out. It reads the wire, asks who it is, hands a
//! request on, and says what became of it.
//!
//! The order of checks is part of the protocol: body is JSON, version, route, credentials, fields.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body as Stream;
use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::json;
use syncline_protocol::{Code, Reject};

use super::accounts::Reader;
use super::mapping::{Position, collection, field};
use super::request::{Keep, Request};
use super::wire::{
    BODY_BYTES, Body, Push, Refused, Registration, Route, check_accept, new_key, record,
};
use super::wrong::Wrong;
use super::{compatible, cors, library};
use crate::hub::{ClientAddress, Hub, Receipt, Submission, View, now_ms};

/// A body that is not whole after so long is given up: a device gives up sooner.
const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// What every request may need.
pub(super) struct Gate {
    pub(super) hub: Hub,
    pub(super) wrong: Wrong,
}

impl Gate {
    pub(super) fn new(hub: Hub) -> Self {
        let wrong = Wrong::new(&hub);
        Self { hub, wrong }
    }

    /// How much of a book is kept.
    pub(super) fn keep(&self) -> Keep {
        keep(&self.hub)
    }
}

pub(super) fn keep(hub: &Hub) -> Keep {
    let settings = &hub.config().gateways.koreader;
    Keep {
        entries: settings.history_entries.into(),
        age_s: settings.history_age.as_secs(),
        documents: settings.documents.into(),
        devices: settings.devices.into(),
    }
}

/// Answers a request, and logs what it was: never which document, which tells what someone reads.
pub(super) async fn serve(State(gate): State<Arc<Gate>>, request: HttpRequest) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let route = Route::of(&parts.method, parts.uri.path());
    let path = route.as_ref().map_or("-", Route::pattern);
    let from = address(&parts);
    let answer = match preflight(&gate, &parts) {
        Some(response) => Ok(response),
        None => gate.answer(&parts, body, route, from).await,
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    cors::allow(&gate.hub.config().http.allowed_origins, &parts.headers, response.headers_mut());
    let id = hex::encode(crate::hub::random_u64().to_be_bytes());
    let (status, took) = (response.status().as_u16(), began.elapsed());
    tracing::debug!(id, status, ?took, %from, method = %parts.method, path, "koreader");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

fn preflight(gate: &Gate, parts: &Parts) -> Option<Response> {
    let origins = &gate.hub.config().http.allowed_origins;
    let is_asked = parts.method == Method::OPTIONS && cors::is_allowed(origins, &parts.headers);
    is_asked.then(|| StatusCode::NO_CONTENT.into_response())
}

fn address(parts: &Parts) -> IpAddr {
    let address = parts.extensions.get::<ClientAddress>();
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0)
}

impl Gate {
    async fn answer(
        &self,
        parts: &Parts,
        body: Stream,
        route: Option<Route>,
        from: IpAddr,
    ) -> Result<Response, Refused> {
        let bytes = read(body).await?;
        if route == Some(Route::Robots) {
            return Ok("User-agent: *\nDisallow: /\n".into_response());
        }
        let has_body = matches!(parts.method, Method::POST | Method::PUT);
        let body = if has_body { Body::parse(&bytes)? } else { Body::Missing };
        check_accept(&parts.headers)?;
        let headers = &parts.headers;
        match route.ok_or(Refused::NO_ROUTE)? {
            Route::Welcome | Route::Robots => Ok(WELCOME.into_response()),
            Route::Health => Ok(Json(json!({ "state": "OK" })).into_response()),
            Route::Register => self.register(body, from).await,
            Route::Authorize => {
                self.reader(headers, from).await?;
                Ok(Json(json!({ "authorized": "OK" })).into_response())
            }
            Route::Push => self.push(self.reader(headers, from).await?, body).await,
            Route::Pull(document) => self.pull(self.reader(headers, from).await?, document).await,
            Route::ChangeKey => {
                let reader = self.reader(headers, from).await?;
                self.change_key(&reader, &new_key(body)?).await?;
                Ok(Json(json!({ "updated": true })).into_response())
            }
            Route::DeleteAccount => self.delete_account(headers, from).await,
            Route::Documents => {
                compatible::documents(self, self.reader(headers, from).await?).await
            }
            Route::SetTitle => {
                compatible::set_title(self, self.reader(headers, from).await?, body).await
            }
        }
    }

    async fn register(&self, body: Body, from: IpAddr) -> Result<Response, Refused> {
        let registering = self.registering()?;
        let Registration { name, key } = Registration::parse(body)?;
        self.wrong.count_registration(from)?;
        self.make_account(&name, &key, registering).await?;
        Ok((StatusCode::CREATED, Json(json!({ "username": name }))).into_response())
    }

    async fn delete_account(&self, headers: &HeaderMap, from: IpAddr) -> Result<Response, Refused> {
        match self.reader(headers, from).await {
            Ok(reader) => self.leave(&reader).await?,
            Err(refused) if refused == Refused::UNAUTHORIZED && self.is_unknown(headers) => {
                return Err(Refused::NO_ACCOUNT);
            }
            Err(refused) => return Err(refused),
        }
        Ok(Json(json!({ "deleted": true })).into_response())
    }

    async fn push(&self, reader: Reader, body: Body) -> Result<Response, Refused> {
        let Push { document, position, metadata } = Push::parse(body)?;
        let request = Request::push(position, metadata, self.keep());
        let change = request.into_change(&document)?;
        let receipt = self.write(&reader, Submission::changes(reader.space.clone(), vec![change]));
        let timestamp = timestamp(&receipt.await?).unwrap_or(now_ms() / 1000);
        Ok(Json(json!({ "document": document, "timestamp": timestamp })).into_response())
    }

    /// Writes as a reader, whose space is made by the first write.
    pub(super) async fn write(
        &self,
        reader: &Reader,
        submission: Submission,
    ) -> Result<Receipt, Refused> {
        match self.hub.apply(&reader.shown.principal, submission.clone()).await {
            Err(reject) if reject.code == Code::UnknownSpace => {
                let principal = &reader.shown.principal;
                self.hub.enter_realm(principal, &reader.space).await?;
                Ok(self.hub.apply(principal, submission).await?)
            }
            answer => Ok(answer?),
        }
    }

    async fn pull(&self, reader: Reader, document: Option<String>) -> Result<Response, Refused> {
        let document = document.ok_or(Refused::NO_DOCUMENT)?;
        let found = self.look(reader, move |view| {
            Ok(library::position(view, &document)?.map(|position| record(&document, &position)))
        });
        Ok(Json(found.await?.flatten().unwrap_or_else(|| json!({}))).into_response())
    }

    /// Reads a reader's space; none while there is no space.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        reader: Reader,
        read: impl FnOnce(&View) -> Result<T, Reject> + Send + 'static,
    ) -> Result<Option<T>, Refused> {
        look(&self.hub, reader, read).await
    }
}

/// Reads a reader's space off the async threads; none while there is no space.
pub(super) async fn look<T: Send + 'static>(
    hub: &Hub,
    reader: Reader,
    read: impl FnOnce(&View) -> Result<T, Reject> + Send + 'static,
) -> Result<Option<T>, Refused> {
    let hub = hub.clone();
    let looked = tokio::task::spawn_blocking(move || {
        match hub.read(&reader.shown.principal, &reader.space) {
            Err(reject) if reject.code == Code::UnknownSpace => Ok(None),
            view => read(&view?).map(Some),
        }
    });
    Ok(looked.await.map_err(|_| Refused::INTERNAL)??)
}

/// The time that the hub gave to a push.
fn timestamp(receipt: &Receipt) -> Option<u64> {
    let (_, applied) = receipt.parts.first()?;
    let of_position = applied.iter().find_map(|applied| {
        let change = &applied.delta.change;
        let is_kept =
            [collection::POSITIONS, collection::HISTORY].contains(&change.collection.as_str());
        let mut record = syncline_protocol::Record::default();
        record.merge(applied.delta.stamp, applied.sequence, &change.op);
        is_kept.then(|| field::<Position>(&record, "position")).flatten()
    });
    of_position.map(|position| position.timestamp)
}

async fn read(body: Stream) -> Result<Vec<u8>, Refused> {
    let whole = tokio::time::timeout(WHOLE_WITHIN, Limited::new(body, BODY_BYTES).collect());
    match whole.await.map_err(|_| Refused::NO_JSON)? {
        Ok(whole) => Ok(whole.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refused::TOO_LARGE),
        Err(_) => Err(Refused::NO_JSON),
    }
}

/// The edge at which what the hub says becomes what devices know.
impl From<Reject> for Refused {
    fn from(reject: Reject) -> Self {
        match reject.code {
            Code::Unauthorized | Code::UnknownSpace | Code::Forbidden => Self::UNAUTHORIZED,
            Code::Busy | Code::RateLimited => Self::busy(),
            Code::Refused | Code::TooLarge | Code::QuotaExceeded | Code::TooMany => Self::INVALID,
            code => {
                tracing::warn!(%code, text = reject.text, "a device's request failed");
                Self::INTERNAL
            }
        }
    }
}

const WELCOME: &str = "This is a sync server for KOReader. Enter its address there under \
                       Progress sync > Custom sync server.\n";
