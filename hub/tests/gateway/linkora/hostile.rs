//! What is wrong, large or hostile: the answer that the protocol has for it, nothing changed, no
//! secret in the log.

use serde_json::json;

use super::kit::{Kit, folder, link, now};

#[tokio::test]
async fn wrong_requests_change_nothing_and_tell_nothing() {
    let kit = Kit::start().await;
    for name in ["one", "two"] {
        kit.make("CREATE_FOLDER", "a", folder(name, None)).await;
    }
    kit.make("CREATE_FOLDER", "a", folder("three", Some(2))).await;
    let before = kit.updates(0).await;
    let post =
        |route: &str| kit.http().post(kit.url(route)).header("content-type", "application/json");
    let good = json!({
        "name": "n", "note": "", "parentFolderId": null, "isArchived": false, "correlation": null,
        "eventTimestamp": now(),
    });

    // Who may not is told so before anything else is looked at.
    for header in ["Bearer wrong-secret-1", "Bearer", "Basic eDp5", ""] {
        let request = post("CREATE_FOLDER").header("authorization", header).body("{");
        assert_eq!(kit.send(request).await.status, 401, "{header:?}");
    }
    assert_eq!(kit.send(post("CREATE_FOLDER").json(&good)).await.status, 401);

    let bad =
        |body: &'static str| kit.send(post("CREATE_FOLDER").bearer_auth(&kit.token).body(body));
    for body in [
        "",
        "{",
        "null",
        "[]",
        r#"{"name":null,"note":"","parentFolderId":null,"isArchived":false,"eventTimestamp":1}"#,
        r#"{"name":"n","note":"","parentFolderId":"1","isArchived":false,"eventTimestamp":1}"#,
        r#"{"name":"n","note":"","parentFolderId":1.5,"isArchived":false,"eventTimestamp":1}"#,
        r#"{"name":"n","note":"","parentFolderId":null,"isArchived":false}"#,
        r#"{"name":"n","note":"","isArchived":false,"eventTimestamp":9223372036854775808}"#,
        r#"{"name":"n","isArchived":false,"eventTimestamp":1}"#,
    ] {
        let answer = bad(body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
    let mut unknown = link("u", "MY_LINK", None);
    unknown["eventTimestamp"] = json!(1);
    assert_eq!(kit.post("CREATE_A_NEW_LINK", &unknown).await.status, 400);
    let typed = |kind: &'static str| {
        let request = kit.http().post(kit.url("CREATE_FOLDER")).bearer_auth(&kit.token);
        kit.send(request.header("content-type", kind).body("{}"))
    };
    assert_eq!(typed("text/plain").await.status, 415);
    assert_eq!(typed("application/json; charset=UTF-8").await.status, 400);

    // Circles.
    let circle = json!({
        "id": 2, "name": "two", "note": "", "parentFolderId": 3, "isArchived": false,
    });
    assert_eq!(kit.ask("UPDATE_FOLDER", "a", circle).await.status, 500);
    for target in [2, 3] {
        let body = json!({
            "folderIds": [1, 2], "linkIds": [], "linkType": "FOLDER_LINK",
            "newParentFolderId": target,
        });
        assert_eq!(kit.ask("MOVE_EXISTING_ITEMS", "a", body).await.status, 500);
    }
    assert_eq!(kit.updates(0).await, before);
    assert_eq!(kit.tombstones(0).await, json!([]));

    // A missing correlation is borne, and told as null.
    let mut ears = kit.listen("b").await;
    kit.post("CREATE_FOLDER", &good).await.json();
    assert!(ears.hears("CREATE_FOLDER").await["correlation"].is_null());
    let log = kit.log();
    assert!(!log.contains("wrong-secret") && !log.contains(&kit.token), "{log}");
}

#[tokio::test]
async fn large_bodies_are_taken_and_oversized_ones_are_not() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("b").await;
    let picture = format!("data:image/png;base64,{}", "A".repeat(31 << 20));
    let mut body = link("https://a.org", "SAVED_LINK", None);
    body["imgURL"] = json!(picture);
    kit.make("CREATE_A_NEW_LINK", "a", body.clone()).await;
    assert_eq!(ears.hears("CREATE_A_NEW_LINK").await["imgURL"], body["imgURL"]);
    assert_eq!(kit.updates(0).await["links"][0]["imgURL"], body["imgURL"]);
    body["imgURL"] = json!("A".repeat(41 << 20));
    let refused = super::kit::http()
        .post(kit.url("CREATE_A_NEW_LINK"))
        .bearer_auth(&kit.token)
        .json(&body)
        .send()
        .await;
    // The hub may have closed before all was sent.
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() == 413));
    assert_eq!(kit.updates(0).await["links"].as_array().unwrap().len(), 1);
}

/// A token of the original goes on working, for the account that the settings name, and is told
/// nowhere.
#[tokio::test]
async fn the_originals_token_goes_on_working() {
    let kit = Kit::start_with(&[
        ("LINKORA_SERVER_USE_ENV_VAL", "true"),
        ("LINKORA_SERVER_AUTH_TOKEN", " s3cr!@#$%^&*t "),
    ])
    .await;
    let test = |token: &'static str| {
        kit.send(kit.http().get(kit.url("TEST_BEARER")).header("authorization", token))
    };
    assert_eq!(test("Bearer s3cr!@#$%^&*t").await.status, 200);
    assert_eq!(test("Bearer s3cr!@#$%^&*").await.status, 401);
    assert!(!kit.log().contains("s3cr!"));
    let settings = kit.send(kit.http().get(kit.url("hub/v1/config")).bearer_auth(&kit.token)).await;
    assert_eq!(settings.status, 200);
    assert!(!settings.text.contains("s3cr!"));
}
