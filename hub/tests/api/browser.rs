//! Browsers: logged in by token or password, known by a cookie that other sites cannot use, at the
//! routes and at the WebSocket, until they log out.

use std::net::SocketAddr;

use reqwest::RequestBuilder;
use serde_json::{Value as Json, json};
use syncline_protocol::{ClientFrame, Code, DeviceId, Hello, HubFrame, VERSION};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::asking::{Api, Reply};
use super::raw::RawClient;

/// A browser that is logged in.
struct Browser {
    cookie: String,
}

impl Browser {
    async fn log_in(api: &Api, login: Json) -> Self {
        let reply = api.send(api.request("POST", "/session").json(&login)).await.good();
        let set = reply.header("set-cookie");
        Self { cookie: set.split(';').next().unwrap().to_owned() }
    }

    /// A request as a page of the hub's own sends it.
    fn request(&self, api: &Api, route: &str) -> RequestBuilder {
        let (method, path) = route.split_once(' ').unwrap();
        let origin = format!("http://{}", api.house.address);
        let request = api.request(method, path).header("cookie", &self.cookie);
        request.header("origin", origin).header("syncline-csrf", "1")
    }

    async fn ask(&self, api: &Api, route: &str) -> Reply {
        api.send(self.request(api, route)).await
    }
}

