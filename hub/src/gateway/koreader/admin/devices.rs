//! Devices that were seen, and the passwords that are for one device each.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_protocol::Value;

use super::super::library::Page;
use super::super::mapping::{REALM, collection, key_of, named_collection};
use super::answer::{Answer, Asked, DONE, Failure};
use crate::hub::random_u64;

/// Devices of a list at most.
const DEVICES_MAX: usize = 10_000;
/// Letters of a device's password that are not mistaken for one another on a small screen.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A device, as people tell it from others: two that share an id never see each other's positions.
#[derive(Serialize)]
pub(super) struct Device {
    device: String,
    name: Option<String>,
    id: Option<String>,
    document: Option<String>,
    seen_s: Option<u64>,
}

pub(super) async fn list(asked: Asked) -> Answer<Page<Device>> {
    let found = asked.look(|view| {
        let collection = named_collection(collection::DEVICES)?;
        let devices = view.range(&collection, "", DEVICES_MAX)?.into_iter();
        Ok(devices
            .map(|(key, record)| {
                let text = |field: &str| record.get(field).and_then(Value::as_str);
                let text = |field: &str| text(field).map(str::to_owned);
                Device {
                    device: key.as_str().to_owned(),
                    name: text("name"),
                    id: text("id"),
                    document: text("document"),
                    seen_s: record.get("seen_s").and_then(Value::as_u64),
                }
            })
            .collect())
    });
    Ok(Json(Page { items: found.await?.unwrap_or_default(), next: None }))
}

pub(super) async fn passwords(asked: Asked) -> Answer<Page<serde_json::Value>> {
    asked.hub.require_self_or_admin(&asked.principal, &asked.account)?;
    let secrets = asked.hub.device_secrets(REALM, &asked.account).into_iter();
    let items = secrets.map(
        |(id, label, created_ms)| json!({ "id": id, "label": label, "created_ms": created_ms }),
    );
    Ok(Json(Page { items: items.collect(), next: None }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// What the device is called.
    label: String,
}

/// Draws a password for one device; shown once, kept only as a digest.
pub(super) async fn add_password(
    asked: Asked,
    Json(NewPassword { label }): Json<NewPassword>,
) -> Result<(StatusCode, Json<serde_json::Value>), Failure> {
    let password = drawn();
    let (whose, shown) = ((REALM, &*asked.account), key_of(&password));
    let id = asked.hub.add_device_secret(&asked.principal, whose, &label, &shown).await?;
    let shown = json!({ "id": id, "password": password, "label": label });
    Ok((StatusCode::CREATED, Json(shown)))
}

pub(super) async fn remove_password(
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    asked.hub.remove_device_secret(&asked.principal, (REALM, &asked.account), &id).await?;
    Ok(DONE)
}

/// A hundred random bits, in four groups of five letters.
fn drawn() -> String {
    let random = [random_u64(), random_u64(), random_u64()].map(u64::to_be_bytes).concat();
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    let groups = random[..20].chunks(5).map(|group| group.iter().map(letter).collect());
    groups.collect::<Vec<String>>().join("-")
}
