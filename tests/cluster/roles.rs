//! Services as processes of their own on one database.

use crate::crash::scene::until;
use crate::support::postgres::Postgres;
use crate::support::server::{Server, ionveil};
use reqwest::Client;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::block_in_place;

const ALERTS: usize = 12;

/// A process with one service, and its data directory.
struct Process {
    server: Server,
    _folder: TempDir,
}

impl Process {
    fn start(store: &str, role: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = ionveil(&["serve", "--roles", role, "--store", store, "--data-dir", folder.path().to_str().expect("UTF-8")]);
        command.env(format!("IONVEIL__ROLES__{}", role.to_ascii_uppercase()), "127.0.0.1:0");
        Self { server: block_in_place(|| Server::spawn(command)), _folder: folder }
    }

    async fn get(&self, client: &Client, path: &str) -> (u16, Value) {
        let answer = client.get(self.server.url(path)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

/// An incident that is far too late; says whether that was taken in.
async fn breach(client: &Client, alerts: &Process, incident: &str) -> bool {
    let late = json!({"incident": incident, "priority": 2, "dispatched_at": "2026-01-01T00:00:00Z", "now": "2026-01-01T00:30:00Z"});
    let asked = client.post(alerts.server.url("/api/v1/alerts/check")).header("idempotency-key", incident).json(&late);
    asked.send().await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_are_processes_of_their_own_and_one_goes_on_without_the_other() {
    let database = block_in_place(Postgres::shared).database();
    let [alerts, dashboard] = ["alerts", "dashboard"].map(|role| Process::start(&database.url, role));
    let client = ionveil::web::client().timeout(Duration::from_secs(10)).build().expect("a client");
    for number in 0..ALERTS {
        assert!(breach(&client, &alerts, &format!("i{number}")).await, "whichever process has the alert");
    }
    until(async || alerts.get(&client, "/api/v1/alerts?page_size=50").await.1["total"] == json!(ALERTS)).await;
    assert_eq!(dashboard.get(&client, "/api/v1/dashboard/snapshot").await.0, 200);
    assert_eq!(dashboard.get(&client, "/api/v1/alerts").await.0, 404, "that is the other's");
    dashboard.server.kill();
    until(async || breach(&client, &alerts, "later").await).await;
    until(async || alerts.get(&client, "/api/v1/alerts?page_size=50").await.1["total"] == json!(ALERTS + 1)).await;
}
