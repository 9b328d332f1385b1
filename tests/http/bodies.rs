//! Hostile bodies, queries and names: each is refused with what is wrong with it, and nothing is stored.

use super::answer::Answer;
use super::client::Api;
use super::given::World;
use serde_json::{Value, json};

const WORKFLOWS: &str = "/api/v1/workflows";

async fn post_text(api: &Api, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    api.send(api.request("POST", path).header("content-type", "application/json").body(body)).await
}

/// A world in which one workflow is there and nothing else must come in.
async fn one_workflow() -> (World, Vec<Value>) {
    let world = World::configured("[server]\nbody_limit_bytes = 20000\nbody_depth_max = 8\n");
    world.api.create("w", "dispatch").await;
    let before = world.api.feed().await;
    (world, before)
}

#[tokio::test]
async fn every_fault_of_a_body_is_named_at_once() {
    let (world, before) = one_workflow().await;
    let wrong =
        json!({"id": 7, "machine": 1.5, "initial_state": [], "attributes": [], "occurred_at": 1_483_257_600, "expected_version": "1"});
    let all_wrong = [
        "id: invalid_field",
        "machine: invalid_field",
        "initial_state: invalid_field",
        "attributes: invalid_field",
        "occurred_at: invalid_field",
        "expected_version: invalid_field",
    ];
    for (path, body, faults) in [
        ("", json!({}), &["machine: missing_field"][..]),
        ("", wrong, &all_wrong),
        (
            "",
            json!({"machine": "", "mashine": "dispatch", "org": "acme"}),
            &["machine: invalid_field", "mashine: unknown_field", "org: unknown_field"],
        ),
        ("", json!({"machine": null}), &["machine: invalid_field"]),
        ("", json!({"id": "", "machine": "dispatch"}), &["id: invalid_id"]),
        ("", json!({"id": "a/b", "machine": "dispatch"}), &["id: invalid_id"]),
        ("", json!({"id": "a".repeat(129), "machine": "dispatch"}), &["id: invalid_id"]),
        ("", json!({"id": "a".repeat(10_240), "machine": "dispatch"}), &["id: invalid_id"]),
        ("", json!({"id": "a\u{0}b", "machine": "dispatch"}), &["id: invalid_id"]),
        ("", json!({"id": "ä", "machine": "dispatch"}), &["id: invalid_id"]),
        ("", json!({"id": "../w", "machine": "dispatch"}), &["id: invalid_id"]),
        ("", json!({"machine": "dis\u{7}patch"}), &["machine: invalid_field"]),
        ("", json!({"machine": "m".repeat(64)}), &["machine: invalid_field"]),
        ("", json!({"machine": "dispatch", "occurred_at": "yesterday"}), &["occurred_at: invalid_time"]),
        ("", json!({"machine": "dispatch", "expected_version": -1}), &["expected_version: invalid_field"]),
        ("", json!({"machine": "dispatch", "expected_version": 1.0}), &["expected_version: invalid_field"]),
        ("/w/transitions", json!({"to": ["allocated"], "reason": {}}), &["to: invalid_field", "reason: invalid_field"]),
        ("/w/transitions", json!({"to": "allocated", "reason": "a\nb"}), &["reason: invalid_field"]),
        ("/w/transitions", json!({"to": "allocated", "reason": "r".repeat(1_025)}), &["reason: invalid_field"]),
        ("/w/steps", json!({"outcome": 1}), &["step: missing_field", "outcome: invalid_field"]),
        ("/w/rollback", json!({"to": "queued"}), &["to: unknown_field"]),
        ("/w/cancel", json!({"reason": false}), &["reason: invalid_field"]),
        ("/w/clone", json!({}), &["new_id: missing_field"]),
        ("/w/clone", json!({"new_id": "a b"}), &["new_id: invalid_id"]),
        ("/w/reconcile", json!({"state": "queued"}), &["to: missing_field", "state: unknown_field"]),
        ("/w/cancel", json!([]), &["-: invalid_field"]),
        ("/w/cancel", json!(null), &["-: invalid_field"]),
        ("/w/cancel", json!("x"), &["-: invalid_field"]),
    ] {
        let answer = world.api.post(&format!("{WORKFLOWS}{path}"), body.clone()).await;
        let code = faults[0].split(": ").nth(1).expect("a code");
        assert_eq!(answer.faults(400, code), faults, "{path} {body}");
        assert!(answer.text.len() < 4_000, "an answer does not repeat kilobytes");
    }
    assert_eq!(world.api.feed().await, before);
}

