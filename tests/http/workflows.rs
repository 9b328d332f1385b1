//! What can be done with a workflow, and what is refused: answers as the contract says, to the letter.

use super::client::Api;
use super::given::World;
use serde_json::{Value, json};

const WORKFLOWS: &str = "/api/v1/workflows";

/// The body without the one member that the test cannot know.
fn known(mut body: Value) -> Value {
    let recorded = body.as_object_mut().expect("an object").remove("recorded_at");
    assert!(recorded.is_some_and(|at| at.as_str().is_some_and(|at| at.ends_with('Z'))), "recorded_at");
    body
}

#[tokio::test]
async fn a_created_workflow_is_answered_with_its_place_and_version() {
    let world = World::open();
    let asked = json!({"id": "w:1@a.b-c", "machine": "workflow", "initial_state": "validated",
        "attributes": {"zone": "north", "units": 2, "load": 0.25, "urgent": true}, "occurred_at": "2026-01-01T01:30:00.25+01:00"});
    let created = world.api.post(WORKFLOWS, asked).await;
    let expected = json!({"id": "w:1@a.b-c", "machine": "workflow", "state": "validated", "version": 1, "terminal": false,
        "attributes": {"load": 0.25, "units": 2, "urgent": true, "zone": "north"}, "occurred_at": "2026-01-01T00:30:00.25Z"});
    assert_eq!(known(created.json(201)), expected);
    assert_eq!(created.header("location"), Some("/api/v1/workflows/w:1@a.b-c"));
    assert_eq!(created.header("etag"), Some("\"1\""));
    assert_eq!(created.header("content-type"), Some("application/json"));
    let read = world.api.get("/api/v1/workflows/w:1@a.b-c").await;
    assert_eq!(read.json(200), created.json(201));
    assert_eq!((read.header("etag"), read.header("location")), (Some("\"1\""), None));
}

#[tokio::test]
async fn a_workflow_without_a_name_gets_one() {
    let world = World::open();
    let created = world.api.post(WORKFLOWS, json!({"machine": "dispatch", "id": null})).await;
    let id = created.json(201)["id"].as_str().expect("an id").to_owned();
    assert_eq!(created.header("location"), Some(format!("/api/v1/workflows/{id}").as_str()));
    let other = world.api.post(WORKFLOWS, json!({"machine": "dispatch"})).await.json(201);
    assert_ne!(other["id"], id, "without a key each request makes a new one");
    let body = created.json(201);
    let time = |name: &str| body[name].as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
    assert!(time("occurred_at") <= time("recorded_at"), "it happens before it is recorded: {body}");
}

/// Does `POST {path} {body}` and gives state, version and whether it has ended.
async fn act(api: &Api, path: &str, body: Value) -> (String, u64, bool) {
    let answer = api.post(&format!("{WORKFLOWS}/{path}"), body).await;
    let body = answer.json(200);
    assert_eq!(answer.header("etag"), Some(format!("\"{}\"", body["version"]).as_str()));
    assert_eq!(answer.header("location"), None);
    (body["state"].as_str().expect("a state").to_owned(), body["version"].as_u64().expect("a version"), body["terminal"] == true)
}

#[tokio::test]
async fn a_workflow_moves_along_its_table_to_its_end() {
    let world = World::open();
    world.api.create("d", "dispatch").await;
    for (to, version, terminal) in [("allocated", 2, false), ("departed", 3, false), ("arrived", 4, true)] {
        let moved = act(&world.api, "d/transitions", json!({"to": to, "reason": "as seen"})).await;
        assert_eq!(moved, (to.to_owned(), version, terminal));
    }
    let events = world.api.get("/api/v1/workflows/d/events").await.json(200);
    assert_eq!(events["items"][3]["data"], json!({"from": "departed", "to": "arrived", "reason": "as seen"}));
}

#[tokio::test]
async fn a_step_is_started_completed_and_failed() {
    let world = World::open();
    world.api.create("s", "workflow").await;
    let step = |step: &str, outcome: &str| json!({"step": step, "outcome": outcome, "reason": "r"});
    assert_eq!(act(&world.api, "s/steps", step("validated", "started")).await, ("created".to_owned(), 2, false));
    assert_eq!(act(&world.api, "s/steps", step("validated", "completed")).await, ("validated".to_owned(), 3, false));
    assert_eq!(act(&world.api, "s/steps", step("scheduled", "failed")).await, ("failed".to_owned(), 4, true));
    let events = world.api.get("/api/v1/workflows/s/events").await.json(200);
    let types: Vec<_> = events["items"].as_array().expect("items").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(json!(types), json!(["registered", "step_started", "step_completed", "step_failed"]));
}

#[tokio::test]
async fn a_rollback_walks_back_and_back_until_the_start() {
    let world = World::open();
    world.api.create("r", "dispatch").await;
    for to in ["allocated", "departed"] {
        world.api.go("r", to).await;
    }
    assert_eq!(act(&world.api, "r/rollback", json!({"reason": "wrong call"})).await, ("allocated".to_owned(), 4, false));
    assert_eq!(act(&world.api, "r/rollback", json!({})).await, ("queued".to_owned(), 5, false));
    world.api.post("/api/v1/workflows/r/rollback", json!({})).await.problem(409, "no_history");
    world.api.go("r", "allocated").await;
    assert_eq!(act(&world.api, "r/rollback", json!({})).await, ("queued".to_owned(), 7, false), "a new way back");
}

