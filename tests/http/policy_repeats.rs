//! Commands to the policy tree that are repeated under their key: done once, recorded once, answered as the first time, also
//! if the answer was a refusal that is on the record.

use super::answer::Answer;
use super::client::Api;
use super::given::World;
use super::policy_tree::{NODES, ROOT, count, levels, plant, set, set_root};
use serde_json::{Value, json};

async fn keyed(api: &Api, method: &str, path: &str, body: &Value, key: &str) -> Answer {
    api.send(api.request(method, path).header("idempotency-key", key).json(body)).await
}

/// One request of each kind, each lawful after the one before.
fn story() -> [(&'static str, String, Value); 8] {
    let of = |path: &str| format!("{NODES}{path}");
    let by = |level: &str| json!({"level": level, "authorization": "chief"});
    [
        ("POST", of(""), json!({"id": "x", "kind": "zone", "parent": "north"})),
        ("POST", of("/x/override"), by("restricted")),
        ("POST", of("/x/outcomes"), json!({"success": false})),
        ("PUT", ROOT.to_owned(), by("watch")),
        ("POST", of("/x/move"), json!({"parent": "fire"})),
        ("DELETE", of("/x/override"), json!({"authorization": "chief"})),
        ("POST", of("/n1/override"), by("halted")),
        ("DELETE", of("/x"), json!({})),
    ]
}

async fn tell(api: &Api) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (index, (method, path, body)) in story().iter().enumerate() {
        answers.push(keyed(api, method, path, body, &format!("key-{index}")).await);
    }
    answers
}

/// Without what reactors add when they come to it.
async fn commanded(api: &Api) -> Vec<Value> {
    let events = api.feed().await;
    let asked = |event: &Value| {
        event["type"] == "outcome_recorded" || !event["stream"].as_str().is_some_and(|name| name.starts_with("policy-engine"))
    };
    events.into_iter().filter(asked).collect()
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_though_the_tree_moved_on() {
    let world = World::durable();
    plant(&world.api).await;
    let first = tell(&world.api).await;
    assert!(first.iter().all(|answer| answer.status < 300 && answer.header("idempotency-replayed").is_none()), "{first:?}");
    let events = commanded(&world.api).await;
    let world = world.killed_and_restarted();
    for _ in 0..2 {
        for (first, repeat) in first.iter().zip(tell(&world.api).await) {
            assert_eq!((repeat.status, &repeat.text), (first.status, &first.text));
            assert_eq!((repeat.header("etag"), repeat.header("location")), (first.header("etag"), first.header("location")));
            assert_eq!(repeat.header("idempotency-replayed"), Some("true"), "a repeat says so");
        }
    }
    assert_eq!(commanded(&world.api).await, events, "nothing was added");
}

#[tokio::test]
async fn a_refusal_on_the_record_is_recorded_once() {
    let world = World::open();
    plant(&world.api).await;
    set(&world.api, "north", "restricted").await.json(200);
    let path = format!("{NODES}/n1/override");
    let refused = async |level: &str| keyed(&world.api, "POST", &path, &json!({"level": level, "authorization": "chief"}), level).await;
    for (level, code) in [("watch", "deescalation_forbidden"), ("restricted", "no_effect")] {
        let first = refused(level).await;
        first.problem(409, code);
        assert_eq!(first.header("idempotency-replayed"), None);
    }
    // What was refused would be lawful now; the repeats are answered as the first ones were.
    set_root(&world.api, "normal").await.problem(409, "no_change");
    assert_eq!(levels(&world.api).await[2], "n1 restricted north");
    world.api.delete(&format!("{NODES}/north/override?authorization=a")).await.json(200);
    for (level, code) in [("watch", "deescalation_forbidden"), ("restricted", "no_effect")] {
        let again = refused(level).await;
        again.problem(409, code);
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "a repeat says so");
    }
    assert_eq!(count(&world.api, "override_rejected").await, 2, "nothing is recorded twice");
    assert_eq!(levels(&world.api).await[2], "n1 normal city");
}

#[tokio::test]
async fn the_same_key_with_another_wish_is_refused() {
    let world = World::open();
    plant(&world.api).await;
    let path = format!("{NODES}/n1/override");
    let wish = json!({"level": "halted", "authorization": "chief"});
    keyed(&world.api, "POST", &path, &wish, "k").await.json(200);
    let others = [
        ("POST", path.clone(), json!({"level": "watch", "authorization": "chief"})),
        ("POST", path.clone(), json!({"level": "halted", "authorization": "deputy"})),
        ("POST", path.clone(), json!({"level": "halted", "authorization": "chief", "reason": "r"})),
        ("POST", path.clone(), json!({"level": "halted", "authorization": "chief", "expected_version": 6})),
        ("POST", format!("{NODES}/n2/override"), wish.clone()),
        ("DELETE", path.clone(), json!({"authorization": "chief"})),
        ("PUT", ROOT.to_owned(), wish.clone()),
    ];
    for (method, path, body) in others {
        keyed(&world.api, method, &path, &body, "k").await.problem(409, "idempotency_key_reused");
    }
    assert_eq!(keyed(&world.api, "POST", &path, &wish, "k").await.json(200)["effective"], "halted");
}
