//! A request that is repeated under its key is done once and answered as the first time.

use super::answer::Answer;
use super::client::Api;
use super::given::World;
use futures_util::future::join_all;
use serde_json::{Value, json};

const WORKFLOWS: &str = "/api/v1/workflows";

async fn keyed(api: &Api, path: &str, body: Value, key: &str) -> Answer {
    api.post_with(&format!("{WORKFLOWS}{path}"), body, &[("idempotency-key", key)]).await
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

fn assert_same(first: &Answer, repeat: &Answer) {
    assert_eq!((repeat.status, &repeat.text), (first.status, &first.text));
    for name in ["etag", "location", "content-type"] {
        assert_eq!(repeat.header(name), first.header(name), "{name}");
    }
    assert!(replayed(repeat), "a repeat says so");
}

/// One request of each kind, each lawful after the one before.
const STORY: [(&str, &str); 7] = [
    ("", r#"{"id": "w", "machine": "workflow", "attributes": {"n": 1}}"#),
    ("/w/transitions", r#"{"to": "validated"}"#),
    ("/w/steps", r#"{"step": "scheduled", "outcome": "completed"}"#),
    ("/w/rollback", "{}"),
    ("/w/clone", r#"{"new_id": "copy"}"#),
    ("/w/reconcile", r#"{"to": "scheduled"}"#),
    ("/w/cancel", r#"{"reason": "enough"}"#),
];

async fn tell(api: &Api) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (index, (path, body)) in STORY.iter().enumerate() {
        let body = serde_json::from_str(body).expect("JSON");
        answers.push(keyed(api, path, body, &format!("key-{index}")).await);
    }
    answers
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_though_the_workflow_moved_on() {
    let world = World::open();
    let first = tell(&world.api).await;
    assert!(first.iter().all(|answer| answer.status < 300 && !replayed(answer)), "{first:?}");
    let events = world.api.feed().await;
    assert_eq!(events.len(), STORY.len());
    for _ in 0..2 {
        let again = tell(&world.api).await;
        first.iter().zip(&again).for_each(|(first, repeat)| assert_same(first, repeat));
    }
    assert_eq!(world.api.feed().await, events, "nothing was added");
}

#[tokio::test]
async fn a_repeat_is_known_after_a_power_cut() {
    let world = World::durable();
    let first = tell(&world.api).await;
    let events = world.api.feed().await;
    let world = world.killed_and_restarted();
    let again = tell(&world.api).await;
    first.iter().zip(&again).for_each(|(first, repeat)| assert_same(first, repeat));
    assert_eq!(world.api.feed().await, events, "nothing was added");
}

#[tokio::test]
async fn fifty_at_once_are_one() {
    let world = World::durable();
    let create = json!({"id": "w", "machine": "dispatch"});
    let created = join_all((0..50).map(|_| keyed(&world.api, "", create.clone(), "create"))).await;
    let moved = join_all((0..50).map(|_| keyed(&world.api, "/w/transitions", json!({"to": "allocated"}), "move"))).await;
    let nameless = join_all((0..50).map(|_| keyed(&world.api, "", json!({"machine": "mission"}), "nameless"))).await;
    assert_eq!(world.api.feed().await.len(), 3);
    for (answers, status) in [(created, 201), (moved, 200), (nameless, 201)] {
        for answer in &answers {
            assert_eq!((answer.status, &answer.text), (status, &answers[0].text));
        }
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let world = World::open();
    keyed(&world.api, "", json!({"id": "w", "machine": "dispatch"}), "create").await.json(201);
    keyed(&world.api, "/w/transitions", json!({"to": "allocated"}), "move").await.json(200);
    let events = world.api.feed().await;
    for (path, body, key) in [
        ("", json!({"id": "w", "machine": "mission"}), "create"),
        ("", json!({"id": "w", "machine": "dispatch", "attributes": {"a": 1}}), "create"),
        ("", json!({"id": "w", "machine": "dispatch", "occurred_at": "2026-01-01T00:00:00Z"}), "create"),
        ("/w/transitions", json!({"to": "departed"}), "move"),
        ("/w/transitions", json!({"to": "allocated", "reason": "r"}), "move"),
        ("/w/transitions", json!({"to": "allocated", "expected_version": 1}), "move"),
        ("/w/transitions", json!({"to": "allocated"}), "create"),
        ("/w/cancel", json!({}), "move"),
    ] {
        let refused = keyed(&world.api, path, body.clone(), key).await;
        assert_eq!(refused.problem(409, "idempotency_key_reused")["retryable"], false, "{path} {body}");
    }
    assert_eq!(world.api.feed().await, events);
}

#[tokio::test]
async fn the_same_request_may_be_written_differently() {
    let world = World::open();
    let first = keyed(&world.api, "", json!({"id": "w", "machine": "dispatch"}), "k").await;
    let request = world.api.request("POST", WORKFLOWS).header("idempotency-key", "k").header("content-type", "application/json");
    let spelt = request.body("{ \"machine\":\"dispatch\",\n \"attributes\": null, \"id\": \"\\u0077\" }");
    assert_same(&first, &world.api.send(spelt).await);
}

#[tokio::test]
async fn without_a_name_the_key_names_the_workflow() {
    let world = World::open();
    let first = keyed(&world.api, "", json!({"machine": "dispatch"}), "one").await;
    let again = keyed(&world.api, "", json!({"machine": "dispatch"}), "one").await;
    let other = keyed(&world.api, "", json!({"machine": "dispatch"}), "two").await;
    assert_same(&first, &again);
    assert_ne!(first.json(201)["id"], other.json(201)["id"]);
    keyed(&world.api, "", json!({"machine": "mission"}), "one").await.problem(409, "idempotency_key_reused");
}

#[tokio::test]
async fn a_refusal_does_not_use_the_key_up() {
    let world = World::open();
    world.api.create("w", "dispatch").await;
    keyed(&world.api, "/w/transitions", json!({"to": "departed"}), "k").await.problem(409, "invalid_transition");
    world.api.go("w", "allocated").await;
    let done = keyed(&world.api, "/w/transitions", json!({"to": "departed"}), "k").await;
    assert_eq!((done.json(200)["version"].as_u64(), replayed(&done)), (Some(3), false));
}

#[tokio::test]
async fn a_precondition_does_not_spoil_a_repeat() {
    let world = World::open();
    world.api.create("w", "dispatch").await;
    let path = format!("{WORKFLOWS}/w/transitions");
    let headers = [("idempotency-key", "k"), ("if-match", "\"1\"")];
    let first = world.api.post_with(&path, json!({"to": "allocated"}), &headers).await;
    assert_eq!(first.status, 200);
    assert_same(&first, &world.api.post_with(&path, json!({"to": "allocated"}), &headers).await);
    let body = json!({"to": "departed", "expected_version": 2});
    let first = keyed(&world.api, "/w/transitions", body.clone(), "k2").await;
    assert_eq!(first.status, 200);
    assert_same(&first, &keyed(&world.api, "/w/transitions", body, "k2").await);
}

#[tokio::test]
async fn a_key_is_one_short_word() {
    let world = World::open();
    for (keys, lawful) in [
        (vec!["k".to_owned()], true),
        (vec!["~".repeat(255)], true),
        (vec!["~".repeat(256)], false),
        (vec!["k".repeat(5_000)], false),
        (vec![String::new()], false),
        (vec!["two words".to_owned()], false),
        (vec!["tab\there".to_owned()], false),
        (vec!["naïve".to_owned()], false),
        (vec!["a".to_owned(), "a".to_owned()], false),
    ] {
        let request = world.api.request("POST", WORKFLOWS).json(&json!({"machine": "dispatch"}));
        let request = keys.iter().fold(request, |request, key| request.header("idempotency-key", key.as_bytes()));
        let answer = world.api.send(request).await;
        if lawful {
            answer.json(201);
        } else {
            assert_eq!(answer.faults(400, "invalid_idempotency_key"), ["Idempotency-Key: invalid_idempotency_key"], "{keys:?}");
        }
    }
    assert_eq!(world.api.feed().await.len(), 2);
}