#[tokio::test]
async fn text_that_is_no_json_is_refused() {
    let (world, before) = one_workflow().await;
    let with = |attribute: &str| format!("{{\"machine\": \"dispatch\", \"attributes\": {{\"n\": {attribute}}}}}");
    let deep = |levels: usize| with(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    for (body, code) in [
        (String::new(), "malformed_json"),
        ("   ".to_owned(), "malformed_json"),
        ("{".to_owned(), "malformed_json"),
        ("{\"machine\": \"dispatch\"} {}".to_owned(), "malformed_json"),
        ("{\"machine\": \"dispatch\",}".to_owned(), "malformed_json"),
        ("{'machine': 'dispatch'}".to_owned(), "malformed_json"),
        ("{\"machine\": \"dispatch\" /* it */}".to_owned(), "malformed_json"),
        (with("NaN"), "malformed_json"),
        (with("Infinity"), "malformed_json"),
        (with("-Infinity"), "malformed_json"),
        (with("1e999"), "malformed_json"),
        (with("01"), "malformed_json"),
        ("{\"machine\": \"\\ud800\"}".to_owned(), "malformed_json"),
        ("{\"machine\": \"dis\tpatch\"}".to_owned(), "malformed_json"),
        ("\u{feff}{\"machine\": \"dispatch\"}".to_owned(), "malformed_json"),
        ("machine=dispatch".to_owned(), "malformed_json"),
        ("<machine>dispatch</machine>".to_owned(), "malformed_json"),
        (deep(7), "body_too_deep"),
        (deep(5_000), "body_too_deep"),
        ("{\"machine\": \"dispatch\", \"machine\": \"mission\"}".to_owned(), "duplicate_key"),
        ("{\"machine\": \"dispatch\", \"mach\\u0069ne\": \"dispatch\"}".to_owned(), "duplicate_key"),
        ("{\"machine\": \"dispatch\", \"attributes\": {\"a\": 1, \"a\": 2}}".to_owned(), "duplicate_key"),
    ] {
        let answer = post_text(&world.api, WORKFLOWS, body.clone()).await;
        assert_eq!(answer.status, 400, "{body:.60}: {}", answer.text);
        answer.problem(400, code);
    }
    for bytes in [&b"{\"machine\": \"\xff\"}"[..], b"\xff\xfe{\0}\0", b"\0"] {
        post_text(&world.api, WORKFLOWS, bytes).await.problem(400, "malformed_json");
    }
    let twice = post_text(&world.api, WORKFLOWS, "{\"machine\":\"dispatch\",\"machine\":\"x\",\"attributes\":{\"a\":1,\"a\":2}}").await;
    assert_eq!(twice.faults(400, "duplicate_key"), ["machine: duplicate_key", "attributes.a: duplicate_key"]);
    assert_eq!(world.api.feed().await, before);
}

#[tokio::test]
async fn attributes_are_few_short_and_flat() {
    let (world, before) = one_workflow().await;
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("a{n}"), json!(n))).collect();
    for (attributes, field) in [
        (Value::Object(many), "attributes"),
        (json!({"a": null}), "attributes.a"),
        (json!({"a": {"b": 1}}), "attributes.a"),
        (json!({"a": "x".repeat(1_025)}), "attributes.a"),
        (json!({"a": "x\u{0}"}), "attributes.a"),
    ] {
        let answer = world.api.post(WORKFLOWS, json!({"machine": "dispatch", "attributes": attributes})).await;
        assert_eq!(answer.faults(400, "invalid_attributes"), [format!("{field}: invalid_attributes")]);
    }
    for key in ["", "a b", "ä", "a\u{0}", &"k".repeat(65), &"k".repeat(10_240)] {
        let answer = world.api.post(WORKFLOWS, json!({"machine": "dispatch", "attributes": {key: 1}})).await;
        assert_eq!(answer.problem(400, "invalid_attributes")["errors"].as_array().map(Vec::len), Some(1), "{key:.20}");
        assert!(answer.text.len() < 2_000, "an answer does not repeat kilobytes");
    }
    assert_eq!(world.api.feed().await, before);
}

