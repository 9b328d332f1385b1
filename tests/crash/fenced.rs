//! A node stops in the middle of its work for longer than its lease; another takes over; the first goes on.

use super::callers::Callers;
use super::scene::{Ground, Scene, unpooled};
use super::seed::Seed;
use crate::support::postgres::{Postgres, signal};
use crate::support::server::Server;
use serde_json::{Value, json};
use std::sync::Arc;

const SHORT_LEASE: &str = "[store]\nlease_ms = 1000\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_its_lease_can_do_no_harm() {
    let mut seed = Seed::of("fenced");
    let database = tokio::task::block_in_place(Postgres::shared).database();
    let (first_ground, second_ground) =
        (Ground::new(Some(database.url.clone()), SHORT_LEASE), Ground::new(Some(database.url), SHORT_LEASE));
    let scene = Arc::new(Scene::new());
    let first = first_ground.serve();
    scene.lead_to(Some(&first));
    ask(&first, "/workflows", json!({ "id": "seen", "machine": "ring" }), 201).await;
    let of_the_first = Callers::start(&scene, "a", 8, &mut seed);
    scene.until_answered(200).await;

    signal(first.pid(), "STOP");
    let second = second_ground.serve();
    scene.lead_to(Some(&second));
    let of_the_second = Callers::start(&scene, "b", 4, &mut seed);
    scene.until_answered(200).await;
    ask(&second, "/workflows/seen/transitions", json!({ "to": "east" }), 200).await;

    signal(first.pid(), "CONT");
    // By the state that the first node has in memory (north), the first of these is unlawful and the second lawful.
    let moved = ask(&first, "/workflows/seen/transitions", json!({ "to": "north" }), 200).await;
    assert_eq!((&moved["state"], &moved["version"]), (&json!("north"), &json!(3)));
    let refused = ask(&first, "/workflows/seen/transitions", json!({ "to": "north" }), 409).await;
    assert_eq!(refused["code"], "invalid_transition", "{refused}");
    scene.until_answered(100).await;

    // The second leaves: the first has its partitions by itself, and knows what happened in between.
    scene.lead_to(Some(&first));
    assert!(tokio::task::block_in_place(|| second.stop()).success());
    scene.until_ready(&first, true).await;
    let back = ask(&first, "/workflows/seen/transitions", json!({ "to": "east" }), 200).await;
    assert_eq!((&back["state"], &back["version"]), (&json!("east"), &json!(4)));
    scene.until_answered(100).await;
    of_the_second.finish(&scene).await;
    of_the_first.finish(&scene).await;
    scene.check_but(&first_ground, &["seen"]).await;
    assert!(tokio::task::block_in_place(|| first.stop()).success());
}

async fn ask(server: &Server, path: &str, body: Value, status: u16) -> Value {
    let answer = unpooled().post(server.url(&format!("/api/v1{path}"))).json(&body).send().await.expect("an answer");
    let (found, body) = (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"));
    assert_eq!(found, status, "{path}: {body}");
    body
}
