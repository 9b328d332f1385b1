//! Failover over a healthy HTTP primary on loopback, beyond what nothing could do without: the direct call, and two durable
//! commits of the same run. It must be at most 1 ms (p99), and should be at most 0.3 ms (p50) beyond them.
//!
//! `cargo bench --bench channels [-- postgres|sqlite]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../tests/support/gateway.rs"]
mod gateway;
mod support;

use gateway::{Gateway, Manner};
use ionveil_journal::{PostgresOptions, PostgresStore, SqliteStore, Store};
use ionveil_kernel::Env;
use reqwest::Client;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
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

/// Killed with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn compare(env: &Env, name: &str, postgres: bool) {
    let (folder, radio) = (tempfile::tempdir().expect("a folder"), Gateway::start(Manner::Answer(204, "")).await);
    let url = postgres.then(|| Postgres::shared().database().url);
    let (_server, address) = serve(folder.path(), url.as_deref());
    let client = ionveil::web::client().build().expect("a client");
    let driver = json!({"kind": "http", "url": radio.url()});
    post(&client, &format!("http://{address}/api/v1/channels"), &json!({"name": "radio", "driver": driver})).await;
    let (route, direct) = (format!("http://{address}/dispatch/route/failover"), radio.url());
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
        post(&client, &route, &request).await;
        let routed = begun.elapsed();
        let begun = Instant::now();
        // Into the server and out of it, to the gateway and back, and two commits one after the other.
        post(&client, &direct, &json!({})).await;
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

async fn post(client: &Client, url: &str, body: &Value) {
    let answer = client.post(url).json(body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.bytes().await.expect("the whole answer");
}

fn serve(folder: &Path, store: Option<&str>) -> (Server, String) {
    let config = folder.join("ionveil.toml");
    std::fs::write(&config, "[channels]\nallow = [\"127.0.0.0/8\"]\n").expect("a configuration");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ionveil"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&config).arg("--data-dir").arg(folder.join("data"));
    if let Some(url) = store {
        command.args(["--store", url]);
    }
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut log = BufReader::new(child.stderr.take().expect("a log"));
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert!(log.read_line(&mut line).expect("a line") > 0, "the server did not start");
        if let Some(rest) = line.split("listening on http://").nth(1) {
            break rest.split('/').next().unwrap_or_default().to_owned();
        }
    };
    // Who stops reading stops who writes.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (Server(child), address)
}