#[tokio::test]
async fn a_body_has_one_media_type_and_no_coding() {
    let (world, before) = one_workflow().await;
    let body = json!({"machine": "dispatch"}).to_string();
    for (name, headers) in [
        ("none", &[][..]),
        ("a form", &[("content-type", "application/x-www-form-urlencoded")]),
        ("text, which a foreign page may send", &[("content-type", "text/plain")]),
        ("a multipart form", &[("content-type", "multipart/form-data; boundary=x")]),
        ("nearly", &[("content-type", "application/jsonx")]),
        ("hidden in a parameter", &[("content-type", "text/plain; a=application/json")]),
        ("empty", &[("content-type", "")]),
        ("two", &[("content-type", "application/json"), ("content-type", "text/plain")]),
        ("coded", &[("content-type", "application/json"), ("content-encoding", "gzip")]),
    ] {
        let request = world.api.request("POST", WORKFLOWS).body(body.clone());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = world.api.send(request).await;
        assert_eq!(answer.status, 415, "{name}: {}", answer.text);
        answer.problem(415, "unsupported_media_type");
    }
    assert_eq!(world.api.feed().await, before);
    let spelt = world.api.request("POST", WORKFLOWS).header("content-type", "Application/JSON ; charset=utf-8").body(body);
    world.api.send(spelt).await.json(201);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_however_it_comes() {
    let (world, before) = one_workflow().await;
    let padded = |bytes: usize| {
        let body = json!({"id": "big", "machine": "dispatch"}).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    for path in [WORKFLOWS, "/api/v1/workflows/w/cancel"] {
        post_text(&world.api, path, padded(20_001)).await.problem(413, "body_too_large");
    }
    assert_eq!(world.api.feed().await, before);
    post_text(&world.api, WORKFLOWS, padded(20_000)).await.json(201);
}

#[tokio::test]
async fn a_query_is_spelt_right_and_says_each_thing_once() {
    let (world, before) = one_workflow().await;
    for (path, code) in [
        ("/api/v1/workflows?state=queued&state=queued", "duplicate_key"),
        ("/api/v1/workflows?state=queued&stat%65=allocated", "duplicate_key"),
        ("/api/v1/events?page_size=1&page_size=2", "duplicate_key"),
        ("/api/v1/workflows?state=%zz", "bad_request"),
        ("/api/v1/workflows?state=%", "bad_request"),
        ("/api/v1/workflows?state=%f", "bad_request"),
        ("/api/v1/workflows?state=%ff", "bad_request"),
        ("/api/v1/workflows?%c0%ae=1", "bad_request"),
        ("/api/v1/workflows?state=%00", "invalid_field"),
        ("/api/v1/workflows?state=a%0d%0ab", "invalid_field"),
        ("/api/v1/workflows?=", "unknown_field"),
        ("/api/v1/workflows?queued", "unknown_field"),
        ("/api/v1/workflows?state[]=queued", "unknown_field"),
        ("/api/v1/workflows/w?at=%2B", "invalid_time"),
        ("/api/v1/machines/dispatch/path?from=queued&to=arrived&to=queued", "duplicate_key"),
    ] {
        let answer = world.api.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        answer.problem(400, code);
    }
    assert_eq!(world.api.feed().await, before);
}
