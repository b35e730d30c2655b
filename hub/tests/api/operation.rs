//! What operators see and set: lists in pages, limits, retention, refusals, figures, settings.

use serde_json::{Value as Json, json};

use super::asking::{Api, fields, record};

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_accounts_come_in_pages() {
    let api = Api::new().await;
    for at in 0..7 {
        api.user(&format!("user{at}")).await;
    }
    for (list, name, count) in [("users", "name", 8), ("tokens", "id", 8)] {
        let (mut names, mut after) = (Vec::new(), String::new());
        loop {
            let page = api.admin(&format!("GET /{list}?limit=3&after={after}"), None).await.good();
            let items = page.json["items"].as_array().unwrap().clone();
            names.extend(items.iter().map(|item| item[name].as_str().unwrap().to_owned()));
            match page.json["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(names.len(), count, "{names:?}");
        assert!(names.is_sorted(), "{names:?}");
    }
    let wrong = api.admin("GET /users?limit=0", None).await;
    assert_eq!(wrong.refused(), (400, "malformed"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_their_own_hold_at_once_and_are_given_back() {
    let api = Api::new().await;
    let ann = api.user("ann").await;
    let space = &api.space(&ann, "ann").await;
    let put = async |key: &str| {
        api.ask(&ann, &record("PUT", space, key), fields(json!({ "a": 1 }))).await
    };
    put("a").await.good();
    let route = format!("{space}/limits");
    let set = async |body: Json| api.admin(&route_of("PUT", &route), Some(body)).await;
    set(json!({ "records": 1 })).await.good();
    assert_eq!(put("b").await.refused(), (507, "quota_exceeded"));
    let limits = api.ask(&ann, &route_of("GET", &route), None).await.good().json;
    assert_eq!(limits["records"], json!({ "used": 1, "limit": 1, "own": 1 }));
    assert_eq!((&limits["bytes"]["limit"], &limits["bytes"]["own"]), (&Json::Null, &Json::Null));
    let overview = api.admin("GET /overview", None).await.good().json;
    assert_eq!(overview["problems"][0]["code"], "space_full");
    let own = api.ask(&ann, &route_of("PUT", &route), Some(json!({}))).await;
    assert_eq!(own.refused(), (403, "forbidden"));
    set(json!({ "records": null })).await.good();
    put("b").await.good();

    let user = "/users/ann/limits";
    api.admin(&route_of("PUT", user), Some(json!({ "spaces": 1, "sessions": 1 }))).await.good();
    let second = api.ask(&ann, "POST /spaces", Some(json!({ "name": "ann/2" }))).await;
    assert_eq!(second.refused(), (429, "too_many"));
    let first = super::raw::RawClient::connect(api.house.address, &ann).await.unwrap();
    let more = super::raw::RawClient::connect(api.house.address, &ann).await;
    assert_eq!(more.err().unwrap().code, syncline_protocol::Code::TooMany);
    let limits = api.ask(&ann, &route_of("GET", user), None).await.good().json;
    assert_eq!(limits["spaces"], json!({ "used": 1, "limit": 1, "own": 1 }));
    assert_eq!(limits["sessions"], json!({ "used": 1, "limit": 1, "own": 1 }));
    drop(first);
    let nobody = api.admin("PUT /users/nobody/limits", Some(json!({}))).await;
    assert_eq!(nobody.refused(), (404, "not_found"));
    let large = api.admin(&route_of("PUT", user), Some(json!({ "spaces": u64::MAX }))).await;
    assert_eq!(large.refused(), (422, "refused"));
    let stranger = api.ask(&ann, "GET /users/admin/limits", None).await;
    assert_eq!(stranger.refused(), (403, "forbidden"));
    // A removed account and a dropped space leave no limits to whoever has the name next.
    api.admin("DELETE /users/ann", None).await.good();
    let bob = api.user("ann").await;
    let limits = api.ask(&bob, &route_of("GET", user), None).await.good().json;
    assert_eq!(limits["spaces"]["own"], Json::Null);
    let all = api.ask(&bob, "GET /limits", None).await.good().json;
    assert!(all["frame_bytes"].as_u64().unwrap() > 0);
    api.house.stop().await;
}

fn route_of(method: &str, path: &str) -> String {
    format!("{method} {path}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_remembers_its_deletes_as_long_as_its_owner_says() {
    let api = Api::new().await;
    let (ann, bob) = (api.user("ann").await, api.user("bob").await);
    let space = &api.space(&ann, "ann").await;
    let route = format!("PUT {space}/collections/links/retention");
    let set = |token: &str, ms: Json| {
        let (token, body) = (token.to_owned(), json!({ "retention_ms": ms }));
        let (api, route) = (&api, &route);
        async move { api.ask(&token, route, Some(body)).await }
    };
    let month_ms = 30_u64 * 86_400_000;
    let done = set(&ann, json!(month_ms)).await;
    assert_eq!((done.status, done.header("syncline-sequence").ends_with(":0")), (204, true));
    let list = format!("GET {space}/collections");
    let shown = api.ask(&ann, &list, None).await.good().json;
    assert_eq!(shown["items"][0]["retention_ms"], month_ms);
    assert_eq!(set(&ann, json!(1)).await.refused(), (422, "refused"));
    assert_eq!(set(&ann, json!("long")).await.refused(), (400, "malformed"));
    assert_eq!(set(&bob, json!(month_ms)).await.refused(), (404, "unknown_space"));
    let member = format!("PUT {space}/members/bob");
    api.ask(&ann, &member, Some(json!({ "role": "writer" }))).await.good();
    assert_eq!(set(&bob, json!(month_ms)).await.refused(), (403, "forbidden"));
    set(&ann, Json::Null).await.good();
    let shown = api.ask(&ann, &list, None).await.good().json;
    assert_eq!(shown["items"][0]["retention_ms"], Json::Null);
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_remembered_with_whom_they_met() {
    let api = Api::new().await;
    let ann = api.user("ann").await;
    let space = &api.space(&ann, "ann").await;
    let member = format!("PUT {space}/members/bob");
    let bob = api.user("bob").await;
    api.ask(&ann, &member, Some(json!({ "role": "reader" }))).await.good();
    for _ in 0..21 {
        let put = record("PUT", space, "k");
        assert_eq!(api.ask(&bob, &put, fields(json!({ "a": 1 }))).await.status, 403);
    }
    assert_eq!(api.ask("sl_nonsense", "GET /whoami", None).await.status, 401);
    let list = api.admin("GET /rejects?limit=2", None).await.good().json;
    let (last, before) = (&list["items"][0], &list["items"][1]);
    assert_eq!((&last["code"], &last["principal"]), (&json!("unauthorized"), &json!("127.0.0.1")));
    assert_eq!((&before["code"], &before["principal"]), (&json!("forbidden"), &json!("bob")));
    assert!(list["next"].is_string() && !list.to_string().contains("sl_"));
    let next = list["next"].as_str().unwrap();
    let more = api.admin(&format!("GET /rejects?after={next}"), None).await.good().json;
    assert_eq!(more["items"].as_array().unwrap().len(), 20);
    let overview = api.admin("GET /overview", None).await.good().json;
    assert_eq!(overview["problems"][0]["code"], "many_refusals");
    assert_eq!(overview["rejects"]["forbidden"], 21);
    assert_eq!(api.ask(&ann, "GET /rejects", None).await.refused(), (403, "forbidden"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_how_the_hub_is_and_nobody_else_does() {
    let api = Api::new().await;
    let ann = api.user("ann").await;
    let mut follower = api.house.client().await;
    let space = api.house.space("s").await;
    follower.subscribe(&space, syncline_protocol::Filter::default()).await;
    api.admin(&record("PUT", "/spaces/s", "k"), fields(json!({ "a": 1 }))).await.good();
    follower.hears_of("k").await;
    let overview = api.admin("GET /overview", None).await.good().json;
    assert_eq!((&overview["stats"]["sessions"], &overview["problems"]), (&json!(1), &json!([])));
    for latency in ["commit", "fsync", "delivery"] {
        let latency = &overview[latency];
        let buckets = latency["buckets"].as_array().unwrap();
        assert!(latency["count"].as_u64().unwrap() > 0 && !buckets.is_empty(), "{latency}");
    }
    let replicas = api.admin("GET /replicas", None).await.good().json;
    let own = follower.replica.to_string();
    assert_eq!(
        (&replicas["items"][0]["replica"], &replicas["items"][0]["online"]),
        (&json!(own), &json!(true))
    );
    let settings = api.admin("GET /config", None).await.good().json;
    let setting = settings.as_array().unwrap().iter().find(|it| it["name"] == "sync.heartbeat");
    let setting = setting.unwrap();
    assert_eq!((&setting["value"], &setting["default"]), (&json!("\"25s\""), &json!("\"25s\"")));
    assert_eq!(setting["variable"], "SYNCLINE_SYNC__HEARTBEAT");
    assert!(!settings.to_string().contains("sl_"));
    for route in ["/overview", "/stats", "/config", "/rejects", "/users", "/backup"] {
        let answer = api.ask(&ann, &format!("GET {route}"), None).await;
        assert_eq!(answer.refused(), (403, "forbidden"), "{route}");
    }
    api.house.stop().await;
}
