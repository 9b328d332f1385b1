//! Overrides that end by themselves: on time after a restart, late but surely where the time passed while nobody was there.

use super::levers::{at, name};
use super::scene::{Ground, Scene, until};
use crate::support::postgres::Postgres;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// How late a timer of a busy machine may be.
const LATE_MAX: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overrides_end_after_a_kill_on_sqlite() {
    end_after_a_kill(&Ground::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overrides_end_after_a_kill_on_postgres() {
    let database = tokio::task::block_in_place(Postgres::shared).database();
    end_after_a_kill(&Ground::postgres(&database.url)).await;
}

async fn end_after_a_kill(ground: &Ground) {
    let (server, scene) = (ground.serve(), Scene::new());
    scene.lead_to(Some(&server));
    plant(&scene).await;
    let missed = set(&scene, 1, Duration::from_secs(1)).await;
    let coming = set(&scene, 2, Duration::from_secs(10)).await;
    server.kill();
    until(async || SystemTime::now() > missed).await;
    let restarted = SystemTime::now();
    let server = ground.serve();
    scene.lead_to(Some(&server));
    let early = node(&scene, 2).await;
    assert!(SystemTime::now() >= coming || early["override"]["level"] == "halted", "it ends on time, not before: {early}");
    let ended = ended(ground, &scene, 1).await;
    assert!(ended >= restarted && ended < restarted + LATE_MAX, "at once: {ended:?}, the server was started at {restarted:?}");
    on_time(ground, &scene, 2, coming).await;
    assert!(tokio::task::block_in_place(|| server.stop()).success());
}

/// A root and two zones.
pub(super) async fn plant(scene: &Scene) {
    for number in 0..3 {
        let (kind, parent) = if number == 0 { ("global", None) } else { ("zone", Some(name(0))) };
        let body = json!({ "id": name(number), "kind": kind, "parent": parent });
        let answer = at(scene, Method::POST, "/nodes").await.json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap_or_default());
    }
}

/// Halts a zone for `time`; gives the end.
pub(super) async fn set(scene: &Scene, number: u64, time: Duration) -> SystemTime {
    let end = SystemTime::now() + time;
    let expires_at = jiff::Timestamp::try_from(end).expect("a time").to_string();
    let body = json!({ "level": "halted", "authorization": "T1", "expires_at": expires_at });
    let answer = at(scene, Method::POST, &format!("/nodes/{}/override", name(number))).await.json(&body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    end
}

async fn node(scene: &Scene, number: u64) -> Value {
    let answer = at(scene, Method::GET, &format!("/nodes/{}", name(number))).await.send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// Waits until the override of a zone has ended, and gives when that was: once, by the timer.
pub(super) async fn ended(ground: &Ground, scene: &Scene, number: u64) -> SystemTime {
    until(async || node(scene, number).await["override"].is_null()).await;
    let events = events(ground, number);
    let [_added, set, reverted] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&set["type"], &reverted["type"]), (&json!("override_set"), &json!("override_auto_reverted")));
    let by = &reverted["data"]["by"];
    assert_eq!((&by["source"], &by["authorization"]), (&json!("timer"), &json!("system")), "what the audit says");
    let time: jiff::Timestamp = reverted["occurred_at"].as_str().expect("a time").parse().expect("RFC 3339");
    time.into()
}

async fn on_time(ground: &Ground, scene: &Scene, number: u64, end: SystemTime) {
    let ended = ended(ground, scene, number).await;
    assert!(ended >= end && ended < end + LATE_MAX, "on time: {ended:?}, due at {end:?}");
}

/// The events of a zone.
fn events(ground: &Ground, number: u64) -> Vec<Value> {
    let output = ground.run(&["events", "--json", "--stream", &format!("policy-node:default:{}", name(number))]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
