//! Accounts and how they come about, what an account chooses, and where devices find the hub.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_protocol::{Code, Reject, Value};

use super::super::accounts::{REGISTRATION, make_account, registering};
use super::super::library;
use super::super::mapping::{ACCOUNT, REALM, collection, field, key_of, put, space_of, value};
use super::super::policy::Policy;
use super::super::wire::{is_key, is_name};
use super::answer::{Answer, Asked, DONE, Failure};
use crate::hub::{Hub, Principal, Registering, Submission};

/// What to type into a device, and whether it may register.
pub(super) async fn overview(
    asked: Asked,
    headers: HeaderMap,
    encrypted: Option<axum::Extension<crate::hub::Encrypted>>,
) -> Answer<serde_json::Value> {
    let encrypted = encrypted.is_some_and(|it| it.0.0);
    let scheme = if encrypted { "https" } else { "http" };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let address = host.map(|host| format!("{scheme}://{host}"));
    let settings = &asked.hub.config().gateways.koreader;
    let ports: Vec<u16> = settings.listen.iter().map(|address| address.port()).collect();
    let (registration, is_open) = match registering(&asked.hub)? {
        Some(Registering::First) => ("first", !asked.hub.has_accounts(REALM)),
        Some(_) => ("open", true),
        None => ("closed", false),
    };
    Ok(Json(json!({
        "enabled": settings.enabled,
        "address": address,
        "addresses": address.iter().map(|it| format!("{it}/kosync")).collect::<Vec<_>>(),
        "hosts": settings.hosts,
        "ports": ports,
        "registration": registration,
        "registration_open": is_open,
        "account": asked.account,
        "has_key": asked.hub.has_secrets(REALM, &asked.account),
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRegistration {
    /// `first`, `open` or `closed`; none to leave it to the hub's setting.
    registration: Option<String>,
}

/// Opens or closes registration while the hub runs. An admin's to do.
pub(super) async fn set_registration(
    asked: Asked,
    Json(NewRegistration { registration }): Json<NewRegistration>,
) -> Result<StatusCode, Failure> {
    if registration.as_deref().is_some_and(|it| !["first", "open", "closed"].contains(&it)) {
        return Err(Failure::new(Code::Refused, "Registration is `first`, `open` or `closed`"));
    }
    let (hub, principal) = (&asked.hub, &asked.principal);
    hub.choose(principal, REALM, REGISTRATION, registration.as_deref()).await?;
    Ok(DONE)
}

/// An account that devices can open.
#[derive(Serialize)]
pub(super) struct Account {
    account: String,
    /// The name that its devices send.
    name: String,
    device_passwords: usize,
}

/// The accounts that devices can open. An admin's to see.
pub(super) async fn accounts(asked: Asked) -> Answer<serde_json::Value> {
    asked.hub.require_admin(&asked.principal)?;
    let hub = asked.hub.clone();
    let listed = tokio::task::spawn_blocking(move || {
        let accounts = hub.realm_accounts(REALM).into_iter();
        accounts.map(|account| listed(&hub, account)).collect::<Result<Vec<_>, Reject>>()
    });
    let lost = |_| Failure::new(Code::Internal, "The answer could not be made");
    let items = listed.await.map_err(lost)??;
    Ok(Json(json!({ "items": items, "next": null })))
}

fn listed(hub: &Hub, account: String) -> Result<Account, Reject> {
    let name = match hub.read(&Principal::hub(), &space_of(&account)?) {
        Err(reject) if reject.code == Code::UnknownSpace => None,
        view => library::get(&view?, collection::SETTINGS, ACCOUNT)?
            .and_then(|record| Some(record.get("name")?.as_str()?.to_owned())),
    };
    let device_passwords = hub.device_secrets(REALM, &account).len();
    let name = name.unwrap_or_else(|| account.clone());
    Ok(Account { account, name, device_passwords })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    name: String,
    password: String,
}

/// Makes an account for devices, whether registration is open or not. An admin's to do.
pub(super) async fn add_account(
    State(hub): State<Hub>,
    asked: Asked,
    Json(new): Json<NewAccount>,
) -> Result<(StatusCode, Json<serde_json::Value>), Failure> {
    hub.require_admin(&asked.principal)?;
    if !is_name(&new.name) || !is_key(&new.password) {
        let what = "A name has 1 to 255 bytes, no colon and no space at its ends; a password is \
                    not empty";
        return Err(Failure::new(Code::Refused, what));
    }
    let key = key_of(&new.password);
    let account = make_account(&hub, &new.name, &key, Registering::Ordered).await?;
    Ok((StatusCode::CREATED, Json(json!({ "account": account, "name": new.name }))))
}

/// What an account chooses.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Which position is current: the `latest`, or the `furthest` into the book.
    #[serde(default)]
    policy: Policy,
    /// Whether a replayed queue leaves newer positions of other devices alone.
    #[serde(default)]
    protect: bool,
}

pub(super) async fn settings(asked: Asked) -> Answer<Settings> {
    let found = asked.look(|view| library::get(view, collection::SETTINGS, ACCOUNT)).await?;
    let record = found.flatten().unwrap_or_default();
    Ok(Json(Settings {
        policy: field(&record, "policy").unwrap_or_default(),
        protect: record.get("protect").and_then(Value::as_bool).unwrap_or(false),
    }))
}

/// Makes the account's space unless it is there: one may choose before one reads.
async fn enter(asked: &Asked) -> Result<(), Failure> {
    let (hub, principal) = (&asked.hub, &asked.principal);
    if principal.account() == asked.account {
        return Ok(hub.open_space(principal, &asked.space).await?);
    }
    // An admin's role says nothing about whether the space is there.
    match hub.read(principal, &asked.space) {
        Err(reject) if reject.code == Code::UnknownSpace => {
            hub.create_space(principal, asked.space.clone(), &asked.account).await?;
            Ok(())
        }
        view => Ok(view.map(drop)?),
    }
}

pub(super) async fn set_settings(
    asked: Asked,
    Json(new): Json<Settings>,
) -> Result<StatusCode, Failure> {
    enter(&asked).await?;
    let fields =
        [("policy", Some(value(&new.policy)?)), ("protect", Some(Value::from(new.protect)))];
    let change = put(collection::SETTINGS, ACCOUNT, &fields)?;
    let submission = Submission::changes(asked.space, vec![change]);
    asked.hub.apply(&asked.principal, submission).await?;
    Ok(DONE)
}
