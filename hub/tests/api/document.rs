//! The OpenAPI document: complete, the router's own, and without a secret.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::asking::Api;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn operations(document: &Json) -> Vec<(String, &'static str, &Json)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &'static str)| (path.clone(), item);
    let pairs = paths.keys().flat_map(|path| METHODS.map(|method| of((path, method))));
    pairs
        .filter_map(|(path, method)| {
            let operation = document["paths"][&path].get(method)?;
            Some((path, method, operation))
        })
        .collect()
}

/// A path with something in the place of its variable parts.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{id}" => "1".to_owned(),
        part if part.starts_with('{') => "x".to_owned(),
        part => part.to_owned(),
    };
    let path = path.strip_prefix("/hub/v1").expect("all routes are below /hub/v1");
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_public_and_holds_no_secret() {
    let api = Api::new().await;
    let reply = api.send(api.request("GET", "/openapi.json")).await.good();
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.json["openapi"], "3.1.0");
    assert!(!reply.json.to_string().contains(&api.house.admin));
    assert_eq!(reply.json, serde_json::to_value(syncline::admin::document()).unwrap());
    api.house.stop().await;
}

/// Each operation answers, and each method that a path does not document is refused with 405.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_documented_is_mounted_and_nothing_else_is() {
    let api = Api::new().await;
    let document = serde_json::to_value(syncline::admin::document()).unwrap();
    let operations = operations(&document);
    let known: BTreeSet<_> =
        operations.iter().map(|(path, method, _)| (path.as_str(), *method)).collect();
    let paths: BTreeSet<_> = known.iter().map(|(path, _)| *path).collect();
    for path in paths {
        for method in METHODS {
            let reply = api.send(api.request(&method.to_uppercase(), &filled(path))).await;
            if known.contains(&(path, method)) {
                let is_open = matches!(path, "/hub/v1/openapi.json" | "/hub/v1/session");
                assert!(reply.status == 401 || is_open, "{method} {path}: {reply:?}");
            } else {
                assert_eq!(reply.refused(), (405, "method_not_allowed"), "{method} {path}");
                assert!(reply.headers.contains_key("allow"), "{method} {path}");
            }
        }
    }
    let ids: BTreeSet<_> = operations.iter().map(|(_, _, it)| it["operationId"].as_str()).collect();
    assert_eq!(ids.len(), operations.len(), "each operation has a name of its own");
    for (path, method, operation) in &operations {
        assert!(operation["summary"].is_string(), "{method} {path} says what it does");
    }
    api.house.stop().await;
}

/// Routes are mounted by what they say of themselves; a route beside that would be in no document.
#[test]
fn no_route_is_mounted_aside() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin");
    let (mut described, mut mounted) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(".route("), "{} mounts a route by hand", path.display());
        described += text.matches("#[utoipa::path(").count();
        let lists = text.split("routes!(").skip(1).map(|rest| rest.split(')').next().unwrap());
        mounted += lists.map(|list| list.split(',').count()).sum::<usize>();
    }
    assert_eq!(described, mounted, "a handler that is described is mounted");
    let document = serde_json::to_value(syncline::admin::document()).unwrap();
    assert_eq!(operations(&document).len(), described);
}
