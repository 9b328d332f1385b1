//! Commands in: authorised, deduplicated and refused as over HTTP.

use super::given::{World, send, until};
use async_nats::HeaderMap;
use serde_json::{Value, json};

fn create(id: &str) -> Value {
    json!({"command": "create_workflow", "body": {"id": id, "machine": "dispatch"}})
}

#[tokio::test]
async fn a_command_does_what_its_request_would_and_a_repeat_is_answered_as_the_first_was() {
    let world = World::guarded();
    world.connected("commands").await;
    let client = world.client().await;
    let key = [("Idempotency-Key", "k-1")];
    let made = world.command(&client, "workflow", &create("w-1"), &key).await;
    assert_eq!((made.status, &made.body["state"], made.header("etag")), (201, &json!("queued"), Some("\"1\"")), "{}", made.body);
    assert_eq!(made.header("location"), Some("/api/v1/workflows/w-1"));
    let again = world.command(&client, "workflow", &create("w-1"), &key).await;
    assert_eq!((again.status, &again.body, again.header("idempotency-replayed")), (201, &made.body, Some("true")));
    let body = json!({"id": "w-1", "machine": "dispatch"});
    let over_http = world.ask("POST", "/api/v1/workflows", Some(body), &[("idempotency-key", "k-1")]).await;
    assert_eq!(over_http, (201, made.body), "one request, whichever way it comes");
    let other = json!({"command": "create_workflow", "body": {"id": "w-1", "machine": "dispatch", "attributes": {"a": 1}}});
    world.command(&client, "workflow", &other, &key).await.problem(409, "idempotency_key_reused");

    let to = |to: &str| json!({"command": "transition_workflow", "path": {"id": "w-1"}, "body": {"to": to}});
    world.command(&client, "workflow", &to("allocated"), &[("If-Match", "\"7\"")]).await.problem(412, "precondition_failed");
    let moved = world.command(&client, "workflow", &to("allocated"), &[("If-Match", "\"1\"")]).await;
    assert_eq!((moved.status, &moved.body["state"]), (200, &json!("allocated")), "{}", moved.body);
    let (_, workflow) = world.get("/api/v1/workflows/w-1").await;
    assert_eq!((&workflow["state"], &workflow["version"]), (&json!("allocated"), &json!(2)));
}

#[tokio::test]
async fn what_is_refused_over_http_is_refused_with_the_same_problem() {
    let world = World::guarded();
    world.connected("commands").await;
    let client = world.client().await;
    let stranger = send(&client, "workflow", HeaderMap::new(), create("w").to_string().into()).await;
    stranger.problem(401, "unauthenticated");
    let mut two = HeaderMap::new();
    ["a", "b"].into_iter().for_each(|key| two.append("x-api-key", key));
    send(&client, "workflow", two, create("w").to_string().into()).await.problem(401, "unauthenticated");

    let ask = async |kind: &str, command: Value| world.command(&client, kind, &command, &[]).await;
    let unknown = json!({"command": "cancel_workflow", "path": {"id": "nobody"}, "body": {}});
    ask("workflow", unknown.clone()).await.problem(404, "entity_not_found");
    let refused = ask("workflow", json!({"command": "create_workflow", "body": {"machin": "x"}})).await;
    refused.problem(400, "missing_field");
    let (_, mut over_http) = world.ask("POST", "/api/v1/workflows", Some(json!({"machin": "x"})), &[]).await;
    let mut here = refused.body;
    [&mut here, &mut over_http].into_iter().for_each(|problem| drop(problem["trace_id"].take()));
    assert_eq!(here, over_http);
    ask("channel", json!({"command": "remove_channel", "path": {"name": "radio"}})).await.problem(403, "forbidden");
    ask("workflow", json!({"command": "create_incident"})).await.problem(400, "invalid_field");
    ask("workflow", json!({"command": "cancel_workflow"})).await.problem(400, "missing_field");
    ask("workflow", json!({"command": "list_workflows"})).await.problem(400, "invalid_field");

    let key =
        || HeaderMap::from_iter([("x-api-key".parse().expect("a name"), world.key.as_deref().expect("a key").parse().expect("a value"))]);
    send(&client, "workflow", key(), b"{\"command\":".to_vec()).await.problem(400, "malformed_json");
    let twice = b"{\"command\": \"create_workflow\", \"command\": \"create_workflow\"}".to_vec();
    send(&client, "workflow", key(), twice).await.problem(400, "duplicate_key");
    let large = create(&"x".repeat(300_000));
    ask("workflow", large).await.problem(413, "body_too_large");
}

#[tokio::test]
async fn the_service_shows_itself_as_the_protocol_asks_and_takes_no_other_subjects() {
    let world = World::guarded();
    world.connected("commands").await;
    let client = world.client().await;
    world.command(&client, "workflow", &create("w-1"), &[]).await;
    world.command(&client, "workflow", &create("w-1"), &[]).await.problem(409, "duplicate_entity");
    let ask = async |verb: &str| {
        let answer = client.request(format!("$SRV.{verb}.ionveil"), "".into()).await.expect("an answer");
        serde_json::from_slice::<Value>(&answer.payload).expect("JSON")
    };
    let info = ask("INFO").await;
    let endpoint = |all: &Value, name: &str| {
        all["endpoints"].as_array().expect("endpoints").iter().find(|one| one["name"] == name).cloned().expect("the endpoint")
    };
    assert_eq!(info["type"], "io.nats.micro.v1.info_response");
    let workflow = endpoint(&info, "workflow");
    assert_eq!(workflow["subject"], "ionveil.commands.workflow");
    assert!(workflow["metadata"]["commands"].as_str().expect("names").split(',').any(|name| name == "transition_workflow"));
    // Counted once the reply is out.
    until("both in the statistics", async || {
        let stats = endpoint(&ask("STATS").await, "workflow");
        (stats["num_requests"] == 2 && stats["num_errors"] == 1).then_some(())
    })
    .await;
    let nobody = client.request("ionveil.commands.nothing", "{}".into()).await;
    assert_eq!(nobody.expect_err("no such kind").kind(), async_nats::RequestErrorKind::NoResponders);
}
