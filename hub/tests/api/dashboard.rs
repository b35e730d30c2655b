//! The dashboard's files over real sockets: public, cached as long as they stay true, and shut
//! against whatever another page may want of them.

use http::header;
use reqwest::{RequestBuilder, Response};

use super::asking::Api;

async fn get(api: &Api, path: &str, more: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Reply {
    let url = format!("http://{}{path}", api.house.address);
    Reply::of(more(api.http.get(url)).send().await.unwrap()).await
}

struct Reply {
    status: u16,
    headers: header::HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    #[track_caller]
    fn says(&self, name: &str, wanted: &str) {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}"));
        let value = value.to_str().unwrap();
        assert!(value.contains(wanted), "{name}: {value}");
    }
}

/// The addresses of what the page loads.
fn assets(page: &str) -> Vec<String> {
    let parts = page.split('"').filter(|part| part.starts_with("/assets/"));
    parts.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_all_that_it_names_are_served_to_anyone() {
    let api = Api::new().await;
    let page = get(&api, "/", |request| request).await;
    assert_eq!(page.status, 200);
    page.says("content-type", "text/html; charset=utf-8");
    page.says("cache-control", "no-cache");
    let named = assets(&String::from_utf8(page.body).unwrap());
    for ending in [".js", ".css", ".svg", ".webmanifest"] {
        assert!(named.iter().any(|path| path.ends_with(ending)), "no {ending}: {named:?}");
    }
    for path in named {
        let asset = get(&api, &path, |request| request).await;
        assert_eq!((asset.status, asset.body.is_empty()), (200, false), "{path}");
        asset.says("cache-control", "immutable");
        asset.says("x-content-type-options", "nosniff");
        asset.says("etag", "W/\"");
    }
    let worker = get(&api, "/assets/worker.js", |request| request).await;
    worker.says("cache-control", "no-cache");
    worker.says("service-worker-allowed", "/");
    worker.says("content-type", "text/javascript");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_page_frames_it_and_it_loads_from_nowhere_else() {
    let api = Api::new().await;
    let page = get(&api, "/", |request| request).await;
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
    ] {
        page.says("content-security-policy", rule);
    }
    assert!(!page.headers["content-security-policy"].to_str().unwrap().contains("unsafe"));
    page.says("x-frame-options", "DENY");
    page.says("x-content-type-options", "nosniff");
    page.says("referrer-policy", "no-referrer");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_has_is_not_sent_again_and_what_is_sent_is_small() {
    let api = Api::new().await;
    let page = get(&api, "/", |request| request).await;
    let etag = page.headers["etag"].clone();
    let again = get(&api, "/", |request| request.header("if-none-match", etag)).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    again.says("cache-control", "no-cache");
    let script = assets(&String::from_utf8(page.body).unwrap());
    let script = script.iter().find(|path| path.ends_with(".js")).unwrap();
    let whole = get(&api, script, |request| request).await;
    let small = get(&api, script, |request| request.header("accept-encoding", "gzip")).await;
    small.says("content-encoding", "gzip");
    assert!(small.body.len() * 2 < whole.body.len());
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_said_so() {
    let api = Api::new().await;
    for path in ["/assets/nothing.js", "/assets/", "/assets/%2e%2e/index.html", "/nowhere"] {
        assert_eq!(get(&api, path, |request| request).await.status, 404, "{path}");
    }
    let url = format!("http://{}/", api.house.address);
    assert_eq!(api.http.post(url).send().await.unwrap().status().as_u16(), 405);
    api.house.stop().await;
}
