//! SIGKILL while dispatchers send units, over and over: each dispatch ends done or undone, no unit is sent twice, numbers have
//! no gap, and whoever repeats his request is told what was done.

use super::scene::{Ground, Scene, until};
use super::seed::Seed;
use crate::support::postgres::Postgres;
use crate::support::server::Server;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const KILLS: usize = 4;
const DISPATCHERS: usize = 60;
const FLEET: usize = 30;
/// A dispatcher who is answered 503 asks again; on a slow machine all of them together take a while.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_are_sent_once_whatever_is_killed_on_sqlite() {
    survives_kills(&Ground::sqlite(), Seed::of("assignments, sqlite")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_are_sent_once_whatever_is_killed_on_postgres() {
    let database = tokio::task::block_in_place(Postgres::shared).database();
    survives_kills(&Ground::postgres(&database.url), Seed::of("assignments, postgres")).await;
}

/// Asks under a key until there is an answer; none if it was refused for good.
async fn settle(scene: &Scene, path: &str, key: &str, body: &Value) -> Value {
    let asking = async {
        loop {
            let url = format!("http://{}/api/v1{path}", scene.place().await);
            let sent = scene.client.post(url).header("idempotency-key", key).json(body).send().await;
            if let Ok(answer) = sent {
                let status = answer.status();
                let again = status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS;
                // An answer that is cut off in the middle is none.
                if let (false, Ok(body)) = (again, answer.json::<Value>().await) {
                    assert!(status.is_success(), "{path} {key}: {status} {body}");
                    return body;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} {key} was not answered"))
}

async fn get(scene: &Scene, path: &str) -> Value {
    let url = format!("http://{}/api/v1{path}", scene.place().await);
    scene.client.get(url).send().await.expect("an answer").json().await.expect("JSON")
}

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_default().to_owned()
}

/// Each with a call of its own.
async fn plant(scene: &Scene) -> Vec<String> {
    for number in 0..FLEET {
        let body = json!({"id": format!("u{number}"), "name": "U", "type": "engine", "latitude": 0, "longitude": number as f64 / 1_000.0});
        settle(scene, "/units", &format!("unit-{number}"), &body).await;
    }
    let mut incidents = Vec::new();
    for number in 0..DISPATCHERS {
        let body = json!({"title": "call", "description": "d", "latitude": 0, "longitude": 0});
        incidents.push(text(&settle(scene, "/incidents", &format!("call-{number}"), &body).await, "id"));
    }
    incidents
}

async fn survives_kills(ground: &Ground, mut seed: Seed) {
    let scene = Arc::new(Scene::new());
    let mut server: Server = ground.serve();
    scene.lead_to(Some(&server));
    let incidents = plant(&scene).await;
    let mut dispatchers = JoinSet::new();
    for (number, incident) in incidents.into_iter().enumerate() {
        let (scene, late) = (scene.clone(), seed.millis(0, 1_500));
        let named: Vec<_> = (0..5).map(|n| format!("u{}", (number + n) % FLEET)).collect();
        let units = if number.is_multiple_of(2) { json!(named) } else { json!("auto") };
        dispatchers.spawn(async move {
            tokio::time::sleep(late).await;
            let body = json!({"incident": incident, "units": units, "max": 1});
            settle(&scene, "/dispatch", &format!("dispatch-{number}"), &body).await
        });
    }
    for _ in 0..KILLS {
        tokio::time::sleep(seed.millis(100, 400)).await;
        scene.lead_to(None);
        server.kill();
        server = ground.serve();
        scene.lead_to(Some(&server));
    }
    let mut told = Vec::new();
    while let Some(one) = dispatchers.join_next().await {
        told.push(one.expect("a dispatcher found nothing wrong"));
    }
    check(&scene, &told).await;
    assert!(tokio::task::block_in_place(|| server.stop()).success());
    let verified = ground.run(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains(" 0 findings"), "{said}{}", String::from_utf8_lossy(&verified.stderr));
}

/// What was told is what is, once everything that was begun has ended.
async fn check(scene: &Scene, told: &[Value]) {
    let of = |body: &Value| body["assigned"].as_array().cloned().unwrap_or_default();
    let assigned: Vec<_> = told
        .iter()
        .flat_map(|body| of(body).into_iter().map(|unit| (unit.as_str().unwrap_or_default().to_owned(), text(body, "incident"))))
        .collect();
    let names: BTreeSet<_> = assigned.iter().map(|(unit, _)| unit).collect();
    assert_eq!(names.len(), assigned.len(), "a unit was sent twice");
    let mut numbers: Vec<_> = told.iter().filter_map(|body| body["dispatch_number"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "numbers without gap or repeat");
    assert!(!numbers.is_empty(), "somebody was sent");
    let assigned: BTreeMap<_, _> = assigned.into_iter().collect();
    let busy = async || {
        let listed = get(scene, "/units?page_size=500").await;
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        assert_eq!(items.len(), FLEET);
        items
            .iter()
            .filter(|unit| unit["status"] != "available")
            .map(|unit| (text(unit, "id"), text(unit, "incident")))
            .collect::<BTreeMap<_, _>>()
    };
    // Dispatches of which nobody heard the end go back, and lists follow in a moment.
    until(async || busy().await == assigned).await;
    let capacity = get(scene, "/units/capacity").await;
    let sum = (capacity["dispatched"].as_u64(), capacity["available"].as_u64());
    let sent = assigned.len() as u64;
    assert_eq!(sum, (Some(sent), Some(FLEET as u64 - sent)), "sent and free units together are all");
}
