//! Reading: the fold of one long stream, and the feed from end to end, against fetching the same rows and doing nothing
//! with them.
//!
//! `cargo bench --bench reads [-- fold|feed]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

mod support;

use futures_util::TryStreamExt;
use ionveil_actors::{Loader, Until};
use ionveil_journal::{Cursor, Feed, Filter, PostgresOptions, PostgresStore, SqliteStore, Store};
use ionveil_kernel::Env;
use ionveil_workflow::{Machines, Workflow};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{Figure, head, on_runtime, postgres::Postgres, ratio, row, seconds, stream};

const FOLDED: u64 = 10_000;
const FEED: u64 = 1_000_000;
const RUNS: usize = 7;

fn main() {
    let wish = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    on_runtime(async |env| {
        if wish.is_empty() || wish == "fold" {
            fold(&env).await;
        }
        if wish.is_empty() || wish == "feed" {
            feed(&env).await;
        }
    });
}

async fn fold(env: &Env) {
    head("Fold of 10,000 events of one stream, warm", "IonVeil, ms", "fetching the rows alone, ms");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.sqlite");
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, 16).await.expect("open"));
    let url = Postgres::shared().database().url;
    let postgres = postgres_store(&url).await;
    for (name, store) in [("SQLite", sqlite), ("Postgres", postgres)] {
        let journal = support::journal(store.clone(), env).await;
        support::commit(&journal, support::append(&stream(0), 1, FOLDED, env)).await;
        let loader = Loader::new(Arc::new(Workflow::new(Arc::new(Machines::default()))), store);
        let (mut folds, mut fetches) = (vec![], vec![]);
        for run in 0..=RUNS {
            let (fold, loaded) = seconds(loader.replay(&stream(0), Until::default())).await;
            assert_eq!(loaded.expect("folds").version, FOLDED);
            let (fetch, rows) = seconds(fetch_stream(name, &path, &url)).await;
            assert_eq!(rows, FOLDED);
            if run > 0 {
                folds.push(fold * 1e3);
                fetches.push(fetch * 1e3);
            }
        }
        row(
            name,
            &Figure::new(folds.clone()).to_string(),
            &Figure::new(fetches.clone()).to_string(),
            &format!("{:.2}", ratio(&folds, &fetches)),
        );
    }
}

async fn fetch_stream(name: &str, path: &Path, url: &str) -> u64 {
    const SQL: &str = "SELECT event_type, schema_version, occurred_at, recorded_at, data FROM events WHERE kind = 'workflow' AND id = 'entity-0' ORDER BY sequence_number";
    if name == "SQLite" {
        let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.expect("connect");
        return count(sqlx::query(SQL).fetch(&mut connection)).await;
    }
    let mut connection = postgres_connection(url).await;
    count(sqlx::query(SQL).fetch(&mut connection)).await
}

async fn count<R>(rows: impl futures_util::Stream<Item = Result<R, sqlx::Error>>) -> u64 {
    rows.try_fold(0, async |count, _| Ok(count + 1)).await.expect("rows")
}

async fn feed(env: &Env) {
    head("The feed: 1,000,000 events in order", "IonVeil, events/s", "fetching the rows alone, events/s");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.sqlite");
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, 16).await.expect("open"));
    let url = Postgres::shared().database().url;
    let postgres = postgres_store(&url).await;
    for (name, store) in [("SQLite", sqlite), ("Postgres", postgres)] {
        let journal = support::journal(store.clone(), env).await;
        support::fill(&journal, env, 2_000, FEED).await;
        let (mut feeds, mut fetches) = (vec![], vec![]);
        for run in 0..4 {
            let (read, events) = seconds(read_all(store.clone())).await;
            assert_eq!(events, FEED);
            let (fetch, rows) = seconds(fetch_all(name, &path, &url)).await;
            assert_eq!(rows, FEED);
            if run > 0 {
                feeds.push(FEED as f64 / read);
                fetches.push(FEED as f64 / fetch);
            }
        }
        row(
            name,
            &Figure::new(feeds.clone()).to_string(),
            &Figure::new(fetches.clone()).to_string(),
            &format!("{:.2}", ratio(&feeds, &fetches)),
        );
    }
}

/// Reads to the end, checking the order of each partition on the way.
async fn read_all(store: Arc<dyn Store>) -> u64 {
    let mut seen = vec![0; usize::from(store.partitions())];
    let mut feed = Feed::new(store.clone(), Filter::default(), &Cursor::start(store.partitions()), 4_096);
    let mut events = 0;
    loop {
        let page = feed.next(16_384).await.expect("read");
        for event in &page {
            let last = &mut seen[usize::from(event.partition)];
            assert_eq!(event.position, *last + 1, "dense and in order");
            *last = event.position;
        }
        events += page.len() as u64;
        if page.is_empty() {
            return events;
        }
    }
}

async fn fetch_all(name: &str, path: &Path, url: &str) -> u64 {
    if name == "SQLite" {
        let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.expect("connect");
        return count(sqlx::query("SELECT * FROM events ORDER BY place").fetch(&mut connection)).await;
    }
    let mut connection = postgres_connection(url).await;
    count(sqlx::query("SELECT * FROM events ORDER BY partition, position").fetch(&mut connection)).await
}

async fn postgres_connection(url: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.expect("connect");
    sqlx::Executor::execute(&mut connection, "SET search_path = ionveil").await.expect("set");
    connection
}

async fn postgres_store(url: &str) -> Arc<dyn Store> {
    let options = PostgresOptions { lease: Duration::from_secs(30), ..PostgresOptions::default() };
    Arc::new(PostgresStore::connect(url, options).await.expect("connect"))
}
