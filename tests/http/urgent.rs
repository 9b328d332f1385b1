//! What stops or mends something finds room where everybody's work is turned away.

use super::given::World;
use super::policy_tree::{levels, plant, set_root};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a command to a workflow without waiting for the answer, which has to be 200.
fn send(world: &World, id: &str, action: &str, body: Value) -> JoinHandle<Value> {
    let (api, path) = (world.api.clone(), format!("/api/v1/workflows/{id}/{action}"));
    tokio::spawn(async move { api.post(&path, body).await.json(200) })
}

/// Waits until that many commands of a kind were let in.
async fn let_in(world: &World, kind: &str, count: u64) {
    let line = format!("ionveil_commands_total{{kind=\"{kind}\"}} {count}\n");
    let asking = async {
        while !world.api.get("/metrics").await.text.contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{count} commands of {kind} were never in"));
}

/// Whoever writes to the journal now has to wait: what is decided stays under way until we let go.
async fn locked(world: &World) -> SqliteConnection {
    let file = format!("sqlite://{}", world.data_dir().join("journal.sqlite").display());
    let mut lock = SqliteConnection::connect(&file).await.expect("the journal's file");
    lock.execute("BEGIN IMMEDIATE").await.expect("its lock");
    lock
}

#[tokio::test]
async fn a_full_queue_turns_work_away_and_lets_cancellations_and_repairs_in() {
    let world = World::durable_configured("[runtime]\nqueue_max = 2\n");
    for id in ["w", "v"] {
        world.api.create(id, "dispatch").await;
    }
    let mut lock = locked(&world).await;
    let step = json!({"step": "allocated", "outcome": "started"});
    let mut working: Vec<_> = ["w", "w", "v", "v"].map(|id| send(&world, id, "steps", step.clone())).into();
    let_in(&world, "workflow", 6).await;
    for id in ["w", "v"] {
        let away = world.api.post(&format!("/api/v1/workflows/{id}/steps"), step.clone()).await;
        away.problem(429, "overloaded");
        assert!(away.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok()).is_some_and(|seconds| seconds >= 1));
    }
    working.push(send(&world, "w", "cancel", json!({})));
    working.push(send(&world, "v", "reconcile", json!({"to": "arrived"})));
    let_in(&world, "workflow", 8).await;
    lock.execute("ROLLBACK").await.expect("let go");
    lock.close().await.expect("closed");
    for answer in working {
        answer.await.expect("it was answered with 200");
    }
    for (id, state) in [("w", "cancelled"), ("v", "arrived")] {
        assert_eq!(world.api.get(&format!("/api/v1/workflows/{id}")).await.json(200)["state"], state);
    }
}

#[tokio::test]
async fn the_brake_is_let_in_where_everybodys_work_is_turned_away() {
    let world = World::durable_configured("[runtime]\nin_line_max = 2\n");
    for id in ["w", "v", "u"] {
        world.api.create(id, "dispatch").await;
    }
    plant(&world.api).await;
    let mut lock = locked(&world).await;
    let step = json!({"step": "allocated", "outcome": "started"});
    let mut working: Vec<_> = ["w", "v"].map(|id| send(&world, id, "steps", step.clone())).into();
    let_in(&world, "workflow", 5).await;
    world.api.post("/api/v1/workflows/u/steps", step).await.problem(429, "overloaded");
    let api = world.api.clone();
    working.push(tokio::spawn(async move { set_root(&api, "halted").await.json(200) }));
    let_in(&world, "policy-tree", 6).await;
    lock.execute("ROLLBACK").await.expect("let go");
    lock.close().await.expect("closed");
    for answer in working {
        answer.await.expect("it was answered with 200");
    }
    assert!(levels(&world.api).await.iter().all(|line| line.ends_with(" halted city")));
}
