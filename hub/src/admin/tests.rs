//! The admin routes over a store in memory: who may do what, and what it changes.

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

use super::*;
use crate::config::Config;
use crate::hub::{ClientAddress, Realm, Threads};
use crate::store::Store;

/// A hub in memory, and a token of its admin.
struct House {
    hub: Hub,
    admin: String,
    /// Kept until the end: the hub's threads.
    threads: Option<Threads>,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.stop();
        }
    }
}

impl House {
    async fn new() -> Self {
        let store = Store::in_memory(16 << 20).unwrap();
        let (hub, threads) = Hub::start(Config::default(), store, vec![]).unwrap();
        let token = hub.bootstrap().await.unwrap().expect("a new store has no account");
        Self { hub, admin: token.0.reveal(), threads: Some(threads) }
    }

    /// Asks with a whole `Authorization` header, or none.
    async fn ask_as(
        &self,
        credential: Option<&str>,
        (method, path): (&str, &str),
        body: Option<Json>,
    ) -> (StatusCode, Json) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(credential) = credential {
            request = request.header("authorization", credential);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ClientAddress([127, 0, 0, 1].into()));
        let response = router(self.hub.clone(), Router::new()).oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Json::Null))
    }

    async fn ask(&self, token: &str, route: (&str, &str), body: Option<Json>) -> (u16, Json) {
        let bearer = format!("Bearer {token}");
        let (status, json) = self.ask_as(Some(&bearer), route, body).await;
        (status.as_u16(), json)
    }

    /// Asks as the admin, and expects it to be done.
    async fn done(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let (status, json) = self.ask(&self.admin, (method, path), body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {json}");
        json
    }

    /// A user, and a token of theirs.
    async fn user(&self, name: &str) -> String {
        self.done("POST", "/users", Some(json!({ "name": name }))).await;
        let order = json!({ "user": name });
        let made = self.done("POST", "/tokens", Some(order)).await;
        made["token"].as_str().unwrap().to_owned()
    }
}

