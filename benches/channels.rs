//! Failover over a healthy HTTP primary on loopback, beyond what nothing could do without: the direct call, and two durable
//! commits of the same run. It must be at most 1 ms (p99), and should be at most 0.3 ms (p50) beyond them.
//!
//! `cargo bench --bench channels [-- postgres|sqlite]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../tests/support/gateway.rs"]
mod gateway;
#[path = "support/server.rs"]
mod server;
mod support;

use gateway::{Gateway, Manner};
use ionveil_journal::{PostgresOptions, PostgresStore, SqliteStore, Store};
use ionveil_kernel::Env;
use reqwest::Client;
use serde_json::json;
use server::Server;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{append, commit, head, journal, on_runtime, postgres::Postgres, row, stream};

const CALLS: usize = 2_000;
const WARM_UP: usize = 200;

fn main() {
    let wish = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    on_runtime(async |env| {
        for (name, postgres) in [("sqlite", false), ("postgres", true)] {
            if wish.is_empty() || wish == name {
                compare(&env, name, postgres).await;
            }
        }
    });
}

async fn compare(env: &Env, name: &str, postgres: bool) {
    let (folder, radio) = (tempfile::tempdir().expect("a folder"), Gateway::start(Manner::Answer(204, "")).await);
    let url = postgres.then(|| Postgres::shared().database().url);
    let server = Server::start(folder.path(), url.as_deref(), "[channels]\nallow = [\"127.0.0.0/8\"]\n");
    let client = ionveil::web::client().build().expect("a client");
    let driver = json!({"kind": "http", "url": radio.url()});
    server.post(&client, "/api/v1/channels", &json!({"name": "radio", "driver": driver})).await;
    let direct = radio.url();
    let store: Arc<dyn Store> = match postgres {
        true => {
            let options = PostgresOptions { lease: Duration::from_secs(30), ..PostgresOptions::default() };
            Arc::new(PostgresStore::connect(&Postgres::shared().database().url, options).await.expect("connect"))
        }
        false => Arc::new(SqliteStore::open(&folder.path().join("raw.sqlite"), 16).await.expect("open")),
    };
    let journal = journal(store, env).await;
    let (mut whole, mut floor) = (Vec::new(), Vec::new());
    for call in 0..WARM_UP + CALLS {
        let begun = Instant::now();
        let request = json!({"dispatch_id": format!("d-{call}"), "primary": "radio", "latency_threshold_ms": 5_000});
        server.post(&client, "/dispatch/route/failover", &request).await;
        let routed = begun.elapsed();
        let begun = Instant::now();
        // Into the server and out of it, to the gateway and back, and two commits one after the other.
        pass_through(&client, &direct).await;
        let owner = stream(call);
        commit(&journal, append(&owner, 1, 3, env)).await;
        commit(&journal, append(&owner, 4, 2, env)).await;
        let parts = begun.elapsed();
        if call >= WARM_UP {
            whole.push(routed.as_secs_f64() * 1e3);
            floor.push(parts.as_secs_f64() * 1e3);
        }
    }
    head(&format!("Failover over a healthy primary, {name}, ms"), "IonVeil", "direct call + two commits");
    for (label, share) in [("p50 (beyond the parts should be ≤ 0.3)", 0.5), ("p99 (beyond the parts must be ≤ 1)", 0.99)] {
        let (whole, floor) = (at(&mut whole, share), at(&mut floor, share));
        row(label, &format!("{whole:.3}"), &format!("{floor:.3}"), &format!("+{:.3}", whole - floor));
    }
}

fn at(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values[rank.saturating_sub(1)]
}

/// Into a server and out of it.
async fn pass_through(client: &Client, url: &str) {
    let answer = client.post(url).json(&json!({})).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.bytes().await.expect("the whole answer");
}
