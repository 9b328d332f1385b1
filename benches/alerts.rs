//! How long it takes from the instant at which a target is missed until a mail server has the mail: timer, monitor, alert, pager,
//! outbox and SMTP, each with its own durable commit. It must be at most 1 s (p99), and should be at most 50 ms.
//!
//! For ingest and snapshots of analytics see `cargo bench -p ionveil-analytics`, for a million active alerts `cargo bench -p
//! ionveil-alerts`.
//!
//! `cargo bench --bench alerts [-- sqlite|postgres]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../tests/support/mail.rs"]
mod mail;
#[path = "support/server.rs"]
mod server;
mod support;

use ionveil_kernel::statistics::percentile;
use mail::MailServer;
use reqwest::Client;
use serde_json::{Value, json};
use server::Server;
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::{on_runtime, postgres::Postgres};

const CALLS: usize = 500;
/// After so long they are late: three seconds.
const LATE_MINUTES: f64 = 0.05;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    let wish = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    on_runtime(async |_env| {
        for (name, postgres) in [("sqlite", false), ("postgres", true)] {
            if wish.is_empty() || wish == name {
                hand_over(name, postgres).await;
            }
        }
    });
}

async fn hand_over(name: &str, postgres: bool) {
    let (folder, mail) = (tempfile::tempdir().expect("a folder"), MailServer::start().await);
    let url = postgres.then(|| Postgres::shared().database().url);
    let config = format!(
        "[alerts]\nsmtp = \"smtp+plain://{}\"\nnotifications_max = 10000\nsubject_template = \"{{{{ incident }}}}\"\n",
        mail.address
    );
    let server = Server::start(folder.path(), url.as_deref(), &config);
    let client = ionveil::web::client().build().expect("a client");
    prepare(&server, &client).await;
    let (begun, began) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970"));
    let mut incidents = Vec::new();
    for number in 0..CALLS {
        incidents.push(call(&server, &client, number).await);
    }
    while mail.taken().len() < CALLS {
        assert!(begun.elapsed() < PATIENCE, "{} of {CALLS} mails came", mail.taken().len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut handed = BTreeMap::new();
    for mail in mail.taken() {
        let at = began + mail.at.duration_since(begun);
        handed.insert(mail.header("Subject").expect("a subject").to_owned(), at.as_secs_f64());
    }
    let mut waits = Vec::new();
    for incident in &incidents {
        let due = sent(&server, &client, incident).await + LATE_MINUTES * 60.0;
        waits.push((handed[incident] - due) * 1e3);
    }
    let figure = |rank: f64| percentile(&waits, rank);
    println!("{name:<10} deadline to hand-over to SMTP, ms: p50 {:.1}, p99 {:.1}, {CALLS} calls", figure(50.0), figure(99.0));
}

async fn put(server: &Server, client: &Client, path: &str, body: Value) {
    let answer = client.put(format!("http://{}{path}", server.address)).json(&body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.expect("a text"));
}

/// Only the rule that is measured tells anybody.
async fn prepare(server: &Server, client: &Client) {
    put(server, client, "/api/v1/recipients/desk", json!({"addresses": {"email": "desk@city.example"}})).await;
    let levels = json!([{"level": "L1", "timeout_minutes": 600, "recipients": ["desk"], "channels": ["email"]}]);
    put(server, client, "/api/v1/alerts/escalation-policy", json!({"name": "p", "levels": levels})).await;
    let late = json!({"metric": "elapsed_minutes", "operator": ">=", "value": LATE_MINUTES});
    let rule = json!({"name": "Late", "condition": "threshold", "severity": "critical", "channels": ["email"], "threshold_config": late});
    put(server, client, "/api/v1/alerts/rules/late", rule).await;
}

/// Somebody is sent to an incident; its id.
async fn call(server: &Server, client: &Client, number: usize) -> String {
    let unit = json!({"id": format!("u{number}"), "name": "U", "type": "engine", "latitude": 0, "longitude": 0});
    server.post(client, "/api/v1/units", &unit).await;
    let incident = json!({"title": "Fire", "description": "Smoke", "priority": 2, "latitude": 0, "longitude": 0});
    let incident = server.post(client, "/api/v1/incidents", &incident).await["id"].as_str().expect("an id").to_owned();
    server.post(client, "/api/v1/dispatch", &json!({"incident": incident, "units": [format!("u{number}")]})).await;
    incident
}

/// When time began to run, in seconds since 1970, as the monitor has recorded it.
async fn sent(server: &Server, client: &Client, incident: &str) -> f64 {
    let path = format!("http://{}/api/v1/events?stream=sla-watch:default:{incident}", server.address);
    let page: Value = client.get(path).send().await.expect("an answer").json().await.expect("JSON");
    let at = page["items"].as_array().expect("events").iter().find_map(|event| event["data"]["dispatched_at"].as_i64());
    at.expect("it was dispatched") as f64 / 1e6
}