fn code(answer: &(u16, Json)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn nobody_gets_in_without_a_credential() {
    let house = House::new().await;
    for credential in [None, Some("Bearer nonsense"), Some("Basic %"), Some("Digest x")] {
        let (status, json) = house.ask_as(credential, ("GET", "/whoami"), None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{credential:?}");
        assert_eq!(json["code"], "unauthorized");
        assert!(json["text"].as_str().unwrap().contains("token"), "{json}");
    }
    let me = house.done("GET", "/whoami", None).await;
    assert_eq!((&me["account"], &me["admin"]), (&json!("admin"), &json!(true)));
}

#[tokio::test]
async fn what_is_not_understood_is_told_as_json() {
    let house = House::new().await;
    let ask = |route, body| house.ask(&house.admin, route, body);
    assert_eq!(code(&ask(("GET", "/nowhere"), None).await), (404, "not_found"));
    assert_eq!(code(&ask(("PUT", "/users"), None).await), (405, "method_not_allowed"));
    assert_eq!(code(&ask(("POST", "/users"), None).await), (400, "malformed"));
    let unknown = json!({ "name": "ann", "shoe_size": 38 });
    assert_eq!(code(&ask(("POST", "/users"), Some(unknown)).await), (400, "malformed"));
    let large = json!({ "name": "a".repeat(BODY_BYTES) });
    assert_eq!(code(&ask(("POST", "/users"), Some(large)).await), (413, "too_large"));
    assert_eq!(code(&ask(("GET", "/spaces/A%00"), None).await), (422, "refused"));
    assert_eq!(code(&ask(("GET", "/spaces/%ff"), None).await), (400, "malformed"));
    assert_eq!(code(&ask(("DELETE", "/sessions/x"), None).await), (400, "malformed"));
}

#[tokio::test]
async fn accounts_come_and_go_and_the_last_admin_stays() {
    let house = House::new().await;
    let ann = house.user("ann").await;
    let ask = |route, body| house.ask(&house.admin, route, body);
    let again = Some(json!({ "name": "ann" }));
    assert_eq!(code(&ask(("POST", "/users"), again).await), (409, "exists"));
    let bad = Some(json!({ "name": "Ann Smith" }));
    assert_eq!(code(&ask(("POST", "/users"), bad).await), (422, "refused"));
    let list = house.done("GET", "/users", None).await;
    let names: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["admin", "ann"]);
    assert_eq!(code(&house.ask(&ann, ("GET", "/users"), None).await), (403, "forbidden"));

    assert_eq!(code(&ask(("DELETE", "/users/admin"), None).await), (422, "refused"));
    house.done("POST", "/users", Some(json!({ "name": "bob", "admin": true }))).await;
    house.done("DELETE", "/users/ann", None).await;
    assert_eq!(code(&house.ask(&ann, ("GET", "/whoami"), None).await), (401, "unauthorized"));
    assert_eq!(code(&ask(("DELETE", "/users/ann"), None).await), (404, "not_found"));

    // A new account of the old name is another one: the old token stays dead.
    house.done("POST", "/users", Some(json!({ "name": "ann" }))).await;
    assert_eq!(code(&house.ask(&ann, ("GET", "/whoami"), None).await), (401, "unauthorized"));
}

#[tokio::test]
async fn two_last_admins_never_remove_each_other() {
    let house = House::new().await;
    house.done("POST", "/users", Some(json!({ "name": "bob", "admin": true }))).await;
    let (one, two) = tokio::join!(
        house.ask(&house.admin, ("DELETE", "/users/bob"), None),
        house.ask(&house.admin, ("DELETE", "/users/admin"), None),
    );
    let gone = [one.0, two.0].iter().filter(|status| **status == 204).count();
    assert_eq!(gone, 1, "{one:?} {two:?}");
    assert_eq!(house.hub.directory().users().filter(|(_, admin)| *admin).count(), 1);
}

#[tokio::test]
async fn passwords_open_the_door_until_they_change() {
    let house = House::new().await;
    let basic = |password: &str| {
        use base64::Engine as _;
        let pair = format!("ann:{password}");
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let status = async |password: &str| {
        house.ask_as(Some(&basic(password)), ("GET", "/whoami"), None).await.0.as_u16()
    };
    let short = json!({ "name": "ann", "password": "short" });
    let refused = house.ask(&house.admin, ("POST", "/users"), Some(short)).await;
    assert_eq!(code(&refused), (422, "refused"));
    let new = json!({ "name": "ann", "password": "correct horse" });
    house.done("POST", "/users", Some(new)).await;
    assert_eq!(status("correct horse").await, 200);
    assert_eq!(status("wrong horse").await, 401);

    // Ann changes it herself, by the password that she has.
    let body = json!({ "password": "battery staple" });
    let route = ("PUT", "/users/ann/password");
    let own = house.ask_as(Some(&basic("correct horse")), route, Some(body.clone())).await;
    assert_eq!(own.0, StatusCode::NO_CONTENT);
    assert_eq!((status("correct horse").await, status("battery staple").await), (401, 200));
    let anns = basic("battery staple");
    let other = house.ask_as(Some(&anns), ("PUT", "/users/admin/password"), Some(body));
    assert_eq!(other.await.0, StatusCode::FORBIDDEN);
    house.done("DELETE", "/users/ann", None).await;
    assert_eq!(status("battery staple").await, 401);
}

#[tokio::test]
async fn a_token_makes_no_token_that_opens_more() {
    let house = House::new().await;
    let ann = house.user("ann").await;
    let order = |more: Json| {
        let mut order = json!({ "user": "ann" });
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(order)
    };
    let end = crate::hub::now_ms() + 3_600_000;
    let narrow = json!({ "role": "writer", "spaces": ["notes/*"], "expires_ms": end });
    let (status, made) = house.ask(&ann, ("POST", "/tokens"), order(narrow)).await;
    assert_eq!(status, 201, "{made}");
    let limited = made["token"].as_str().unwrap().to_owned();
    for wider in [
        json!({ "role": "owner", "spaces": ["notes/a"] }),
        json!({ "role": "reader" }),
        json!({ "role": "reader", "spaces": ["*"] }),
        json!({ "role": "reader", "spaces": ["notes/a"], "expires_ms": end + 1 }),
    ] {
        let answer = house.ask(&limited, ("POST", "/tokens"), order(wider.clone())).await;
        assert_eq!(code(&answer), (403, "forbidden"), "{wider}");
    }
    let less = order(json!({ "role": "reader", "spaces": ["notes/a"] }));
    let (status, made) = house.ask(&limited, ("POST", "/tokens"), less).await;
    assert_eq!(status, 201);
    let list = house.ask(&limited, ("GET", "/tokens"), None).await.1;
    let found =
        list["items"].as_array().unwrap().iter().find(|token| token["id"] == made["id"]).unwrap();
    assert_eq!(found["expires_ms"], end, "it ends with the token that made it");

    let for_other = Some(json!({ "user": "admin" }));
    assert_eq!(code(&house.ask(&ann, ("POST", "/tokens"), for_other).await), (403, "forbidden"));
    let password = Some(json!({ "password": "a new password" }));
    let own = house.ask(&limited, ("PUT", "/users/ann/password"), password).await;
    assert_eq!(code(&own), (403, "forbidden"));
    for wrong in [
        json!({ "user": "nobody" }),
        json!({ "user": "ann", "spaces": ["a*b"] }),
        json!({ "user": "ann", "role": "king" }),
        json!({ "user": "ann", "expires_ms": 1 }),
        json!({ "user": "ann", "label": "a\nb" }),
    ] {
        let answer = house.ask(&house.admin, ("POST", "/tokens"), Some(wrong.clone())).await;
        assert!(matches!(code(&answer), (404, "not_found") | (422, "refused")), "{wrong}");
    }
}

#[tokio::test]
async fn revoked_tokens_open_nothing() {
    let house = House::new().await;
    let (ann, bob) = (house.user("ann").await, house.user("bob").await);
    let id = |token: &str| token[3..15].to_owned();
    let path = format!("/tokens/{}", id(&ann));
    assert_eq!(code(&house.ask(&bob, ("DELETE", &path), None).await), (404, "not_found"));
    let list = house.ask(&bob, ("GET", "/tokens"), None).await.1;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let token = &list["items"][0];
    assert!(token.get("token").is_none() && token.get("digest").is_none());
    assert_eq!(house.ask(&ann, ("DELETE", &path), None).await.0, 204);
    assert_eq!(code(&house.ask(&ann, ("GET", "/whoami"), None).await), (401, "unauthorized"));
    house.done("DELETE", &format!("/tokens/{}", id(&bob)), None).await;
    assert_eq!(house.ask(&bob, ("GET", "/whoami"), None).await.0, 401);
    let nobody = ("DELETE", "/tokens/%00%0a");
    assert_eq!(code(&house.ask(&house.admin, nobody, None).await), (404, "not_found"));
}

#[tokio::test]
async fn spaces_have_members_and_only_owners_say_who() {
    let house = House::new().await;
    let (ann, bob) = (house.user("ann").await, house.user("bob").await);
    let made = house.ask(&ann, ("POST", "/spaces"), Some(json!({ "name": "notes/ann" }))).await;
    assert_eq!((made.0, &made.1["owner"]), (201, &json!("ann")));
    let foreign = house.ask(&ann, ("POST", "/spaces"), Some(json!({ "name": "notes/bob" }))).await;
    assert_eq!(code(&foreign), (403, "forbidden"));
    let show = ("GET", "/spaces/notes%2Fann");
    assert_eq!(code(&house.ask(&bob, show, None).await), (404, "unknown_space"));

    let member = "/spaces/notes%2Fann/members/bob";
    let role = |role: &str| Some(json!({ "role": role }));
    assert_eq!(house.ask(&ann, ("PUT", member), role("reader")).await.0, 204);
    let seen = house.ask(&bob, show, None).await;
    assert_eq!((seen.0, &seen.1["role"]), (200, &json!("reader")));
    assert_eq!(seen.1["members"].as_array().unwrap().len(), 2);
    assert_eq!(code(&house.ask(&bob, ("PUT", member), role("owner")).await), (403, "forbidden"));
    assert_eq!(code(&house.ask(&bob, ("DELETE", "/spaces/notes%2Fann"), None).await).0, 403);
    for (path, body) in
        [(member, role("king")), ("/spaces/notes%2Fann/members/eve", role("reader"))]
    {
        let answer = house.ask(&ann, ("PUT", path), body).await;
        assert!(matches!(answer.0, 404 | 422), "{answer:?}");
    }
    let system = "/spaces/system/members/ann";
    let admin = house.ask(&house.admin, ("PUT", system), role("reader")).await;
    assert_eq!(code(&admin), (403, "forbidden"));

    assert_eq!(house.ask(&ann, ("DELETE", member), None).await.0, 204);
    assert_eq!(code(&house.ask(&ann, ("DELETE", member), None).await), (404, "not_found"));
    assert_eq!(house.ask(&bob, show, None).await.0, 404);
    let list = house.ask(&ann, ("GET", "/spaces"), None).await.1;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(house.ask(&ann, ("DELETE", "/spaces/notes%2Fann"), None).await.0, 204);
    assert_eq!(house.ask(&ann, show, None).await.0, 404);
}

#[tokio::test]
async fn figures_and_devices_are_for_those_they_concern() {
    let house = House::new().await;
    let ann = house.user("ann").await;
    let none = json!({ "items": [], "next": null });
    let stats = house.done("GET", "/stats", None).await;
    assert_eq!((&stats["users"], &stats["writable"]), (&json!(2), &json!(true)));
    assert_eq!(code(&house.ask(&ann, ("GET", "/stats"), None).await), (403, "forbidden"));
    assert_eq!(house.ask(&ann, ("GET", "/devices"), None).await, (200, none.clone()));
    assert_eq!(house.ask(&ann, ("GET", "/sessions"), None).await, (200, none));
    let missing = house.ask(&house.admin, ("DELETE", "/sessions/1"), None).await;
    assert_eq!(code(&missing), (404, "not_found"));
}

#[tokio::test]
async fn revoking_tells_the_sessions_of_the_token() {
    let house = House::new().await;
    let ann = house.user("ann").await;
    let from = [127, 0, 0, 1].into();
    let principal = house.hub.authenticate(Realm::Token, "", &ann, from).await.unwrap();
    let hello = syncline_protocol::Hello {
        version: syncline_protocol::VERSION,
        replica: syncline_protocol::ReplicaId::from_random(7),
        device: syncline_protocol::DeviceId(9),
        name: "phone".into(),
        token: ann.clone(),
        clock_ms: crate::hub::now_ms(),
        outbox: vec![],
        attributes: std::collections::BTreeMap::new(),
    };
    let arrival = house.hub.arrive(&principal, &hello, from).unwrap();
    let sessions = house.ask(&ann, ("GET", "/sessions"), None).await.1;
    assert_eq!(sessions["items"][0]["name"], "phone");
    house.done("DELETE", &format!("/tokens/{}", &ann[3..15]), None).await;
    arrival.queue.ready().await;
    assert!(matches!(arrival.queue.pop(), crate::fanout::Popped::Recheck));
    let list = &house.done("GET", "/devices", None).await["items"];
    assert_eq!((&list[0]["account"], &list[0]["online"]), (&json!("ann"), &json!(true)));
    house.hub.depart(arrival.id);
}
