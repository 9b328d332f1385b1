//! The store in a SQLite file: the contract, and what only a file can get wrong.

use super::contract::given::*;
use super::contract::timers::{arm, with};
use super::contract::{Fresh, contract_suite};
use super::feed::feed_suite;
use super::node::node_suite;
use ionveil_journal::{SqliteSettings, SqliteStore, Store, StoreError, TimerStore};
use sqlx::{Connection, Row, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

async fn fresh() -> Fresh {
    let folder = folder();
    let store = open(folder.path()).await;
    Fresh::new(store, folder)
}

contract_suite!(fresh);
feed_suite!(fresh);
node_suite!(fresh);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

async fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("journal.db"), 4).await.expect("open")
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = folder();
    let owner = name("a");
    let first = open(folder.path()).await;
    let claims = owned(&first).await;
    let receipts = accepted(&first, &claims, &[append(&owner, "c", events(&owner, 1, 3))]).await;
    let before = everything(&first).await;
    first.close().await;
    let again = open(folder.path()).await;
    assert_eq!(everything(&again).await, before);
    assert_eq!(again.receipts(&owner, &[command("c")]).await.unwrap(), [Some(receipts[0].clone())]);
    assert_eq!(words(&put(&again, &claims, &[single(&owner, "d", 4)]).await), ["accepted"], "epochs are kept as well");
    assert!(again.leases().await.unwrap().iter().all(|lease| lease.node == Some(node(1))));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_without_closing() {
    let folder = folder();
    let owner = name("a");
    let first = open(folder.path()).await;
    let claims = owned(&first).await;
    accepted(&first, &claims, &[append(&owner, "c", events(&owner, 1, 3))]).await;
    // As after SIGKILL: the file and its log as they are, copied while the first store still has them open.
    let copy = tempfile::tempdir().unwrap();
    for file in ["journal.db", "journal.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let second = open(copy.path()).await;
    assert_eq!(everything(&second).await, everything(&first).await);
}

#[tokio::test]
async fn the_file_keeps_its_number_of_partitions() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    SqliteStore::open(&path, 8).await.unwrap().close().await;
    let again = SqliteStore::open(&path, 16).await.unwrap();
    assert_eq!((again.partitions(), again.heads().await.unwrap().len(), again.leases().await.unwrap().len()), (8, 8, 8));
    for wrong in [0, 65] {
        let refused = SqliteStore::open(&folder.path().join("other.db"), wrong).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{wrong} partitions");
    }
}

#[tokio::test]
async fn organisations_are_found_without_a_look_at_what_they_hold() {
    let folder = folder();
    open(folder.path()).await.close().await;
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", folder.path().join("journal.db").display())).await.unwrap();
    let plan = concat!("EXPLAIN QUERY PLAN ", include_str!("../../journal/src/sqlite/sql/organisations.sql"));
    let steps = sqlx::query(plan).bind("").bind(10).fetch_all(&mut connection).await.unwrap();
    let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
    let seeks = steps.iter().filter(|step| step.contains("USING COVERING INDEX events_by_stream (org>?)")).count();
    assert!(seeks == 2 && steps.iter().all(|step| !step.starts_with("SCAN e")), "{steps:?}");
}

