//! Two organisations in one journal: each sees its own and nothing of the other's, not even that it is there.

use super::client::Api;
use super::given::Guarded;
use serde_json::{Value, json};

/// Both have a workflow of the same name; only one has another.
async fn two_organisations(guarded: &Guarded) -> (Api, Api) {
    let (acme, umbra) = (guarded.member("acme", "admin"), guarded.member("umbra", "admin"));
    acme.create("w", "dispatch").await;
    umbra.create("w", "mission").await;
    acme.create("secret", "dispatch").await;
    acme.go("w", "allocated").await;
    (acme, umbra)
}

fn streams(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|event| event["stream"].as_str().expect("a stream")).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn the_same_id_in_two_organisations_is_two_workflows() {
    let guarded = Guarded::start();
    let (acme, umbra) = two_organisations(&guarded).await;
    let state = |body: Value| (body["machine"].clone(), body["state"].clone(), body["version"].clone());
    assert_eq!(state(acme.get("/api/v1/workflows/w").await.json(200)), (json!("dispatch"), json!("allocated"), json!(2)));
    assert_eq!(state(umbra.get("/api/v1/workflows/w").await.json(200)), (json!("mission"), json!("planned"), json!(1)));
}

#[tokio::test]
async fn what_belongs_to_others_is_404_whatever_is_asked_of_it() {
    let guarded = Guarded::start();
    let (_, umbra) = two_organisations(&guarded).await;
    let unknown = umbra.get("/api/v1/workflows/nobody").await.problem(404, "entity_not_found");
    for path in ["/api/v1/workflows/secret", "/api/v1/workflows/secret/events", "/api/v1/workflows/secret?at=2030-01-01T00:00:00Z"] {
        let hidden = umbra.get(path).await.problem(404, "entity_not_found");
        assert_eq!(hidden["detail"], unknown["detail"], "told as if it had never been");
    }
    for (path, body) in [
        ("transitions", json!({"to": "allocated"})),
        ("steps", json!({"step": "allocated", "outcome": "started"})),
        ("rollback", json!({})),
        ("cancel", json!({})),
        ("reconcile", json!({"to": "queued"})),
        ("clone", json!({"new_id": "stolen"})),
    ] {
        umbra.post(&format!("/api/v1/workflows/secret/{path}"), body).await.problem(404, "entity_not_found");
    }
    umbra.create("secret", "mission").await;
}

#[tokio::test]
async fn lists_and_feed_show_ones_own() {
    let guarded = Guarded::start();
    let (acme, umbra) = two_organisations(&guarded).await;
    assert_eq!(streams(&acme.feed().await), ["workflow:acme:secret", "workflow:acme:w", "workflow:acme:w"]);
    assert_eq!(streams(&umbra.feed().await), ["workflow:umbra:w"]);
    for (api, ids) in [(&acme, json!(["secret", "w"])), (&umbra, json!(["w"]))] {
        for event in api.feed().await {
            let after = event["position"].as_str().expect("a position");
            api.get(&format!("/api/v1/workflows?after={after}")).await.json(200);
        }
        let listed = api.pages("/api/v1/workflows?page_size=1").await;
        assert_eq!(json!(listed.iter().map(|item| &item["id"]).collect::<Vec<_>>()), ids);
    }
    for query in ["stream=workflow:acme:w", "stream=workflow:acme:nobody", "stream=workflow:nobody:w"] {
        umbra.get(&format!("/api/v1/events?{query}")).await.problem(404, "not_found");
        umbra.get(&format!("/api/v1/events/stream?{query}")).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_cursor_of_another_organisation_is_no_cursor() {
    let guarded = Guarded::start();
    let (acme, umbra) = two_organisations(&guarded).await;
    let page = acme.get("/api/v1/events?page_size=1").await.json(200);
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    acme.get(&format!("/api/v1/events?cursor={cursor}")).await.json(200);
    umbra.get(&format!("/api/v1/events?cursor={cursor}")).await.problem(400, "invalid_cursor");
    umbra.get(&format!("/api/v1/events/stream?cursor={cursor}")).await.problem(400, "invalid_cursor");
    let resumed = umbra.request("GET", "/api/v1/events/stream").header("last-event-id", cursor);
    umbra.send(resumed).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_stream_carries_ones_own_events_only() {
    let guarded = Guarded::start();
    let (acme, umbra) = two_organisations(&guarded).await;
    let mut response = umbra.request("GET", "/api/v1/events/stream").send().await.expect("an answer");
    acme.create("hidden", "dispatch").await;
    umbra.create("end", "mission").await;
    let mut text = String::new();
    while !text.contains("workflow:umbra:end") {
        let chunk = response.chunk().await.expect("the stream goes on").expect("the stream goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    assert!(text.contains("workflow:umbra:w") && !text.contains("acme") && !text.contains("hidden"), "{text}");
}

#[tokio::test]
async fn a_key_of_one_organisation_says_nothing_to_another() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "admin"), guarded.member("umbra", "admin"));
    let key = [("idempotency-key", "same")];
    let first = acme.post_with("/api/v1/workflows", json!({"machine": "dispatch"}), &key).await;
    let second = umbra.post_with("/api/v1/workflows", json!({"machine": "mission"}), &key).await;
    assert_ne!(first.json(201)["id"], second.json(201)["id"]);
    assert_eq!(second.header("idempotency-replayed"), None);
}
