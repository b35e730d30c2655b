//! A hub that serves nobody: one request to a gateway's routes, answered on a data folder at rest.
//! Whoever may write there is asked for no credential; a store that a hub holds is refused.

use std::path::PathBuf;

use axum::body::Body;
use axum::{Extension, Router};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value as Json;
use tower::ServiceExt as _;

use super::Options;
use crate::config::{Config, ConfigError};
use crate::gateway;
use crate::hub::{Hub, Principal};
use crate::store::{self, Store, StoreError};

/// Bytes of an answer at most.
const ANSWER_BYTES: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AtRestError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing to ask.
    #[error("{0} holds no store; name a hub's data folder")]
    NoStore(PathBuf),
    /// The store.
    #[error("{path}: {cause}")]
    Store {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: StoreError,
    },
    /// The routes said no.
    #[error("{0}")]
    Refused(String),
}

/// Posts to a path below `/hub/v1` as the hub itself.
///
/// # Errors
/// A store that cannot be opened, or what the routes refuse.
pub async fn ask(
    options: Options,
    path: &str,
    query: &[(&'static str, String)],
) -> Result<Json, AtRestError> {
    let Options { config, overrides, environment, .. } = options;
    let config = Config::load(config.as_deref(), environment.into_iter(), overrides)?;
    let file = config.data.join(store::FILE);
    if !file.exists() {
        return Err(AtRestError::NoStore(config.data));
    }
    let wrong = |cause| AtRestError::Store { path: file.clone(), cause };
    let cache_bytes = usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX);
    let store = Store::open(&file, cache_bytes).map_err(wrong)?;
    let (hub, threads) = Hub::start(config, store, gateway::rules()).map_err(wrong)?;
    let answer = post(hub, path, query).await;
    // Until what was written is on the disk. A thread that failed has answered so already.
    let _ = tokio::task::spawn_blocking(move || threads.stop()).await;
    answer
}

async fn post(hub: Hub, path: &str, query: &[(&'static str, String)]) -> Result<Json, AtRestError> {
    let refused = |error: &dyn std::fmt::Display| AtRestError::Refused(error.to_string());
    let pairs = query.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    let target = format!("/{path}?{}", pairs.collect::<Vec<_>>().join("&"));
    let request = Request::builder().method(Method::POST).uri(target).body(Body::empty());
    let request = request.map_err(|error| refused(&error))?;
    let response = routes(hub).oneshot(request).await.unwrap_or_else(|never| match never {});
    let good = response.status().is_success();
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| refused(&error))?.to_bytes();
    let answer: Json = serde_json::from_slice(&body).map_err(|error| refused(&error))?;
    if good {
        return Ok(answer);
    }
    Err(refused(&answer["text"].as_str().unwrap_or("the gateway refuses")))
}

fn routes(hub: Hub) -> Router {
    let mounted = gateway::ALL
        .iter()
        .filter_map(|gateway| Some((format!("/gateways/{}", gateway.name), (gateway.admin?)())));
    mounted
        .fold(Router::new(), |all, (path, router)| all.nest(&path, router))
        .layer(Extension(Principal::hub()))
        .with_state(hub)
}

/// A value as it may stand in a query.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match plain(byte) {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
