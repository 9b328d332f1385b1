//! Batches in: each is journaled before it is acknowledged, and one that can never be taken in is put aside.

use super::given::{World, until};
use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use serde_json::{Value, json};

async fn publish(world: &World, jetstream: &Context, headers: &[(&str, &str)], payload: &str) {
    let mut all = HeaderMap::new();
    world.key.iter().for_each(|key| all.insert("X-Api-Key", key.as_str()));
    for (name, value) in headers {
        // An empty one takes the key away.
        if value.is_empty() { all = HeaderMap::new() } else { all.insert(*name, *value) }
    }
    let sent = jetstream.publish_with_headers("ionveil.intake", all, payload.to_owned().into()).await.expect("sent");
    sent.await.expect("acknowledged");
}

async fn waiting(jetstream: &Context, stream: &str) -> u64 {
    jetstream.get_stream(stream).await.expect("a stream").cached_info().state.messages
}

fn rows() -> Value {
    let row = json!({"command_id": "c-1", "satellite_id": "s-1", "intent": "move", "issued_by": "ops", "signature": "x", "deadline": "2999-01-01T00:00:00Z"});
    json!([row, {"bad": 1}])
}

#[tokio::test]
async fn a_batch_is_taken_in_once_and_is_gone_from_the_stream_then() {
    let world = World::guarded();
    world.connected("intake").await;
    let jetstream = async_nats::jetstream::new(world.client().await);
    for _ in 0..2 {
        publish(&world, &jetstream, &[("Batch-Id", "night-1")], &rows().to_string()).await;
    }
    publish(&world, &jetstream, &[], &json!({"batch_id": "night-2", "rows": rows()}).to_string()).await;
    let lines: String = rows().as_array().expect("rows").iter().map(|row| format!("{row}\n")).collect();
    publish(&world, &jetstream, &[("Batch-Id", "night-3"), ("Content-Type", "application/x-ndjson")], &lines).await;
    for batch in ["night-1", "night-2", "night-3"] {
        let taken = until("the batch", async || {
            let (status, body) = world.get(&format!("/api/v1/intake/batches/{batch}")).await;
            (status == 200 && body["completed"] == true).then_some(body)
        });
        let taken = taken.await;
        assert_eq!((&taken["stats"]["rows"], &taken["stats"]["rejected"]), (&json!(2), &json!(1)), "{taken}");
    }
    until("an empty stream", async || (waiting(&jetstream, "IONVEIL_INTAKE").await == 0).then_some(())).await;
    assert_eq!(waiting(&jetstream, "IONVEIL_INTAKE_REFUSED").await, 0);
    assert_eq!(world.figure("ionveil_nats_batches_total{outcome=\"taken\"}").await, Some(4.0));
}

#[tokio::test]
async fn a_batch_that_can_never_be_taken_in_is_put_aside_with_the_reason_and_without_its_credential() {
    let world = World::guarded();
    world.connected("intake").await;
    let jetstream = async_nats::jetstream::new(world.client().await);
    let bad = [
        (&[("Batch-Id", "b-1")][..], "[{", "malformed_json"),
        (&[], "[]", "missing_field"),
        (&[("Batch-Id", "no id!")], "[]", "invalid_id"),
        (&[("Batch-Id", "b-2"), ("Content-Type", "text/plain")], "[]", "unsupported_media_type"),
        (&[("nobody", ""), ("Batch-Id", "b-3")], "[]", "unauthenticated"),
    ];
    for (headers, payload, _) in bad {
        publish(&world, &jetstream, headers, payload).await;
    }
    until("all put aside", async || (waiting(&jetstream, "IONVEIL_INTAKE_REFUSED").await == 5).then_some(())).await;
    until("an empty stream", async || (waiting(&jetstream, "IONVEIL_INTAKE").await == 0).then_some(())).await;
    let refused = jetstream.get_stream("IONVEIL_INTAKE_REFUSED").await.expect("the stream");
    let mut found = Vec::new();
    for sequence in 1..=5 {
        let message = refused.get_raw_message(sequence).await.expect("a message");
        let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
        let problem: Value = serde_json::from_str(&header("Ionveil-Problem").expect("a problem")).expect("JSON");
        assert_eq!((problem["code"].as_str().map(str::to_owned), header("X-Api-Key")), (header("Ionveil-Code"), None));
        found.push((String::from_utf8(message.payload.to_vec()).expect("UTF-8"), header("Ionveil-Code").expect("a code")));
    }
    let mut expected: Vec<_> = bad.iter().map(|(_, payload, code)| ((*payload).to_owned(), (*code).to_owned())).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