#[tokio::test]
async fn a_cancelled_workflow_has_ended_and_only_a_reconciliation_revives_it() {
    let world = World::open();
    world.api.create("c", "dispatch").await;
    assert_eq!(act(&world.api, "c/cancel", json!({"reason": "false alarm"})).await, ("cancelled".to_owned(), 2, true));
    for (path, body) in [("cancel", json!({})), ("rollback", json!({})), ("transitions", json!({"to": "allocated"}))] {
        world.api.post(&format!("{WORKFLOWS}/c/{path}"), body).await.problem(409, "terminal_state");
    }
    assert_eq!(act(&world.api, "c/reconcile", json!({"to": "allocated"})).await, ("allocated".to_owned(), 3, false));
    world.api.post("/api/v1/workflows/c/rollback", json!({})).await.problem(409, "no_history");
}

#[tokio::test]
async fn commands_that_need_nothing_take_no_body() {
    let world = World::open();
    world.api.create("n", "dispatch").await;
    world.api.go("n", "allocated").await;
    for (path, state) in [("rollback", "queued"), ("cancel", "cancelled")] {
        let answer = world.api.send(world.api.request("POST", &format!("{WORKFLOWS}/n/{path}"))).await;
        assert_eq!(answer.json(200)["state"], state);
    }
}

#[tokio::test]
async fn a_clone_stands_where_its_source_stood_and_goes_its_own_way() {
    let world = World::open();
    let source = json!({"id": "source", "machine": "dispatch", "attributes": {"unit": "E1"}});
    world.api.post(WORKFLOWS, source).await.json(201);
    for to in ["allocated", "departed"] {
        world.api.go("source", to).await;
    }
    let cloned = world.api.post("/api/v1/workflows/source/clone", json!({"new_id": "copy"})).await;
    let body = cloned.json(201);
    assert_eq!((&body["state"], &body["version"], &body["attributes"]), (&json!("departed"), &json!(1), &json!({"unit": "E1"})));
    assert_eq!(cloned.header("location"), Some("/api/v1/workflows/copy"));
    assert_eq!(act(&world.api, "copy/rollback", json!({})).await, ("allocated".to_owned(), 2, false), "with its source's way here");
    assert_eq!(world.api.get("/api/v1/workflows/source").await.json(200)["version"], 3, "the source does not notice");
    let first = world.api.get("/api/v1/workflows/copy/events").await.json(200)["items"][0].clone();
    assert_eq!(
        (&first["type"], &first["data"]["source"], &first["data"]["source_version"]),
        (&json!("cloned"), &json!("source"), &json!(3))
    );
}

#[tokio::test]
async fn nothing_is_cloned_from_nothing_or_onto_something() {
    let world = World::open();
    world.api.create("taken", "dispatch").await;
    world.api.create("other", "dispatch").await;
    world.api.post("/api/v1/workflows/nobody/clone", json!({"new_id": "new"})).await.problem(404, "entity_not_found");
    world.api.get("/api/v1/workflows/new").await.problem(404, "entity_not_found");
    for target in ["taken", "other"] {
        let refused = world.api.post("/api/v1/workflows/taken/clone", json!({"new_id": target})).await;
        refused.problem(409, "duplicate_entity");
    }
    assert_eq!(world.api.feed().await.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_its_reason() {
    let world = World::open();
    world.api.create("d", "dispatch").await;
    let none: &[&str] = &[];
    let rows: [(&str, Value, u16, &str, &[&str]); 13] = [
        ("", json!({"id": "d", "machine": "dispatch"}), 409, "duplicate_entity", &["id: duplicate_entity"]),
        ("", json!({"machine": "nosuch"}), 400, "unknown_machine", &["machine: unknown_machine"]),
        ("", json!({"machine": "dispatch", "initial_state": "review"}), 400, "unknown_state", &["initial_state: unknown_state"]),
        ("", json!({"machine": "dispatch", "attributes": {"a": [1]}}), 400, "invalid_attributes", &["attributes.a: invalid_attributes"]),
        ("/d/transitions", json!({"to": "arrived"}), 409, "invalid_transition", &["to: invalid_transition"]),
        ("/d/transitions", json!({"to": "nowhere"}), 400, "unknown_state", &["to: unknown_state"]),
        ("/d/steps", json!({"step": "arrived", "outcome": "started"}), 409, "invalid_transition", &["step: invalid_transition"]),
        ("/d/steps", json!({"step": "allocated", "outcome": "failed"}), 409, "invalid_transition", &["-: invalid_transition"]),
        ("/d/steps", json!({"step": "allocated", "outcome": "done"}), 400, "invalid_field", &["outcome: invalid_field"]),
        ("/d/reconcile", json!({"to": "nowhere"}), 400, "unknown_state", &["to: unknown_state"]),
        ("/nobody/transitions", json!({"to": "allocated"}), 404, "entity_not_found", &["-: entity_not_found"]),
        ("/nobody/cancel", json!({}), 404, "entity_not_found", &["-: entity_not_found"]),
        ("/nobody/events", Value::Null, 404, "entity_not_found", none),
    ];
    for (path, body, status, code, faults) in rows {
        let full = format!("{WORKFLOWS}{path}");
        let answer = if body.is_null() { world.api.get(&full).await } else { world.api.post(&full, body.clone()).await };
        assert_eq!(answer.faults(status, code), faults, "{path} {body}");
    }
    assert_eq!(world.api.feed().await.len(), 1, "nothing of it is stored");
}