#[tokio::test]
async fn a_foreign_file_is_refused() {
    let folder = folder();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, however long it may be\n".repeat(100)).unwrap();
    assert!(matches!(SqliteStore::open(&text, 4).await, Err(StoreError::Corrupt(_))));
    assert!(matches!(SqliteStore::open_read_only(&text).await, Err(StoreError::Corrupt(_))));
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert!(matches!(SqliteStore::open_read_only(&empty).await, Err(StoreError::Incompatible(_))));
    assert!(matches!(SqliteStore::open_read_only(&folder.path().join("none.db")).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_file_of_another_form_is_refused() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    SqliteStore::open(&path, 4).await.unwrap().close().await;
    change(&path, "UPDATE meta SET format = 99").await;
    assert!(matches!(SqliteStore::open(&path, 4).await, Err(StoreError::Incompatible(_))));
    assert!(matches!(SqliteStore::open_read_only(&path).await, Err(StoreError::Incompatible(_))));
    change(&path, "UPDATE meta SET format = 1").await;
    change(&path, "UPDATE _sqlx_migrations SET checksum = x'00'").await;
    assert!(matches!(SqliteStore::open(&path, 4).await, Err(StoreError::Incompatible(_))));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_told() {
    let folder = folder();
    let owner = name("a");
    let store = open(folder.path()).await;
    let claims = owned(&store).await;
    accepted(&store, &claims, &[append(&owner, "c", events(&owner, 1, 3))]).await;
    drop(store);
    change(&folder.path().join("journal.db"), "UPDATE events SET event_id = x'0102' WHERE sequence_number = 2").await;
    let store = open(folder.path()).await;
    assert!(matches!(store.read_stream(&owner, 0, 10).await, Err(StoreError::Corrupt(_))));
    let partition = owner.partition(4);
    assert!(matches!(store.read_partition(partition, 0, 10, &Default::default()).await, Err(StoreError::Corrupt(_))));
    assert_eq!(numbers(&store.read_stream(&owner, 2, 10).await.unwrap()), [3], "the rest can be read");
}

#[tokio::test]
async fn a_reader_beside_the_writer_sees_what_is_committed() {
    let folder = folder();
    let owner = name("a");
    let writer = open(folder.path()).await;
    let claims = owned(&writer).await;
    let reader = SqliteStore::open_read_only(&folder.path().join("journal.db")).await.unwrap();
    assert_eq!(reader.partitions(), 4);
    for n in 1..=20 {
        accepted(&writer, &claims, &[single(&owner, &n.to_string(), n)]).await;
        assert_eq!(numbers(&reader.read_stream(&owner, 0, 100).await.unwrap()), (1..=n).collect::<Vec<_>>());
    }
    assert_eq!(everything(&reader).await, everything(&writer).await);
}

#[tokio::test]
async fn a_reader_without_a_writer_reads_after_a_crash_too() {
    let folder = folder();
    let owner = name("a");
    let writer = open(folder.path()).await;
    let claims = owned(&writer).await;
    accepted(&writer, &claims, &[append(&owner, "c", events(&owner, 1, 3))]).await;
    let copy = tempfile::tempdir().unwrap();
    for file in ["journal.db", "journal.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let reader = SqliteStore::open_read_only(&copy.path().join("journal.db")).await.unwrap();
    assert_eq!(everything(&reader).await, everything(&writer).await);
}

#[tokio::test]
async fn a_read_only_store_refuses_to_write() {
    let folder = folder();
    let owner = name("a");
    let writer = open(folder.path()).await;
    let claims = owned(&writer).await;
    let reader = SqliteStore::open_read_only(&folder.path().join("journal.db")).await.unwrap();
    let refused = reader.append(&claims, &[single(&owner, "c", 1)], second(0)).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    assert!(matches!(reader.claim(node(2), LONG).await, Err(StoreError::Invalid(_))));
    assert!(matches!(reader.release(node(1)).await, Err(StoreError::Invalid(_))));
    assert_eq!(words(&put(&writer, &claims, &[single(&owner, "c", 1)]).await), ["accepted"]);
}

/// Drops an append after `polls` polls, wherever it is then.
async fn drop_append(store: &SqliteStore, claims: &[ionveil_journal::Claim], batch: &[ionveil_journal::Append], polls: usize) {
    let mut append = store.append(claims, batch, second(0));
    for _ in 0..polls {
        if futures_util::FutureExt::now_or_never(&mut append).is_some() {
            return;
        }
        // Lets the thread of the connection get on by an unknown piece.
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn an_append_that_is_dropped_blocks_nobody() {
    let folder = folder();
    let owner = name("a");
    let store = open(folder.path()).await;
    let claims = owned(&store).await;
    let mut version = 0;
    let mut tally = [0, 0];
    for round in 0..60 {
        let dropped = [append(&owner, &format!("dropped {round}"), events(&owner, version + 1, version + 300))];
        drop_append(&store, &claims, &dropped, round * 7 % 400).await;
        // Whole or absent, and the next append finds no open transaction.
        let whole = store.receipts(&owner, &[command(&format!("dropped {round}"))]).await.unwrap().remove(0);
        let next = single(&owner, &format!("next {round}"), version + 1);
        let verdict = words(&put(&store, &claims, &[next]).await).remove(0);
        let stored = store.read_stream(&owner, version, 1_000).await.unwrap().len();
        match verdict {
            "accepted" => assert!(whole.is_none() && stored == 1, "round {round}: {stored} events"),
            "conflict" => assert_eq!(stored, 300, "round {round}"),
            other => panic!("round {round}: {other}"),
        }
        tally[usize::from(stored == 300)] += 1;
        version += stored as u64;
    }
    println!("{} dropped appends were absent, {} whole", tally[0], tally[1]);
}

#[tokio::test]
async fn a_full_disk_stores_nothing_by_halves() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let settings = SqliteSettings { partitions: 4, pages_max: Some(60), ..SqliteSettings::default() };
    let store = SqliteStore::open_with(&path, settings).await.unwrap();
    let claims = owned(&store).await;
    let owner = name("a");
    accepted(&store, &claims, &[append(&owner, "small", events(&owner, 1, 10))]).await;
    let before = everything(&store).await;
    let large = [append(&owner, "large", events(&owner, 11, 5_000))];
    for _ in 0..3 {
        let full = store.append(&claims, &large, second(0)).await;
        assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
        assert_eq!(everything(&store).await, before);
        assert_eq!(store.receipts(&owner, &[command("large")]).await.unwrap(), [None]);
    }
    accepted(&store, &claims, &[append(&owner, "fits", events(&owner, 11, 12))]).await;
    store.close().await;
    let roomy = open(folder.path()).await;
    assert_eq!(words(&put(&roomy, &claims, &[append(&owner, "large", events(&owner, 13, 5_000))]).await), ["accepted"]);
    assert_eq!(roomy.heads().await.unwrap().iter().sum::<u64>(), 5_000);
}

#[tokio::test]
async fn a_locked_file_is_unavailable_and_then_recovers() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let settings = SqliteSettings { partitions: 4, busy_timeout: std::time::Duration::from_millis(20), ..SqliteSettings::default() };
    let store = SqliteStore::open_with(&path, settings).await.unwrap();
    let claims = owned(&store).await;
    let owner = name("a");
    let mut other = connect(&path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let busy = store.append(&claims, &[single(&owner, "c", 1)], second(0)).await;
    assert!(matches!(busy, Err(StoreError::Unavailable(_))), "{busy:?}");
    assert!(store.read_stream(&owner, 0, 10).await.unwrap().is_empty(), "readers do not wait");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(words(&put(&store, &claims, &[single(&owner, "c", 1)]).await), ["accepted"]);
}

#[tokio::test]
async fn commits_are_synced_and_the_log_is_bounded() {
    let folder = folder();
    let store = Arc::new(open(folder.path()).await);
    let claims = owned(&*store).await;
    let log = folder.path().join("journal.db-wal");
    for n in 0..12 {
        let owner = name(&format!("e{n}"));
        accepted(&*store, &claims, &[append(&owner, "c", events(&owner, 1, 20_000))]).await;
    }
    let bytes = std::fs::metadata(&log).unwrap().len();
    assert!(bytes < 128 << 20, "the log has {bytes} bytes");
    let mut connection = connect(&folder.path().join("journal.db")).await;
    let mode: String = sqlx::query("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap().get(0);
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_closed_store_answers_at_once() {
    let folder = folder();
    let store = open(folder.path()).await;
    let claims = owned(&store).await;
    store.close().await;
    let closed = store.append(&claims, &[single(&name("a"), "c", 1)], second(0)).await;
    assert!(matches!(closed, Err(StoreError::Unavailable(_))), "{closed:?}");
    assert!(matches!(store.heads().await, Err(StoreError::Unavailable(_))));
    assert!(!folder.path().join("journal.db-wal").exists(), "the log was folded back");
}

async fn connect(path: &Path) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions;
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn change(path: &Path, sql: &'static str) {
    use sqlx::Connection;
    let mut connection = connect(path).await;
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A file as a release before the further tables left it.
#[tokio::test]
async fn an_older_file_is_brought_up_to_date() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let owner = name("a");
    let first = open(folder.path()).await;
    let claims = owned(&first).await;
    accepted(&first, &claims, &[single(&owner, "c", 1)]).await;
    let before = everything(&first).await;
    first.close().await;
    for table in ["DROP TABLE timers", "DROP TABLE outbox", "DROP TABLE reactor_checkpoints", "DROP TABLE dead_letters"] {
        change(&path, table).await;
    }
    change(&path, "DELETE FROM _sqlx_migrations WHERE version > 1").await;
    let reader = SqliteStore::open_read_only(&path).await.unwrap();
    assert_eq!(everything(&reader).await, before);
    assert!(matches!(reader.timers(&owner).await, Err(StoreError::Incompatible(_))), "who only reads changes no file");
    reader.close().await;
    let again = open(folder.path()).await;
    assert_eq!(everything(&again).await, before);
    accepted(&again, &claims, &[with(&owner, 2, vec![arm("x", 1)])]).await;
    assert_eq!(again.timers(&owner).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_reader_that_never_ends_does_not_stop_the_writer() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let settings = SqliteSettings { partitions: 4, busy_timeout: std::time::Duration::from_millis(50), ..SqliteSettings::default() };
    let store = SqliteStore::open_with(&path, settings).await.unwrap();
    let claims = owned(&store).await;
    let mut reader = connect(&path).await;
    sqlx::query("BEGIN").execute(&mut reader).await.unwrap();
    sqlx::query("SELECT count(*) FROM events").fetch_one(&mut reader).await.unwrap();
    let log = folder.path().join("journal.db-wal");
    let size = || std::fs::metadata(&log).unwrap().len();
    let mut rounds = 0..;
    let mut write_until = async |enough: &dyn Fn(u64) -> bool| {
        while !enough(size()) {
            let owner = name(&format!("e{}", rounds.next().unwrap()));
            let mut large = event(&owner, 1);
            large.data = "x".repeat(8 << 20);
            accepted(&store, &claims, &[append(&owner, "c", vec![large])]).await;
        }
    };
    write_until(&|bytes| bytes > 80 << 20).await;
    sqlx::query("ROLLBACK").execute(&mut reader).await.unwrap();
    // Without the reader the log is folded back and its file cut.
    write_until(&|bytes| bytes < 64 << 20).await;
}
