//! Every gateway mounted at once, and gateways made for a test.

use axum::Router;
use axum::routing::get;
use http::Method;

use super::*;
use crate::gateway::{self, Mount, When};
use crate::hub::Threads;
use crate::store::Store;

/// What the hub answers itself at the root of the shared port.
const OWN: &[&str] =
    &["/ws", "/hub", "/assets", "/healthz", "/readyz", "/metrics", "/syncline.cer", "/robots.txt"];

fn hub(config: Config) -> (Hub, Threads) {
    Hub::start(config, Store::in_memory(1 << 20).unwrap(), Vec::new()).unwrap()
}

const GET: &[Method] = &[Method::GET];

/// A gateway that answers with its name.
const BOOKS: Gateway = Gateway {
    name: "koreader",
    prefixes: &["/kosync"],
    claims: &[
        Claim { methods: &[Method::GET, Method::OPTIONS], path: "/", when: When::Bearer },
        Claim { methods: GET, path: "/syncs/{document}", when: When::Always },
    ],
    rule: None,
    router: |_| {
        let name = || async { "books" };
        Router::new().route("/", get(name)).route("/syncs/{document}", get(name))
    },
    admin: None,
    start: None,
    derives: None,
    mount: |config| Mount {
        enabled: config.gateways.koreader.enabled,
        hosts: &config.gateways.koreader.hosts,
        listen: &config.gateways.koreader.listen,
    },
};

async fn answer(front: &Arc<Front>, method: Method, uri: &str, headers: &[(&str, &str)]) -> String {
    let own = Router::new().fallback(|| async { "hub" });
    let router = own.layer(axum::middleware::from_fn_with_state(front.clone(), dispatch));
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 10).await.unwrap();
    match status.as_u16() {
        200 => String::from_utf8(body.to_vec()).unwrap(),
        status => status.to_string(),
    }
}

#[tokio::test]
async fn host_wins_over_prefix_and_prefix_over_claim() {
    let mut config = Config::default();
    config.gateways.koreader.hosts = vec!["books.example".to_owned(), "*.read.example".to_owned()];
    let (hub, threads) = hub(config);
    let front = Arc::new(Front::new(&hub, &[BOOKS]));
    let ask =
        async |uri: &str, headers: &[(&str, &str)]| answer(&front, Method::GET, uri, headers).await;
    assert_eq!(ask("/", &[]).await, "hub");
    assert_eq!(ask("/", &[("authorization", "bearer x")]).await, "books");
    assert_eq!(ask("/", &[("authorization", "Basic x")]).await, "hub");
    assert_eq!(ask("/", &[("host", "BOOKS.example:7962")]).await, "books");
    assert_eq!(ask("/", &[("host", "a.read.example")]).await, "books");
    assert_eq!(ask("/", &[("host", "read.example")]).await, "hub");
    assert_eq!(ask("/hub/v1/x", &[("host", "books.example")]).await, "404");
    assert_eq!(ask("/kosync", &[]).await, "books");
    assert_eq!(ask("/kosync/syncs/a?b=c", &[]).await, "books");
    assert_eq!(ask("/kosyncs", &[]).await, "hub");
    assert_eq!(ask("/kosync/ws", &[]).await, "404");
    assert_eq!(ask("/syncs/a", &[]).await, "books");
    assert_eq!(ask("/syncs/a/b", &[]).await, "hub");
    assert_eq!(answer(&front, Method::PUT, "/syncs/a", &[]).await, "hub");
    let asks = |names| [("access-control-request-headers", names)];
    let beforehand = asks("content-type, Authorization");
    assert_eq!(answer(&front, Method::OPTIONS, "/", &beforehand).await, "405", "not the hub's");
    assert_eq!(answer(&front, Method::OPTIONS, "/", &asks("content-type")).await, "hub");
    threads.stop();
}

#[tokio::test]
async fn what_is_turned_off_is_not_mounted() {
    let mut config = Config::default();
    config.gateways.koreader.enabled = false;
    let (hub, threads) = hub(config);
    let front = Arc::new(Front::new(&hub, &[BOOKS]));
    assert_eq!(answer(&front, Method::GET, "/kosync/syncs/a", &[]).await, "hub");
    assert!(front.alone("koreader").is_none());
    threads.stop();
}

/// Claims on the same requests, or on what is the hub's own, would make an answer depend on the
/// order of a list.
#[tokio::test]
async fn no_two_gateways_claim_the_same() {
    assert_eq!(overlaps(&[BOOKS, Gateway { name: "again", ..BOOKS }]).len(), 3);
    let found = overlaps(gateway::ALL);
    assert!(found.is_empty(), "{found:?}");
    let (hub, threads) = hub(Config::default());
    Front::new(&hub, gateway::ALL);
    threads.stop();
}

fn overlaps(gateways: &[Gateway]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, one) in gateways.iter().enumerate() {
        for claim in one.claims {
            let own = OWN.iter().any(|own| is_below(claim.path, own));
            if own || (claim.path == "/" && claim.when == When::Always) {
                found.push(format!("{} claims the hub's {}", one.name, claim.path));
            }
        }
        for other in &gateways[place + 1..] {
            let pairs = one.claims.iter().flat_map(|a| other.claims.iter().map(move |b| (a, b)));
            for (a, b) in pairs.filter(|(a, b)| meet(a, b)) {
                found.push(format!("{} {} and {} {}", one.name, a.path, other.name, b.path));
            }
            let shared = one.prefixes.iter().filter(|it| other.prefixes.contains(it));
            found.extend(shared.map(|it| format!("{} and {} share {it}", one.name, other.name)));
        }
    }
    found
}

fn meet(a: &Claim, b: &Claim) -> bool {
    let methods = a.methods.is_empty()
        || b.methods.is_empty()
        || a.methods.iter().any(|method| b.methods.contains(method));
    methods && paths_meet(a.path, b.path)
}

fn paths_meet(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(rest), Some(_)) | (Some(_), Some(rest)) if rest.starts_with("{*") => return true,
            (Some(one), Some(other)) => {
                let any = one.starts_with('{') || other.starts_with('{');
                if !any && one != other {
                    return false;
                }
            }
            _ => return false,
        }
    }
}
