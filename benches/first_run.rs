//! What a newcomer feels: the import of a week of real calls, and the time until a server on a large journal answers,
//! also after SIGKILL. Both run the real binary.
//!
//! `cargo bench --bench first_run [-- import|start]`; the import needs IONVEIL_TEST_DATA or ../shared/data.

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

mod support;

use ionveil_journal::{SqliteStore, Store};
use ionveil_kernel::Env;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use support::{Figure, head, on_runtime, ratio, row};

const RUNS: usize = 5;
const LARGE: u64 = 1_000_000;

fn main() {
    let wish = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    on_runtime(async |env| {
        if wish.is_empty() || wish == "import" {
            import(&env).await;
        }
        if wish.is_empty() || wish == "start" {
            start(&env).await;
        }
    });
}

fn data() -> Option<PathBuf> {
    let folder =
        std::env::var_os("IONVEIL_TEST_DATA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = folder.join("sf-fire-calls-2017w1.csv");
    file.exists().then_some(file)
}

async fn import(env: &Env) {
    let Some(file) = data() else { return println!("import: the data are not here; set IONVEIL_TEST_DATA") };
    let (mut own, mut raw) = (vec![], vec![]);
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder");
        let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings/sf-fire.toml");
        let started = Instant::now();
        let done = Command::new(env!("CARGO_BIN_EXE_ionveil"))
            .args(["import", "calls", "--json", "--mapping"])
            .arg(mapping)
            .arg("--data-dir")
            .arg(folder.path())
            .arg(&file)
            .output()
            .expect("runs");
        own.push(started.elapsed().as_secs_f64());
        let report: serde_json::Value = serde_json::from_slice(&done.stdout).expect("a report");
        let events = report["appended"].as_u64().expect("a count");
        assert!(events > 20_000, "{report}");
        raw.push(insert_raw(env, events, 512).await);
    }
    head("Import of the 7,704 real rows into SQLite, whole process", "IonVeil, s", "raw insert of as many events, s");
    row(
        "batches of 512 in the peer",
        &Figure::new(own.clone()).to_string(),
        &Figure::new(raw.clone()).to_string(),
        &format!("{:.2}", ratio(&own, &raw)),
    );
}

async fn insert_raw(env: &Env, events: u64, batch: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.sqlite");
    SqliteStore::open(&path, 16).await.expect("open").close().await;
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.expect("connect");
    sqlx::Executor::execute(&mut connection, "PRAGMA synchronous = FULL").await.expect("pragma");
    let sql = format!(
        "INSERT INTO events (place, org, kind, id, sequence_number, event_type, schema_version, event_id, occurred_at, recorded_at,
             correlation_id, causation_id, actor, data) VALUES {}",
        vec!["(?,'default','workflow','x',?,'transitioned',1,?,?,?,?,?,'user:dispatcher-7',?)"; batch].join(",")
    );
    let (started, mut place) = (Instant::now(), 0_i64);
    while place < events as i64 {
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
        for _ in 0..batch {
            place += 1;
            let event = support::event(&support::stream(0), 1, env);
            query = query.bind(place).bind(place).bind(event.event_id.0.as_bytes().to_vec()).bind(1_i64).bind(2_i64);
            query =
                query.bind(event.correlation_id.0.as_bytes().to_vec()).bind(event.causation_id.as_bytes().to_vec()).bind(support::PAYLOAD);
        }
        query.execute(&mut connection).await.expect("insert");
    }
    started.elapsed().as_secs_f64()
}

async fn start(env: &Env) {
    let folder = tempfile::tempdir().expect("a folder");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("journal.sqlite"), 16).await.expect("open"));
    let journal = support::journal(store, env).await;
    support::fill(&journal, env, 20_000, LARGE).await;
    journal.close().await.expect("close");
    let (mut first, mut killed, mut nothing) = (vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let (child, seconds) = serve(folder.path()).await;
        first.push(seconds * 1e3);
        end(child, "TERM");
        let (child, _) = serve(folder.path()).await;
        end(child, "KILL");
        let (child, seconds) = serve(folder.path()).await;
        killed.push(seconds * 1e3);
        end(child, "TERM");
        let empty = tempfile::tempdir().expect("a folder");
        let (child, seconds) = serve(empty.path()).await;
        nothing.push(seconds * 1e3);
        end(child, "TERM");
    }
    head("Time to the first answer of `serve` on 1,000,000 events, SQLite", "IonVeil, ms", "on an empty directory, ms");
    row(
        "after a clean stop",
        &Figure::new(first.clone()).to_string(),
        &Figure::new(nothing.clone()).to_string(),
        &format!("{:.2}", ratio(&first, &nothing)),
    );
    row(
        "after SIGKILL",
        &Figure::new(killed.clone()).to_string(),
        &Figure::new(nothing.clone()).to_string(),
        &format!("{:.2}", ratio(&killed, &nothing)),
    );
}

/// Starts the server and asks until it answers.
#[expect(clippy::zombie_processes, reason = "the caller ends it and waits")]
async fn serve(folder: &Path) -> (Child, f64) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = ionveil::web::client().build().expect("a client");
    let started = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_ionveil"))
        .args(["serve", "--listen", &address.to_string(), "--data-dir"])
        .arg(folder)
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    loop {
        let url = format!("http://{address}/api/v1/events?page_size=1");
        if client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            return (child, started.elapsed().as_secs_f64());
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

fn end(mut child: Child, signal: &str) {
    Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().expect("kill");
    child.wait().expect("wait");
}
