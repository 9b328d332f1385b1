//! The order pool and intake over HTTP, durable, against the raw figures of the same run.
//!
//! | what | must | aim |
//! |---|---|---|
//! | `plan/batch` for 20 agencies × 20 orders, pool of 50,000, window 0 | ≤ 50 ms p99 | ≤ 8 ms p99; with the default window: window + the same |
//! | intake pipeline, 100 / 1,000 / 10,000 rows from bytes | 10,000 < 100 ms; memory ≤ 2 × the input | ≤ 15 ms |
//! | intake of 1,000,000 rows on Postgres | ≥ 15,000 rows/s | ≥ 0.6 × the raw multi-row insert rate |
//!
//! `cargo bench --bench dispatch [-- plan|pipeline|intake [ROWS]]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[path = "support/server.rs"]
mod server;
mod support;

use ionveil::intake::rehearse;
use ionveil_kernel::{Env, Timestamp};
use serde_json::{Value, json};
use server::Server;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use support::raw::{self, fresh};
use support::{Figure, head, on_runtime, postgres::Postgres, row, seconds};

const AGENCIES: usize = 20;
const ORDERS_EACH: usize = 20;
const POOL: usize = 50_000;
const CALLS: usize = 200;
const RUNS: usize = 7;
const ROWS: usize = 1_000_000;
/// As many items as are recorded together.
const ITEMS_TOGETHER: usize = 1_000;
const RAW_WINDOW: Duration = Duration::from_secs(8);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wish = arguments.first().map_or("", String::as_str);
    let rows = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(ROWS);
    on_runtime(async |env| {
        if wish.is_empty() || wish == "plan" {
            for (name, postgres) in [("sqlite", false), ("postgres", true)] {
                plan(name, postgres).await;
            }
        }
        if wish.is_empty() || wish == "pipeline" {
            pipeline(&env).await;
        }
        if wish.is_empty() || wish == "intake" {
            intake(&env, rows).await;
        }
    });
}

fn orders(from: usize, count: usize) -> Value {
    let order = |n: usize| json!({"id": format!("o-{n}"), "urgency": 1 + n * 7_919 % 97, "eta": format!("{:02}:{:02}", n % 24, n % 60), "agency": format!("agency-{}", n % AGENCIES)});
    json!((from..from + count).map(order).collect::<Vec<_>>())
}

/// Each call takes 400 orders; as many are put in again beside the clock.
async fn plan(name: &str, postgres: bool) {
    let client = ionveil::web::client().build().expect("a client");
    head(&format!("plan/batch for {AGENCIES} agencies x {ORDERS_EACH} orders, pool of {POOL}, {name}, ms"), "window 0", "window 100 ms");
    let mut columns = Vec::new();
    for window_ms in [0, 100] {
        let folder = tempfile::tempdir().expect("a folder");
        let url = postgres.then(|| Postgres::shared().database().url);
        let server = Server::start(folder.path(), url.as_deref(), &format!("[pool]\nwindow_ms = {window_ms}\n"));
        for from in (0..POOL).step_by(10_000) {
            server.post(&client, "/api/v1/dispatch/orders", &orders(from, 10_000)).await;
        }
        let requests: Vec<_> = (0..AGENCIES).map(|n| json!({"agency": format!("agency-{n}"), "capacity": ORDERS_EACH})).collect();
        let mut took = Vec::with_capacity(CALLS);
        for call in 0..CALLS {
            let request = json!({"request_id": format!("r-{call}"), "requests": requests});
            let begun = Instant::now();
            let planned = server.post(&client, "/api/v1/dispatch/plan/batch", &request).await;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            assert_eq!(planned["planned"]["agency-0"].as_array().map(Vec::len), Some(ORDERS_EACH));
            let count = AGENCIES * ORDERS_EACH;
            server.post(&client, "/api/v1/dispatch/orders", &orders(POOL + call * count, count)).await;
        }
        took.sort_by(f64::total_cmp);
        columns.push(took);
    }
    for (label, share) in [("p50", 0.5), ("p99 (window 0: must be <= 50, should be <= 8)", 0.99)] {
        let at = |values: &[f64]| values[((values.len() as f64 * share).ceil() as usize).saturating_sub(1)];
        row(label, &format!("{:.2}", at(&columns[0])), &format!("{:.2}", at(&columns[1])), "");
    }
}

/// Lines as satellite operators write them, about 300 bytes each; one in a hundred is bad, one in fifty a repeat.
fn lines(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let (id, deadline) =
            (if n % 50 == 49 { n - 1 } else { n }, if n % 100 == 7 { 7 } else { 40_000_000_000_i64 + n as i64 * 7_919 % 86_400 });
        let row = json!({"command_id": format!("cmd-{id}"), "satellite_id": format!("sat-{}", id % 40), "intent": "orbit-adjust", "issued_by": "ops@ground",
            "signature": "3c0f7a64e1d24c0b9b5f", "deadline": deadline, "payload": {"delta_v": 0.42, "window": "2026-11-26T05:06:31Z"}, "annotations": {"desk": "night"}});
        writeln!(text, "{row}").expect("memory");
    }
    text
}

/// The most memory of this process since it was last asked to forget, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    kb.unwrap_or(0) * 1_024
}

async fn pipeline(env: &Env) {
    head("Intake pipeline from bytes, ms (10,000 rows must be < 100, should be <= 15)", "ms", "peak memory / input");
    for count in [100, 1_000, 10_000] {
        let (text, now) = (lines(count), Timestamp::from_micros(1_800_000_000_000_000));
        let (mut took, mut grown) = (Vec::new(), 0.0_f64);
        for _ in 0..RUNS {
            // Where the system does not let us, the figure is that of the whole life of the process.
            drop(std::fs::write("/proc/self/clear_refs", "5"));
            let before = peak();
            let (time, stats) = seconds(rehearse(env, text.as_bytes(), now)).await;
            assert_eq!(stats.expect("rows").rows, count);
            took.push(time * 1e3);
            grown = grown.max((peak().saturating_sub(before)) as f64 / text.len() as f64);
        }
        row(
            &format!("{count} rows, {} KiB", text.len() / 1_024),
            &Figure::new(took).to_string(),
            &format!("{grown:.2} (must be <= 2)"),
            "",
        );
    }
}

async fn intake(env: &Env, rows: usize) {
    head(&format!("Intake of {rows} rows over HTTP on Postgres, rows/s (must be >= 15,000)"), "IonVeil", "raw multi-row insert");
    let (client, folder) =
        (ionveil::web::client().timeout(Duration::from_secs(3_600)).build().expect("a client"), tempfile::tempdir().expect("a folder"));
    let postgres = Postgres::shared();
    let inserted = raw::postgres(&fresh(postgres).await, env, ITEMS_TOGETHER, (2, 2 * ITEMS_TOGETHER), RAW_WINDOW).await;
    let server = Server::start(folder.path(), Some(&postgres.database().url), "");
    let text = lines(rows);
    let url = format!("http://{}/api/v1/intake/batches?batch_id=night", server.address);
    let sending = async {
        let answer = client.post(url).header("content-type", "application/x-ndjson").body(text).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")
    };
    let (time, answer) = seconds(sending).await;
    assert_eq!(answer["stats"]["rows"], rows);
    let ours = rows as f64 / time;
    row(
        "rows a second (should be >= 0.6 of the raw rate)",
        &format!("{ours:.0}"),
        &format!("{inserted:.0}"),
        &format!("{:.2}", ours / inserted),
    );
}
