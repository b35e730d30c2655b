//! The settings in force. They name the files of secrets and hold none.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::document::Authenticated;
use crate::hub::Hub;

/// A setting of the hub.
#[derive(Serialize, ToSchema)]
pub(super) struct Setting {
    /// Its name in the file, such as `sync.heartbeat`.
    name: String,
    /// The variable that sets it.
    variable: String,
    /// What holds, as TOML; null when nothing is set.
    value: Option<String>,
    /// What would hold if nothing were said, as TOML.
    default: Option<String>,
    /// What it is for.
    about: String,
}

/// The settings in force, in the order of the file. An admin's to see.
#[utoipa::path(get, path = "/config", operation_id = "show_config", tag = "operation",
    responses((status = 200, description = "All settings", body = Vec<Setting>), Authenticated))]
pub(super) async fn show(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Vec<Setting>> {
    hub.require_admin(&caller)?;
    let settings = hub.config().describe().into_iter().map(|it| Setting {
        name: it.name,
        variable: it.variable,
        value: it.value,
        default: it.default,
        about: it.about,
    });
    Ok(Json(settings.collect()))
}
