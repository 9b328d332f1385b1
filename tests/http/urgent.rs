//! What stops or mends something finds room where everybody's work is turned away.

use super::given::World;
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

/// Waits until that many commands were let in.
async fn let_in(world: &World, count: u64) {
    let line = format!("ionveil_commands_total{{kind=\"workflow\"}} {count}\n");
    let asking = async {
        while !world.api.get("/metrics").await.text.contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{count} commands were never in"));
}

#[tokio::test]
async fn a_full_queue_turns_work_away_and_lets_cancellations_and_repairs_in() {
    let world = World::durable_configured("[runtime]\nqueue_max = 2\n");
    for id in ["w", "v"] {
        world.api.create(id, "dispatch").await;
    }
    // Whoever writes to the file now has to wait: what is decided stays under way until we let go.
    let file = format!("sqlite://{}", world.data_dir().join("journal.sqlite").display());
    let mut lock = SqliteConnection::connect(&file).await.expect("the journal's file");
    lock.execute("BEGIN IMMEDIATE").await.expect("its lock");
    let step = json!({"step": "allocated", "outcome": "started"});
    let mut working: Vec<_> = ["w", "w", "v", "v"].map(|id| send(&world, id, "steps", step.clone())).into();
    let_in(&world, 6).await;
    for id in ["w", "v"] {
        let away = world.api.post(&format!("/api/v1/workflows/{id}/steps"), step.clone()).await;
        away.problem(429, "overloaded");
        assert!(away.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok()).is_some_and(|seconds| seconds >= 1));
    }
    working.push(send(&world, "w", "cancel", json!({})));
    working.push(send(&world, "v", "reconcile", json!({"to": "arrived"})));
    let_in(&world, 8).await;
    lock.execute("ROLLBACK").await.expect("let go");
    lock.close().await.expect("closed");
    for answer in working {
        answer.await.expect("it was answered with 200");
    }
    for (id, state) in [("w", "cancelled"), ("v", "arrived")] {
        assert_eq!(world.api.get(&format!("/api/v1/workflows/{id}")).await.json(200)["state"], state);
    }
}
