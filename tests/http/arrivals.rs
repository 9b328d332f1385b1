//! Arrivals at incidents move the policy of their zones: late ones make it stricter, those in time milder, each once.

use super::client::Api;
use super::given::World;
use super::incidents::{at, caught_up, text};
use super::policy_tree::{levels, plant, until, until_event};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a reactor may be behind on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// When everything here happened, long ago: the hour, the minute.
fn then(hour: u32, minute: u32) -> String {
    format!("2026-01-02T{hour:02}:{minute:02}:00Z")
}

/// An incident of priority 3 (20 minutes) to which somebody was sent at the full hour and came so many minutes later.
async fn reached(api: &Api, zone: Option<&str>, hour: u32, minutes: u32) -> String {
    let body = json!({"title": "a call", "description": "as told", "priority": 3, "latitude": 37.0, "longitude": -122.0, "zone": zone,
        "occurred_at": then(hour, 0)});
    let id = text(&api.post("/api/v1/incidents", body).await.json(201), "id");
    for (to, minute) in [("triaged", 0), ("dispatched", 0), ("en_route", 1), ("on_scene", minutes)] {
        let body = json!({"to": to, "occurred_at": then(hour, minute)});
        api.post(&format!("{}/transitions", at(&id)), body).await.json(200);
    }
    id
}

/// The outcomes of an engine, once there are so many.
async fn outcomes(api: &Api, node: &str, count: usize) -> Vec<bool> {
    let stream = format!("policy-engine:default:{node}");
    loop {
        let events = until_event(api, &stream, "outcome_recorded").await;
        let ours = events.iter().filter(|event| event["stream"] == stream.as_str() && event["type"] == "outcome_recorded");
        let found: Vec<_> = ours.map(|event| event["data"]["success"].as_bool().expect("said")).collect();
        if found.len() >= count {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until policy was told of everything that has happened at incidents.
async fn told(api: &Api) {
    let events =
        api.feed().await.into_iter().filter(|event| event["stream"].as_str().is_some_and(|stream| stream.starts_with("incident:")));
    let line = format!("ionveil_reactor_events_total{{reactor=\"arrivals-to-policy\"}} {}\n", events.count());
    let telling = async {
        while !api.get("/metrics").await.text.contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, telling).await.expect("the reactor comes to the end in time");
}

fn engine_level(level: &'static str) -> impl Fn(&Value) -> bool {
    move |zone| zone["engine_level"] == level
}

#[tokio::test]
async fn late_arrivals_escalate_their_zone_and_those_in_time_bring_it_down() {
    let world = World::open();
    let api = &world.api;
    plant(api).await;
    for hour in 0..3 {
        reached(api, Some("n1"), hour, 21).await;
    }
    let zone = until(api, "n1", engine_level("watch")).await;
    assert_eq!(zone["deciding_node"], "n1");
    assert_eq!(outcomes(api, "n1", 3).await, [false; 3]);
    assert_eq!(levels(api).await[1], "north normal city", "only the zone");
    for hour in 3..9 {
        reached(api, Some("n1"), hour, 20).await;
    }
    until(api, "n1", engine_level("normal")).await;
    assert_eq!(outcomes(api, "n1", 9).await[3..], [true; 6], "to the minute is in time");
}

#[tokio::test]
async fn an_incident_counts_once_whatever_becomes_of_it_and_after_a_restart_nothing_is_told_again() {
    let world = World::durable();
    plant(&world.api).await;
    let id = reached(&world.api, Some("n1"), 0, 21).await;
    for to in ["mitigated", "on_scene", "resolved", "on_scene"] {
        world.api.post(&format!("{}/transitions", at(&id)), json!({"to": to})).await.json(200);
    }
    assert_eq!(outcomes(&world.api, "n1", 1).await, [false]);
    let world = world.killed_and_restarted();
    // What comes behind it: reactions to an incident's events go in order.
    reached(&world.api, Some("n1"), 1, 5).await;
    assert_eq!(outcomes(&world.api, "n1", 2).await, [false, true]);
    caught_up(&world.api).await;
    assert_eq!(outcomes(&world.api, "n1", 2).await.len(), 2);
}

#[tokio::test]
async fn without_a_zone_or_in_an_unknown_one_it_is_the_roots_and_without_a_tree_nobodys() {
    let world = World::open();
    let api = &world.api;
    reached(api, Some("n1"), 0, 21).await;
    told(api).await;
    plant(api).await;
    reached(api, None, 1, 21).await;
    assert_eq!(outcomes(api, "city", 1).await, [false]);
    reached(api, Some("nowhere"), 2, 5).await;
    assert_eq!(outcomes(api, "city", 2).await, [false, true]);
    let engines = api.feed().await.into_iter().filter(|event| event["type"] == "outcome_recorded");
    assert!(engines.into_iter().all(|event| event["stream"] == "policy-engine:default:city"));
}
