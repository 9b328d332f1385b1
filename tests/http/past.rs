//! The two time axes: what had happened by then, and what was known by then.

use super::client::Api;
use super::given::World;
use serde_json::json;

const HAPPENED: [(&str, &str); 3] =
    [("queued", "2017-01-01T08:00:00Z"), ("allocated", "2017-01-01T08:01:00Z"), ("departed", "2017-01-01T08:02:00Z")];

/// A call of long ago, and when each of its events became known.
async fn call_of_2017(api: &Api) -> Vec<jiff::Timestamp> {
    let [(_, received), moves @ ..] = HAPPENED;
    let first = json!({"id": "call", "machine": "dispatch", "occurred_at": received});
    let mut answers = vec![api.post("/api/v1/workflows", first).await.json(201)];
    for (to, at) in moves {
        answers.push(api.post("/api/v1/workflows/call/transitions", json!({"to": to, "occurred_at": at})).await.json(200));
    }
    answers.iter().map(|body| body["recorded_at"].as_str().expect("a time").parse().expect("a time")).collect()
}

/// State and version, or none if there was nothing.
async fn seen(api: &Api, query: &str) -> Option<(String, u64)> {
    let answer = api.get(&format!("/api/v1/workflows/call{query}")).await;
    if answer.status == 404 {
        answer.problem(404, "entity_not_found");
        return None;
    }
    let body = answer.json(200);
    assert_eq!(answer.header("etag"), Some(format!("\"{}\"", body["version"]).as_str()));
    Some((body["state"].as_str().expect("a state").to_owned(), body["version"].as_u64().expect("a version")))
}

#[tokio::test]
async fn at_counts_what_had_happened_by_then_inclusive() {
    let world = World::open();
    call_of_2017(&world.api).await;
    for (at, expected) in [
        ("2017-01-01T07:59:59.999999Z", None),
        ("2017-01-01T08:00:00Z", Some(("queued", 1))),
        ("2017-01-01T08:00:59.999999Z", Some(("queued", 1))),
        ("2017-01-01T08:01:00Z", Some(("allocated", 2))),
        ("2017-01-01T00:01:30-08:00", Some(("allocated", 2))),
        ("2017-01-01T08:02:00Z", Some(("departed", 3))),
        ("9999-12-31T23:59:59Z", Some(("departed", 3))),
        ("0001-01-01T00:00:00Z", None),
    ] {
        let expected = expected.map(|(state, version)| (state.to_owned(), version));
        assert_eq!(seen(&world.api, &format!("?at={at}")).await, expected, "{at}");
    }
}

#[tokio::test]
async fn known_at_counts_what_was_recorded_by_then_inclusive() {
    let world = World::open();
    let known = call_of_2017(&world.api).await;
    let microsecond = jiff::SignedDuration::from_micros(1);
    for (index, (state, _)) in HAPPENED.iter().enumerate() {
        let expected = Some(((*state).to_owned(), index as u64 + 1));
        assert_eq!(seen(&world.api, &format!("?known_at={}", known[index])).await, expected);
        let before = index.checked_sub(1).map(|last| (HAPPENED[last].0.to_owned(), last as u64 + 1));
        assert_eq!(seen(&world.api, &format!("?known_at={}", known[index] - microsecond)).await, before);
    }
}

#[tokio::test]
async fn of_both_axes_the_shorter_past_counts() {
    let world = World::open();
    let known = call_of_2017(&world.api).await;
    for (at, known_at, expected) in [
        ("2017-01-01T08:02:00Z", known[1], Some(("allocated", 2))),
        ("2017-01-01T08:00:30Z", known[2], Some(("queued", 1))),
        ("2017-01-01T08:02:00Z", known[2], Some(("departed", 3))),
        ("2016-12-31T00:00:00Z", known[2], None),
        ("2017-01-01T08:02:00Z", jiff::Timestamp::UNIX_EPOCH, None),
    ] {
        let expected = expected.map(|(state, version)| (state.to_owned(), version));
        assert_eq!(seen(&world.api, &format!("?at={at}&known_at={known_at}")).await, expected, "{at} {known_at}");
    }
}

#[tokio::test]
async fn a_time_that_is_none_is_refused() {
    let world = World::open();
    call_of_2017(&world.api).await;
    for text in ["", "now", "2017-01-01", "2017-01-01T08:00:00", "2017-02-29T08:00:00Z", "1483257600"] {
        let answer = world.api.get(&format!("/api/v1/workflows/call?at={text}&known_at={text}")).await;
        assert_eq!(answer.faults(400, "invalid_time"), ["at: invalid_time", "known_at: invalid_time"], "{text}");
    }
    world.api.get("/api/v1/workflows/call?as_of=2017-01-01T08:00:00Z").await.problem(400, "unknown_field");
    assert_eq!(world.api.get("/api/v1/workflows/nobody?at=2017-01-01T08:00:00Z").await.status, 404);
}
