//! SIGTERM: new work is turned away, what was taken in is finished and answered, and what was answered is kept.

use super::answer::Answer;
use super::client::Api;
use super::given::World;
use crate::support::server::{Server, run};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const WORKFLOWS: &str = "/api/v1/workflows";

/// Sends SIGTERM and does not wait.
fn terminate(server: &Server) {
    let sent = Command::new("kill").arg(server.pid().to_string()).status().expect("kill runs");
    assert!(sent.success());
}

/// Waits for the end of a server that was told to end.
async fn ended(server: Server) -> bool {
    let waiting = tokio::task::spawn_blocking(move || server.stop());
    timeout(PATIENCE, waiting).await.expect("an end in time").expect("no panic").success()
}

/// The workflows that the journal holds, read from its file.
fn stored(data_dir: &Path) -> BTreeSet<String> {
    let printed = run(&["events", "--json", "--data-dir", data_dir.to_str().expect("UTF-8")]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let events = String::from_utf8(printed.stdout).expect("UTF-8");
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.map(|event| event["stream"].as_str().and_then(|name| name.rsplit(':').next()).expect("an id").to_owned()).collect()
}

/// Asks until the answer is as wanted.
async fn until(api: &Api, path: &str, wanted: impl Fn(&Answer) -> bool) {
    let asking = async {
        while !wanted(&api.get(path).await) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} never came to it"));
}

/// What a draining server says to each kind of request.
async fn assert_turned_away(api: &Api) {
    for (method, path) in [("POST", WORKFLOWS), ("GET", WORKFLOWS), ("GET", "/api/v1/events"), ("GET", "/api/v1/events/stream")] {
        let request = api.request(method, path);
        let request = if method == "POST" { request.json(&json!({"id": "late", "machine": "dispatch"})) } else { request };
        let answer = api.send(request).await;
        assert_eq!(answer.problem(503, "draining")["retryable"], true);
        assert_eq!(answer.header("connection"), Some("close"), "{method} {path}");
    }
    let health = api.get("/health").await;
    assert_eq!((&health.json(503)["status"], health.header("connection")), (&json!("draining"), Some("close")));
    assert_eq!(api.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_draining_server_turns_work_away_and_answers_what_it_had_taken_in() {
    let world = World::durable();
    // Whoever writes to the file now has to wait: the next command stays under way until we let go.
    let file = format!("sqlite://{}", world.data_dir().join("journal.sqlite").display());
    let mut lock = SqliteConnection::connect(&file).await.expect("the journal's file");
    lock.execute("BEGIN IMMEDIATE").await.expect("its lock");
    let api = world.api.clone();
    let (server, dir) = world.into_parts();
    let taken_in = api.post(WORKFLOWS, json!({"id": "taken-in", "machine": "dispatch"}));
    let meanwhile = async {
        until(&api, "/metrics", |answer| answer.text.contains("ionveil_commands_total{kind=\"workflow\"} 1\n")).await;
        terminate(&server);
        until(&api, "/health/ready", |answer| answer.status == 503).await;
        assert_turned_away(&api).await;
        lock.execute("ROLLBACK").await.expect("let go");
        lock.close().await.expect("closed");
    };
    let (answer, ()) = tokio::join!(taken_in, meanwhile);
    assert_eq!(answer.json(201)["id"], "taken-in");
    assert!(ended(server).await);
    assert_eq!(stored(dir.path()), BTreeSet::from(["taken-in".to_owned()]));
}

/// Creates one workflow after the other until the server turns it away or is gone; gives those that were acknowledged.
async fn drive(api: &Api, driver: usize, acknowledged: &AtomicUsize) -> Vec<String> {
    let mut mine = Vec::new();
    for number in 0.. {
        let id = format!("d{driver}-{number}");
        let Ok(response) = api.request("POST", WORKFLOWS).json(&json!({"id": id, "machine": "dispatch"})).send().await else { break };
        if response.status().as_u16() != 201 {
            let answer = Answer::read(response).await;
            answer.problem(503, "draining");
            assert_eq!(answer.header("connection"), Some("close"));
            break;
        }
        mine.push(id);
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    mine
}

#[tokio::test]
async fn everything_acknowledged_under_load_is_in_the_journal_of_the_stopped_server() {
    let world = World::durable();
    let api = world.api.clone();
    let (server, dir) = world.into_parts();
    let count = AtomicUsize::new(0);
    let stop_under_load = async {
        while count.load(Ordering::Relaxed) < 200 {
            tokio::task::yield_now().await;
        }
        terminate(&server);
    };
    let drivers = join_all((0..16).map(|driver| drive(&api, driver, &count)));
    let (driven, ()) = timeout(PATIENCE, async { tokio::join!(drivers, stop_under_load) }).await.expect("an end in time");
    assert!(ended(server).await);
    let (acknowledged, stored) = (driven.into_iter().flatten().collect::<BTreeSet<_>>(), stored(dir.path()));
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(acknowledged.len() >= 200 && lost.is_empty(), "of {} acknowledged lost {lost:?}", acknowledged.len());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let world = World::open();
    world.api.create("w", "dispatch").await;
    let idle: Vec<_> = (0..20).map(|_| super::raw::connect(&world.server.address)).collect();
    let (server, _dir) = world.into_parts();
    let begun = jiff::Timestamp::now();
    assert!(ended(server).await);
    let took = jiff::Timestamp::now().duration_since(begun);
    assert!(took.as_secs() < 5, "ended after {took:?} with {} idle connections", idle.len());
}
