//! Durable appends per second with 256 callers who wait for their commit, against the raw insert of the same events into
//! the same table and indexes over the same number of connections in batches of the same mean size, and against one
//! transaction per event.
//!
//! `cargo bench --bench appends [-- postgres|sqlite|old-snapshot [SECONDS]]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

mod support;

use ionveil_journal::{PostgresOptions, PostgresStore, SqliteStore, Store};
use ionveil_kernel::{Env, IdSource};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Figure, append, commit, head, on_runtime, postgres::Postgres, ratio, row, stream};

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

async fn postgres_store(url: &str) -> Arc<dyn Store> {
    Arc::new(
        PostgresStore::connect(url, PostgresOptions { lease: Duration::from_secs(30), ..PostgresOptions::default() })
            .await
            .expect("connect"),
    )
}

async fn postgres(env: &Env) {
    let server = Postgres::shared();
    let (mut own, mut raw, mut single, mut batches) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let (rate, batch) = ours(postgres_store(&server.database().url).await, env, WINDOW).await;
        own.push(rate);
        batches.push(batch);
        raw.push(postgres_raw(&fresh(server).await, env, batch.round().max(1.0) as usize, 2).await);
        single.push(postgres_raw(&fresh(server).await, env, 1, SINGLE_CONNECTIONS).await);
    }
    head("Appends per second, Postgres, fsync on, 256 callers waiting", "IonVeil, events/s", "peer, events/s");
    let batch = Figure::new(batches).median();
    row(
        &format!("raw insert, 2 connections, batches of {batch:.0}"),
        &Figure::new(own.clone()).to_string(),
        &Figure::new(raw.clone()).to_string(),
        &format!("{:.2}", ratio(&own, &raw)),
    );
    row(
        "one transaction per event, 32 connections",
        &Figure::new(own.clone()).to_string(),
        &Figure::new(single.clone()).to_string(),
        &format!("{:.2}", ratio(&own, &single)),
    );
}

/// A database with the journal's tables and nothing in them.
async fn fresh(server: &Postgres) -> String {
    let url = server.database().url;
    let store = postgres_store(&url).await;
    store.close().await;
    url
}

/// The plain multi-row insert: no receipts, no checks, no locks of ours.
async fn postgres_raw(url: &str, env: &Env, batch: usize, connections: usize) -> f64 {
    let sql = "INSERT INTO ionveil.events (position, recorded_at, occurred_at, sequence_number, event_id, correlation_id, causation_id,
                   schema_version, partition, org, kind, id, event_type, actor, data)
               SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[],
                   $8::int[], $9::smallint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])";
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|number| {
            let (url, env) = (url.to_owned(), env.clone());
            tokio::spawn(async move {
                let mut connection = PgConnection::connect(&url).await.expect("connect");
                let mut position = 0_i64;
                while started.elapsed() < WINDOW {
                    let events: Vec<_> = (0..batch).map(|index| support::event(&stream(number * 1_000 + index), 1, &env)).collect();
                    let fixed = |value: i64| vec![value; batch];
                    let texts = |text: &str| vec![text.to_owned(); batch];
                    let ids = |of: &dyn Fn(&ionveil_journal::NewEvent) -> uuid::Uuid| events.iter().map(of).collect::<Vec<_>>();
                    let positions: Vec<i64> = (1..=batch as i64).map(|index| position + index).collect();
                    position += batch as i64;
                    sqlx::query(sql)
                        .bind(&positions)
                        .bind(fixed(1_767_225_600_000_000))
                        .bind(fixed(1_483_228_800_000_000))
                        .bind(positions.clone())
                        .bind(ids(&|event| event.event_id.0))
                        .bind(ids(&|event| event.correlation_id.0))
                        .bind(ids(&|event| event.causation_id))
                        .bind(vec![1_i32; batch])
                        .bind(vec![number as i16; batch])
                        .bind(texts("default"))
                        .bind(texts("workflow"))
                        .bind(events.iter().map(|event| event.stream.id.to_string()).collect::<Vec<_>>())
                        .bind(texts("transitioned"))
                        .bind(texts("user:dispatcher-7"))
                        .bind(texts(support::PAYLOAD))
                        .execute(&mut connection)
                        .await
                        .expect("insert");
                }
                position
            })
        })
        .collect();
    let mut events = 0;
    for worker in workers {
        events += worker.await.expect("a worker");
    }
    events as f64 / started.elapsed().as_secs_f64()
}

async fn sqlite(env: &Env) {
    let (mut own, mut raw, mut single, mut batches) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("journal.sqlite"), 16).await.expect("open");
        let (rate, batch) = ours(Arc::new(store), env, WINDOW).await;
        own.push(rate);
        batches.push(batch);
        raw.push(sqlite_raw(env, batch.round().max(1.0) as usize).await);
        single.push(sqlite_raw(env, 1).await);
    }
    head("Appends per second, SQLite, synchronous=FULL, 256 callers waiting", "IonVeil, events/s", "peer, events/s");
    let batch = Figure::new(batches).median();
    row(
        &format!("raw insert, batches of {batch:.0}"),
        &Figure::new(own.clone()).to_string(),
        &Figure::new(raw.clone()).to_string(),
        &format!("{:.2}", ratio(&own, &raw)),
    );
    row(
        "one transaction per event",
        &Figure::new(own.clone()).to_string(),
        &Figure::new(single.clone()).to_string(),
        &format!("{:.2}", ratio(&own, &single)),
    );
}

/// The plain multi-row insert into the journal's own tables, in one transaction a batch.
async fn sqlite_raw(env: &Env, batch: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.sqlite");
    SqliteStore::open(&path, 16).await.expect("open").close().await;
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.expect("connect");
    connection.execute("PRAGMA synchronous = FULL").await.expect("pragma");
    let row = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    let sql = format!(
        "INSERT INTO events (place, org, kind, id, sequence_number, event_type, schema_version, event_id, occurred_at, recorded_at,
             correlation_id, causation_id, actor, data) VALUES {}",
        vec![row; batch].join(",")
    );
    let (started, mut place) = (Instant::now(), 0_i64);
    while started.elapsed() < WINDOW {
        let events: Vec<_> = (0..batch).map(|index| support::event(&stream(index), 1, env)).collect();
        let ids: Vec<String> = events.iter().map(|event| event.stream.id.to_string()).collect();
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
        for (event, id) in events.iter().zip(&ids) {
            place += 1;
            query = query.bind(place).bind("default").bind("workflow").bind(id).bind(place).bind("transitioned").bind(1_i64);
            query = query.bind(event.event_id.0.as_bytes().to_vec()).bind(1_483_228_800_000_000_i64).bind(1_767_225_600_000_000_i64);
            query = query.bind(event.correlation_id.0.as_bytes().to_vec()).bind(event.causation_id.as_bytes().to_vec());
            query = query.bind("user:dispatcher-7").bind(support::PAYLOAD);
        }
        query.execute(&mut connection).await.expect("insert");
    }
    place as f64 / started.elapsed().as_secs_f64()
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
