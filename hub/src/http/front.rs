//! The front: which gateway a request is for, or that it is the hub's own. It reads a request's
//! host, path, method and headers and changes nothing but the path below a prefix.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Request, Uri, header};
use matchit::Router as Paths;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::gateway::{Claim, Gateway};
use crate::hub::Hub;

/// The gateways that are served, with their places.
pub(super) struct Front {
    mounted: Vec<Mounted>,
    /// Claims on the shared root, each with its gateway's place in the list.
    claims: Paths<Vec<(usize, Claim)>>,
}

struct Mounted {
    name: &'static str,
    prefixes: &'static [&'static str],
    hosts: Vec<String>,
    router: Router,
}

impl Front {
    /// Mounts those that the settings turn on.
    pub(super) fn new(hub: &Hub, gateways: &[Gateway]) -> Self {
        let config: &Config = hub.config();
        let mut front = Self { mounted: Vec::new(), claims: Paths::new() };
        let mut claims = BTreeMap::<_, Vec<_>>::new();
        for gateway in gateways {
            let mount = (gateway.mount)(config);
            if !mount.enabled {
                continue;
            }
            let place = front.mounted.len();
            front.mounted.push(Mounted {
                name: gateway.name,
                prefixes: gateway.prefixes,
                hosts: mount.hosts.to_vec(),
                router: (gateway.router)(hub.clone()),
            });
            let placed = gateway.claims.iter().map(|claim| (claim.path, (place, *claim)));
            placed.for_each(|(path, claim)| claims.entry(path).or_default().push(claim));
        }
        for (path, claims) in claims {
            let inserted = front.claims.insert(path, claims);
            inserted.expect("a test mounts all gateways, and no two claims collide");
        }
        front
    }

    /// The routes of one gateway alone, if it is served.
    pub(super) fn alone(&self, name: &str) -> Option<Router> {
        self.mounted.iter().find(|it| it.name == name).map(|it| it.router.clone())
    }

    /// Finds the gateway that a request is for, and strips its prefix. None is the hub itself.
    fn pick(&self, request: &mut Request<Body>) -> Option<&Router> {
        if self.mounted.is_empty() {
            return None;
        }
        let host = host(request.uri(), request.headers());
        let named = |hosts: &[String]| host.as_deref().is_some_and(|host| is_one_of(host, hosts));
        if let Some(mounted) = self.mounted.iter().find(|it| named(&it.hosts)) {
            return Some(&mounted.router);
        }
        for mounted in &self.mounted {
            let prefix = mounted.prefixes.iter().find(|it| is_below(request.uri().path(), it));
            if let Some(prefix) = prefix {
                *request.uri_mut() = strip(request.uri(), prefix)?;
                return Some(&mounted.router);
            }
        }
        let claimed = self.claims.at(request.uri().path()).ok()?;
        let claim = claimed
            .value
            .iter()
            .find(|(_, claim)| claim.covers(request.method(), request.headers()));
        claim.map(|(place, _)| &self.mounted[*place].router)
    }
}

/// Hands a request to the gateway that it is for, or on to the hub's own routes.
pub(super) async fn dispatch(
    State(front): State<Arc<Front>>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    match front.pick(&mut request).cloned() {
        Some(router) => router.oneshot(request).await.unwrap_or_else(|never| match never {}),
        None => next.run(request).await,
    }
}

/// The host that a request names, without its port.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if let Some(authority) = uri.authority() {
        return Some(authority.host().to_ascii_lowercase());
    }
    let authority: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    Some(authority.host().to_ascii_lowercase())
}

fn is_one_of(host: &str, hosts: &[String]) -> bool {
    hosts.iter().any(|name| match name.strip_prefix("*.") {
        Some(parent) => host
            .strip_suffix(&parent.to_ascii_lowercase())
            .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        None => name.eq_ignore_ascii_case(host),
    })
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same address without a prefix of its path.
fn strip(uri: &Uri, prefix: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(prefix)?;
    let path = if rest.is_empty() { "/" } else { rest };
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests;
