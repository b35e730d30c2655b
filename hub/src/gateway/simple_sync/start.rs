//! The start of the gateway: every app has its space, its settings and a way to its first key.

use syncline_protocol::{Code, Reject, SpaceName};

use super::mapping::{DEFAULT_APP, ROOT, account_of, space_of};
use super::settings::Settings;
use super::setup_token::{self, SetupToken};
use crate::gateway::{FirstSecret, Starting};
use crate::hub::{ApiKey, Hub, KeyOrder, Principal, Reads, Submission, now_ms};

/// Makes what is missing. Gives the setup tokens that were made for `.root`.
pub(super) fn start(hub: Hub) -> Starting {
    Box::pin(async move {
        let mut secrets = Vec::new();
        for app in apps(&hub) {
            let space = space_of(&app)?;
            open(&hub, &space).await?;
            if app == DEFAULT_APP {
                super::import::hint(&hub, &space);
                set_root_key(&hub, &space).await?;
            }
            secrets.extend(first_token(&hub, &app, &space).await?);
        }
        Ok(secrets)
    })
}

/// The names of the apps that are served.
pub(super) fn apps(hub: &Hub) -> Vec<String> {
    let more = hub.config().gateways.simple_sync.apps.iter().cloned();
    let mut apps: Vec<String> = std::iter::once(DEFAULT_APP.to_owned()).chain(more).collect();
    apps.sort();
    apps.dedup();
    apps
}

async fn open(hub: &Hub, space: &SpaceName) -> Result<(), Reject> {
    let reads = match hub.config().gateways.simple_sync.read.as_str() {
        "open" => Reads::Open,
        _ => Reads::Acl,
    };
    hub.open_app(space, &account_of(space, ROOT), reads).await?;
    let change = Settings::configured(hub).change(&hub.read(&Principal::hub(), space)?)?;
    if let Some(change) = change {
        let write = Submission::changes(space.clone(), vec![change]);
        hub.apply(&Principal::hub(), write).await?;
    }
    Ok(())
}

/// The key of `.root` that the settings give.
async fn set_root_key(hub: &Hub, space: &SpaceName) -> Result<(), Reject> {
    let Some(secret) = &hub.config().gateways.simple_sync.root_key else { return Ok(()) };
    let no_key = "gateways.simple_sync.root_key is no key: write `sk_` and 43 characters of base64";
    let key = ApiKey::parse(secret.expose()).ok_or_else(|| Reject::new(Code::Refused, no_key))?;
    if hub.directory().recognise_key(&key, now_ms()).is_some() {
        return Ok(());
    }
    let (account, uuid) = (account_of(space, ROOT), super::event::new_id(now_ms()).to_string());
    let order = KeyOrder {
        account: &account,
        space,
        uuid: &uuid,
        label: "from the settings",
        created_ms: now_ms(),
    };
    let write = Submission { id: None, parts: vec![order.part(&key)] };
    hub.apply(&Principal::hub(), write).await.map(drop)
}

/// Nobody could do anything without a key of `.root`.
async fn first_token(
    hub: &Hub,
    app: &str,
    space: &SpaceName,
) -> Result<Option<FirstSecret>, Reject> {
    let has_way_in = hub.has_tokens(&account_of(space, ROOT))
        || setup_token::is_pending(&hub.read(&Principal::hub(), space)?, ROOT, now_ms())?;
    if has_way_in {
        return Ok(None);
    }
    let token = SetupToken::draw();
    let (change, _) = token.issue(ROOT, now_ms())?;
    hub.apply(&Principal::hub(), Submission::changes(space.clone(), vec![change])).await?;
    let suffix = if app == DEFAULT_APP { String::new() } else { format!("-{app}") };
    Ok(Some(FirstSecret {
        what: format!("The setup token of `.root` for the simple-sync app `{app}`"),
        file: format!("simple-sync-root-token{suffix}"),
        secret: token.reveal().to_owned(),
    }))
}
