//! Who asks: an API token of the hub, or the one that the settings carry over from the original.

use axum::Extension;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use syncline_protocol::{Code, Reject, SpaceName};

use super::answers::refused;
use super::routes::App;
use super::rule::SPACES;
use crate::hub::{Certificate, ClientAddress, Principal, Realm};

/// Whoever asks, and their data set.
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) space: SpaceName,
    pub(super) address: ClientAddress,
}

/// Checks the token of a request, and makes the account's data set if there is none. What it needs
/// of the request is taken at once.
pub(super) fn caller<'app>(
    app: &'app App,
    request: &Request,
) -> impl Future<Output = Result<Caller, Response>> + Send + use<'app> {
    let address = request.extensions().get::<ClientAddress>().copied();
    let token = bearer(request.headers()).map(str::to_owned);
    async move {
        let Some(address) = address else {
            tracing::error!("a request reached the gateway without its address");
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        let no = || (StatusCode::UNAUTHORIZED, "A valid token is needed\n").into_response();
        let principal = authenticate(app, &token.ok_or_else(no)?, address).await?;
        let space = SpaceName::from_segments([SPACES, principal.account()]).map_err(|_| no())?;
        open(app, &principal, &space).await.map_err(|reject| refused(&reject))?;
        Ok(Caller { principal, space, address })
    }
}

/// Makes a data set where there is none, or where one that was there has been dropped.
async fn open(app: &App, principal: &Principal, space: &SpaceName) -> Result<(), Reject> {
    if app.opened.contains_key(space) {
        match app.hub.role(principal, space) {
            Err(reject) if reject.code == Code::UnknownSpace => {
                app.opened.remove(space);
            }
            known => return known.map(drop),
        }
    }
    app.hub.open_data_set(principal, space).await?;
    app.opened.insert(space.clone(), ());
    app.hub.role(principal, space).map(drop)
}

async fn authenticate(
    app: &App,
    token: &str,
    ClientAddress(from): ClientAddress,
) -> Result<Principal, Response> {
    let own = &app.hub.config().gateways.linkora;
    let known = own.auth_token.as_ref().map(|known| (known, own.account.as_str()));
    if let Some(principal) = known.and_then(|known| app.hub.authenticate_fixed(known, token)) {
        return Ok(principal);
    }
    let principal = app.hub.authenticate(Realm::Token, "", token, from).await;
    principal.map_err(|reject| refused(&reject))
}

/// The token as it stands behind the scheme, whatever characters it has.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer ") && !token.is_empty()).then_some(token)
}

/// The certificate that the hub shows, under a name that the desktop app lets people choose.
pub(super) async fn certificate(shown: Option<Extension<Certificate>>) -> Response {
    let Some(Extension(Certificate(der))) = shown else {
        return (StatusCode::NOT_FOUND, "This hub speaks no TLS\n").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"linkora.cer\""),
    ];
    (headers, der).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_as_they_are() {
        let shown = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(shown("Bearer a!@#$%^&*b").as_deref(), Some("a!@#$%^&*b"));
        assert_eq!(shown("bearer  x ").as_deref(), Some("x"));
        for bad in ["Bearer", "Bearer ", "Bearer    ", "Basic eDp5", "Bearerx", "x"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
