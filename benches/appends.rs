//! Durable appends per second with 256 callers who wait for their commit, against the raw insert of the same events into
//! the same table and indexes over the same number of connections in batches of the same mean size, and against one
//! transaction per event.
//!
//! `cargo bench --bench appends [-- postgres|sqlite|old-snapshot [SECONDS]]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

mod support;

use ionveil_journal::{SqliteStore, Store};
use ionveil_kernel::{Env, IdSource};
use sqlx::{Connection, Executor, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::raw::{self, fresh, postgres_store};
use support::{Figure, append, commit, head, on_runtime, postgres::Postgres, ratio, row};

const CALLERS: usize = 256;
const RUNS: usize = 5;
const WINDOW: Duration = Duration::from_secs(4);
const SINGLE_CONNECTIONS: usize = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wish = arguments.first().map_or("", String::as_str);
    let seconds = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(600);
    on_runtime(async |env| {
        if wish.is_empty() || wish == "postgres" {
            postgres(&env).await;
        }
        if wish.is_empty() || wish == "sqlite" {
            sqlite(&env).await;
        }
        if wish == "old-snapshot" {
            old_snapshot(&env, Duration::from_secs(seconds)).await;
        }
    });
}

/// Events per second and the mean batch of `CALLERS` callers in a window of time.
async fn ours(store: Arc<dyn Store>, env: &Env, window: Duration) -> (f64, f64) {
    let journal = support::journal(store, env).await;
    let (before, done) = (*journal.commits().borrow(), Arc::new(AtomicU64::new(0)));
    let salt = env.next_id();
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let (journal, env, done) = (journal.clone(), env.clone(), done.clone());
            let owner = format!("workflow:default:{salt}-{number}").parse().expect("lawful");
            tokio::spawn(async move {
                let mut sequence = 0;
                while started.elapsed() < window {
                    sequence += 1;
                    commit(&journal, append(&owner, sequence, 1, &env)).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller");
    }
    let (events, seconds) = (done.load(Ordering::Relaxed) as f64, started.elapsed().as_secs_f64());
    let commits = (*journal.commits().borrow() - before).max(1);
    journal.close().await.expect("close");
    (events / seconds, events / commits as f64)
}

async fn postgres(env: &Env) {
    let server = Postgres::shared();
    let (mut own, mut plain, mut two, mut single, mut batches) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let (rate, batch) = ours(postgres_store(&server.database().url).await, env, WINDOW).await;
        own.push(rate);
        batches.push(batch);
        let size = batch.round().max(1.0) as usize;
        plain.push(raw::postgres(&fresh(server).await, env, size, (1, CALLERS), WINDOW).await);
        two.push(raw::postgres(&fresh(server).await, env, size, (2, CALLERS), WINDOW).await);
        single.push(raw::postgres(&fresh(server).await, env, 1, (SINGLE_CONNECTIONS, CALLERS), WINDOW).await);
    }
    head("Appends per second, Postgres, fsync on, 256 callers waiting", "IonVeil, events/s", "peer, events/s");
    let batch = Figure::new(batches).median();
    compare(&format!("raw insert, 1 connection as ours, batches of {batch:.0}"), &own, &plain);
    compare(&format!("raw insert, 2 connections, batches of {batch:.0}"), &own, &two);
    compare("one transaction per event, 32 connections", &own, &single);
}

async fn sqlite(env: &Env) {
    let (mut own, mut plain, mut single, mut batches) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("journal.sqlite"), 16).await.expect("open");
        let (rate, batch) = ours(Arc::new(store), env, WINDOW).await;
        own.push(rate);
        batches.push(batch);
        plain.push(raw::sqlite(env, batch.round().max(1.0) as usize, WINDOW).await);
        single.push(raw::sqlite(env, 1, WINDOW).await);
    }
    head("Appends per second, SQLite, synchronous=FULL, 256 callers waiting", "IonVeil, events/s", "peer, events/s");
    let batch = Figure::new(batches).median();
    compare(&format!("raw insert, batches of {batch:.0}"), &own, &plain);
    compare("one transaction per event", &own, &single);
}

fn compare(what: &str, own: &[f64], peer: &[f64]) {
    let [left, right] = [own, peer].map(|values| Figure::new(values.to_vec()).to_string());
    row(what, &left, &right, &format!("{:.2}", ratio(own, peer)));
}

/// An idle transaction that sees the database as it was: nothing that dies after it can be cleaned up.
async fn old_snapshot(env: &Env, held: Duration) {
    let server = Postgres::shared();
    let (with, without) = (fresh(server).await, fresh(server).await);
    let mut holder = PgConnection::connect(&with).await.expect("connect");
    holder.execute("SET idle_in_transaction_session_timeout = 0").await.expect("set");
    let mut transaction = holder.begin().await.expect("begin");
    transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.expect("set");
    transaction.execute("SELECT count(*) FROM ionveil.events").await.expect("take the snapshot");
    let (started, mut own, mut free) = (Instant::now(), vec![], vec![]);
    while started.elapsed() < held {
        own.push(ours(postgres_store(&with).await, env, WINDOW).await.0);
        free.push(ours(postgres_store(&without).await, env, WINDOW).await.0);
    }
    transaction.rollback().await.expect("end");
    head(
        &format!("Appends per second beside a snapshot held open for {} s", held.as_secs()),
        "with, events/s",
        "without, same run, events/s",
    );
    row(
        "Postgres, 256 callers waiting",
        &Figure::new(own.clone()).to_string(),
        &Figure::new(free.clone()).to_string(),
        &format!("{:.2}", ratio(&own, &free)),
    );
    let last = own.len() - own.len() / 4 - 1;
    row(
        "its last quarter",
        &Figure::new(own[last..].to_vec()).to_string(),
        &Figure::new(free[last..].to_vec()).to_string(),
        &format!("{:.2}", ratio(&own[last..], &free[last..])),
    );
}
