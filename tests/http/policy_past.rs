//! What had happened before a zone was halted is recorded while it is: policy stops what is to be done, not the record of what
//! was.

use super::client::Api;
use super::given::{Guarded, World};
use super::policy_tree::{plant, set};
use serde_json::{Value, json};

fn ago(hours: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours)).to_string()
}

async fn take_in(api: &Api, id: &str, hours: i64) {
    let call = json!({"id": id, "machine": "dispatch", "attributes": {"zone": "n1"}, "occurred_at": ago(hours)});
    api.post("/api/v1/workflows", call).await.json(201);
}

fn assign(id: &str) -> String {
    format!("/api/v1/workflows/{id}/transitions")
}

#[tokio::test]
async fn an_import_of_past_calls_passes_where_nothing_is_assigned_now() {
    let world = World::open();
    let api = &world.api;
    plant(api).await;
    set(api, "n1", "halted").await.json(200);
    for id in ["past", "present"] {
        take_in(api, id, 48).await;
    }
    let moved = api.post(&assign("past"), json!({"to": "allocated", "occurred_at": ago(47)})).await.json(200);
    assert_eq!(moved["state"], "allocated");
    api.post(&assign("present"), json!({"to": "allocated"})).await.problem(409, "policy_halted");
    let events = api.get("/api/v1/workflows/past/events").await.json(200);
    let recorded = events["items"].as_array().expect("items").last().expect("a move").clone();
    assert_eq!(
        (&recorded["type"], recorded["data"].get("policy")),
        (&json!("transitioned"), None::<&Value>),
        "it was not decided under it"
    );
}

#[tokio::test]
async fn a_dispatcher_cannot_date_a_move_back_to_before_the_halt() {
    let world = Guarded::start();
    let [admin, supervisor, dispatcher] = ["admin", "supervisor", "dispatcher"].map(|role| world.member("acme", role));
    plant(&admin).await;
    take_in(&dispatcher, "w", 2).await;
    set(&supervisor, "n1", "halted").await.json(200);
    let back = json!({"to": "allocated", "occurred_at": ago(1)});
    dispatcher.post(&assign("w"), back.clone()).await.problem(409, "policy_halted");
    supervisor.post(&assign("w"), back).await.json(200);
}
