//! Versions and times that a client states: what is stale, too early or too late is refused and changes nothing.

use super::answer::Answer;
use super::client::Api;
use super::given::World;
use serde_json::{Value, json};

const MOVES: &str = "/api/v1/workflows/w/transitions";

async fn matched(api: &Api, if_match: &str, body: Value) -> Answer {
    api.post_with(MOVES, body, &[("if-match", if_match)]).await
}

#[tokio::test]
async fn a_stale_etag_is_412_and_the_present_one_passes() {
    let world = World::open();
    world.api.create("w", "mission").await;
    world.api.go("w", "queued").await;
    for (if_match, status, code) in [
        ("\"1\"", 412, "precondition_failed"),
        ("\"3\"", 412, "precondition_failed"),
        ("\"0\"", 412, "precondition_failed"),
        ("\"abc\"", 412, "precondition_failed"),
        ("W/\"2\"", 412, "precondition_failed"),
        ("2", 400, "invalid_field"),
        ("\"1\", \"2\"", 400, "invalid_field"),
    ] {
        matched(&world.api, if_match, json!({"to": "executing"})).await.problem(status, code);
    }
    let etag = world.api.get("/api/v1/workflows/w").await.header("etag").expect("an ETag").to_owned();
    let moved = matched(&world.api, &etag, json!({"to": "executing"})).await;
    assert_eq!((moved.json(200)["version"].as_u64(), moved.header("etag")), (Some(3), Some("\"3\"")));
    matched(&world.api, "*", json!({"to": "paused"})).await.json(200);
    matched(&world.api, &etag, json!({"to": "executing"})).await.problem(412, "precondition_failed");
}

#[tokio::test]
async fn a_stale_expected_version_is_409() {
    let world = World::open();
    world.api.create("w", "mission").await;
    for expected in [0, 2, u64::MAX] {
        let refused = world.api.post(MOVES, json!({"to": "queued", "expected_version": expected})).await;
        assert_eq!(refused.faults(409, "version_conflict"), ["expected_version: version_conflict"], "{expected}");
    }
    world.api.post(MOVES, json!({"to": "queued", "expected_version": 1})).await.json(200);
    for (path, body) in [
        ("steps", json!({"step": "executing", "outcome": "started", "expected_version": 1})),
        ("rollback", json!({"expected_version": 1})),
        ("cancel", json!({"expected_version": 1})),
        ("reconcile", json!({"to": "planned", "expected_version": 1})),
    ] {
        world.api.post(&format!("/api/v1/workflows/w/{path}"), body).await.problem(409, "version_conflict");
    }
    assert_eq!(world.api.get("/api/v1/workflows/w").await.json(200)["version"], 2);
}

#[tokio::test]
async fn of_two_writers_with_one_version_one_loses() {
    let world = World::open();
    world.api.create("w", "mission").await;
    let body = json!({"to": "queued", "expected_version": 1});
    let (one, two) = tokio::join!(world.api.post(MOVES, body.clone()), world.api.post(MOVES, body));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(world.api.feed().await.len(), 2);
}

#[tokio::test]
async fn time_never_runs_backwards_in_a_workflow() {
    let world = World::open();
    let create = json!({"id": "w", "machine": "mission", "occurred_at": "2026-01-01T12:00:00Z"});
    world.api.post("/api/v1/workflows", create).await.json(201);
    let to = |to: &str, at: &str| json!({"to": to, "occurred_at": at});
    let early = world.api.post(MOVES, to("queued", "2026-01-01T11:59:59.999999Z")).await;
    assert_eq!(early.faults(409, "occurred_before_previous"), ["occurred_at: occurred_before_previous"]);
    let same = world.api.post(MOVES, to("queued", "2026-01-01T12:00:00Z")).await.json(200);
    assert_eq!(same["occurred_at"], "2026-01-01T12:00:00Z", "the very time of the event before is allowed");
    world.api.post(MOVES, to("executing", "2026-01-01T13:00:00+01:00")).await.json(200);
    let now = world.api.post(MOVES, json!({"to": "completed"})).await.json(200);
    assert!(now["occurred_at"].as_str() > Some("2026-01-01T12:00:00Z"), "absent: now");
}

#[tokio::test]
async fn the_future_begins_five_minutes_ahead() {
    let world = World::open();
    let ahead = |seconds: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string();
    let create = |at: String| json!({"id": "w", "machine": "mission", "occurred_at": at});
    for at in [ahead(330), ahead(86_400), "9999-12-31T23:59:59Z".to_owned()] {
        let refused = world.api.post("/api/v1/workflows", create(at)).await;
        assert_eq!(refused.faults(400, "occurred_in_future"), ["occurred_at: occurred_in_future"]);
    }
    let first = world.api.post("/api/v1/workflows", create(ahead(270))).await.json(201);
    assert_eq!(world.api.go("w", "queued").await["occurred_at"], first["occurred_at"], "absent: not before the last event");
}
