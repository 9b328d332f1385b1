//! Simulations run where their entities are: any server starts, shows and calls them off, and they outlive the one that was asked.

use super::stage::{Node, Stage};
use crate::crash::scene::until;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// So many that each server has some.
const SIMULATIONS: usize = 8;
/// As many outcomes as a run needs that is to be met in the middle.
const LONG: u64 = 10_000_000;

async fn create(stage: &Stage, node: &Node) -> String {
    let pattern = json!({"generator": "constant", "rate": 0.5, "duration_s": LONG, "events_per_s": 1});
    let body = json!({"scenario": {"name": "endless"}, "pattern": pattern, "duration_s": LONG});
    let (status, answer) = stage.send(node, Method::POST, "/simulations", Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

async fn get(stage: &Stage, node: &Node, id: &str) -> Value {
    let (status, answer) = stage.send(node, Method::GET, &format!("/simulations/{id}"), None).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// All of them, as a server shows them.
async fn all(stage: &Stage, node: &Node, ids: &[String]) -> Vec<Value> {
    join_all(ids.iter().map(|id| get(stage, node, id))).await
}

/// Where it runs is known wherever somebody asks.
fn is_shown(now: &Value) -> bool {
    now["status"] == "completed" || now["status"] == "running" && now["progress"]["done"].is_u64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_was_asked_for_runs_on_without_it() {
    let stage = Arc::new(Stage::new("cluster-simulated"));
    let (first, second) = (stage.node(), stage.node());
    // Else what was started counts as left by whoever had its partition before.
    stage.until_settled(&first, 2).await;
    let ids = join_all((0..SIMULATIONS).map(|_| create(&stage, &first))).await;
    let starting: Vec<_> = ids.iter().map(|id| tokio::spawn(stage.client.post(run_url(&first, id)).json(&json!({})).send())).collect();
    for node in [&first, &second] {
        until(async || all(&stage, node, &ids).await.iter().all(is_shown)).await;
    }
    let (called_off, ids) = ids.split_last().expect("some");
    let (_, answer) = stage.send(&second, Method::DELETE, &format!("/simulations/{called_off}"), None).await;
    let ended = if answer["cancelled"] == true { "cancelled" } else { "completed" };
    assert_eq!(get(&stage, &first, called_off).await["status"], ended, "{answer}");
    let running = all(&stage, &first, ids).await.iter().filter(|now| now["status"] == "running").count();
    assert!(running > 0, "nothing was under way any more");

    first.server.kill();
    until(async || all(&stage, &second, ids).await.iter().all(|now| now["status"] == "completed")).await;
    for now in all(&stage, &second, ids).await {
        assert_eq!(now["totals"]["considered"], LONG, "{now}");
    }
    for started in starting {
        drop(started.await.expect("no panic"));
    }
}

fn run_url(node: &Node, id: &str) -> String {
    node.server.url(&format!("/api/v1/simulations/{id}/run"))
}