async fn with_password(api: &Api, name: &str) -> Json {
    let account = json!({ "name": name, "password": "correct horse" });
    api.admin("POST /users", Some(account.clone())).await.good();
    account
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_looks_around_and_logs_out() {
    let api = Api::new().await;
    let account = with_password(&api, "ann").await;
    let request = api.request("POST", "/session").header("user-agent", "A browser/1");
    let reply = api.send(request.json(&account)).await;
    assert_eq!((reply.status, &reply.json["account"]), (201, &json!("ann")));
    assert!(reply.json["session"] == true && reply.json["expires_ms"].is_u64(), "{reply:?}");
    let set = reply.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert!(!set.contains("Secure"), "clear text: {set}");
    let secret = set.split(['=', ';']).nth(1).unwrap().to_owned();
    assert!(!reply.json.to_string().contains(&secret), "the secret is in the cookie alone");

    let browser = Browser { cookie: format!("other=1; syncline_session={secret}") };
    assert_eq!(browser.ask(&api, "GET /session").await.good().json["account"], "ann");
    let id = reply.json["token"].as_str().unwrap();
    let list = browser.ask(&api, "GET /tokens").await.good().json["items"].clone();
    assert_eq!((&list[0]["id"], &list[0]["session"]), (&json!(id), &json!(true)));
    assert_eq!(list[0]["label"], "browser: A browser/1");
    let bearer = api.ask(&secret, "GET /whoami", None).await;
    assert_eq!(bearer.refused(), (401, "unauthorized"), "a cookie's secret is no token");

    let out = browser.ask(&api, "DELETE /session").await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(browser.ask(&api, "GET /session").await.refused(), (401, "unauthorized"));
    let token = api.admin("DELETE /session", None).await;
    assert_eq!(token.refused(), (404, "not_found"), "a token is no session");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_log_ins_are_refused() {
    let api = Api::new().await;
    with_password(&api, "ann").await;
    for (login, refusal) in [
        (json!({ "name": "ann", "password": "wrong horse" }), (401, "unauthorized")),
        (json!({ "name": "eve", "password": "correct horse" }), (401, "unauthorized")),
        (json!({ "token": "sl_nonsense" }), (401, "unauthorized")),
        (json!({ "name": "ann" }), (422, "refused")),
        (json!({}), (422, "refused")),
        (json!({ "token": 1 }), (400, "malformed")),
    ] {
        let reply = api.send(api.request("POST", "/session").json(&login)).await;
        assert_eq!(reply.refused(), refusal, "{login}");
        assert!(!reply.headers.contains_key("set-cookie"));
    }
    let foreign = api.request("POST", "/session").header("origin", "http://evil.example");
    let reply = api.send(foreign.json(&json!({ "token": api.house.admin }))).await;
    assert_eq!(reply.refused(), (403, "cross_site"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_changes_nothing_for_other_sites() {
    let api = Api::new().await;
    let browser = Browser::log_in(&api, json!({ "token": api.house.admin })).await;
    let own = format!("http://{}", api.house.address);
    let try_with = async |headers: &[(&str, &str)]| {
        let mut request = api.request("POST", "/users").header("cookie", &browser.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        api.send(request.json(&json!({ "name": "mallory" }))).await
    };
    for headers in [
        &[][..],
        &[("origin", own.as_str())],
        &[("origin", "http://evil.example"), ("syncline-csrf", "1")],
        &[("origin", "null"), ("syncline-csrf", "1")],
    ] {
        assert_eq!(try_with(headers).await.refused(), (403, "cross_site"), "{headers:?}");
    }
    assert_eq!(try_with(&[("origin", &own), ("syncline-csrf", "1")]).await.status, 201);
    // A token that is shown as well is what counts.
    let request = api.by(&api.house.admin, "DELETE /users/mallory");
    assert_eq!(api.send(request.header("cookie", &browser.cookie)).await.status, 204);
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_what_its_log_in_opens_and_ends_with_it() {
    let api = Api::new().await;
    let ann = api.user("ann").await;
    let order = json!({ "user": "ann", "role": "reader", "spaces": ["notes/*"] });
    let made = api.admin("POST /tokens", Some(order)).await.good();
    let limited = Browser::log_in(&api, json!({ "token": made.json["token"] })).await;
    let space = json!({ "name": "notes/ann" });
    let create = limited.request(&api, "POST /spaces").json(&space);
    assert_eq!(api.send(create).await.refused(), (403, "forbidden"));
    let wider = limited.request(&api, "POST /tokens").json(&json!({ "user": "ann" }));
    assert_eq!(api.send(wider).await.refused(), (403, "forbidden"));

    // A session makes tokens that outlive it, as the credential that opened it could.
    let full = Browser::log_in(&api, json!({ "token": ann })).await;
    let lasting = full.request(&api, "POST /tokens").json(&json!({ "user": "ann" }));
    let lasting = api.send(lasting).await.good().json["token"].as_str().unwrap().to_owned();
    let id = json!(&lasting[3..15]);
    let list = api.admin("GET /tokens", None).await.json["items"].clone();
    let found = list.as_array().unwrap().iter().find(|token| token["id"] == id).unwrap();
    assert_eq!(found["expires_ms"], Json::Null);

    let parent = made.json["id"].as_str().unwrap();
    api.admin(&format!("DELETE /tokens/{parent}"), None).await.good();
    assert_eq!(limited.ask(&api, "GET /session").await.refused(), (401, "unauthorized"));
    let id = full.ask(&api, "GET /session").await.json["token"].as_str().unwrap().to_owned();
    api.ask(&lasting, &format!("DELETE /tokens/{id}"), None).await.good();
    assert_eq!(full.ask(&api, "GET /session").await.refused(), (401, "unauthorized"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_logs_other_browsers_out() {
    let api = Api::new().await;
    let account = with_password(&api, "ann").await;
    let own = Browser::log_in(&api, account.clone()).await;
    let other = Browser::log_in(&api, account).await;
    let change = own.request(&api, "PUT /users/ann/password");
    let change = change.json(&json!({ "password": "battery staple" }));
    assert_eq!(api.send(change).await.status, 204);
    assert_eq!(own.ask(&api, "GET /session").await.status, 200);
    assert_eq!(other.ask(&api, "GET /session").await.refused(), (401, "unauthorized"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_by_itself_and_leaves_nothing() {
    let lifetime = std::time::Duration::from_secs(1);
    let api = Api::with(|config| config.http.session_lifetime = lifetime).await;
    let ann = api.user("ann").await;
    let login = json!({ "token": ann });
    let browser = Browser::log_in(&api, login.clone()).await;
    while browser.ask(&api, "GET /session").await.status == 200 {}
    Browser::log_in(&api, login).await;
    let list = api.ask(&ann, "GET /tokens", None).await.json;
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "the token and one session: {list}");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_came_by_tls_stays_there() {
    let local = ["127.0.0.1/32".parse().unwrap()];
    let api = Api::with(|config| config.http.trusted_proxies = local.into()).await;
    let request = api.request("POST", "/session").header("x-forwarded-proto", "https");
    let reply = api.send(request.json(&json!({ "token": api.house.admin }))).await.good();
    assert!(reply.header("set-cookie").contains("Secure"), "{reply:?}");
    api.house.stop().await;
}

/// Opens a WebSocket as a browser's page does, and says hello with a token or none.
async fn hello(address: SocketAddr, headers: &[(&'static str, &str)], token: &str) -> HubFrame {
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "syncline.v1".parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let (web, _) = client_async(request, stream).await.unwrap();
    let mut client = RawClient::over(web);
    let replica = client.replica;
    let hello = Hello {
        version: VERSION,
        replica,
        device: DeviceId(replica.get()),
        name: "page".into(),
        token: token.into(),
        clock_ms: syncline::hub::now_ms(),
        outbox: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
    };
    client.send(&ClientFrame::Hello(hello)).await;
    client.next().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_websocket_knows_the_browser_of_the_hubs_own_page() {
    let api = Api::with(|config| config.http.allowed_origins = vec!["*".to_owned()]).await;
    let ann = api.user("ann").await;
    let browser = Browser::log_in(&api, json!({ "token": ann })).await;
    let (address, cookie) = (api.house.address, browser.cookie.as_str());
    let own = format!("http://{address}");
    let page = [("origin", own.as_str()), ("cookie", cookie)];
    let HubFrame::Welcome(welcome) = hello(address, &page, "").await else {
        panic!("the cookie stands for the token")
    };
    assert_eq!(welcome.principal, "ann");
    let refused =
        async |headers: &[(&'static str, &str)], token: &str| match hello(address, headers, token)
            .await
        {
            HubFrame::Goodbye { reject, .. } => reject.code,
            other => panic!("{headers:?}: {other:?}"),
        };
    // An allowed page of another origin may connect, and must bring its own token.
    let foreign = [("origin", "http://other.example"), ("cookie", cookie)];
    assert_eq!(refused(&foreign, "").await, Code::Unauthorized);
    assert_eq!(refused(&[("cookie", cookie)], "").await, Code::Unauthorized);
    assert_eq!(refused(&page, "sl_nonsense").await, Code::Unauthorized);
    assert!(matches!(hello(address, &page, &api.house.admin).await, HubFrame::Welcome(_)));
    browser.ask(&api, "DELETE /session").await.good();
    assert_eq!(refused(&page, "").await, Code::Unauthorized);
    api.house.stop().await;
}
