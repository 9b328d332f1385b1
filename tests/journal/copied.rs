//! A journal that is copied from a file into a database is the same journal, whatever is in it.

use super::contract::given::*;
use super::contract::outbox::row;
use super::contract::timers::{arm, with};
use super::postgres::given::session;
use crate::support::postgres::{Database, Postgres};
use ionveil_journal::{
    Claim, Copied, CopyError, DeadLetter, DeadLetterStore, OutboxState, OutboxStore, PostgresOptions, PostgresStore, Reacted, Settlement,
    Snapshot, SqliteStore, Store, StoreError, TimerStore, Verdict, copy_to_postgres,
};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::task::block_in_place;

/// What ends a value, a line or a copy in the text format of `COPY`, and what stands for null there.
const HOSTILE: &str = "\\N\t\r\n\\.\n\\\\ \"' \u{7f}\u{1} ü🚒";
const REACTOR: &str = "escalation";
const PARTITIONS: u16 = 4;

fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("journal.db");
    (folder, path)
}

fn database() -> Database {
    block_in_place(Postgres::shared).database()
}

async fn copy(path: &Path, url: &str) -> Result<Copied, CopyError> {
    let mut last = None;
    let copied = copy_to_postgres(path, url, &PostgresOptions::default(), |progress| last = Some(progress)).await;
    if let (Ok(copied), Some(last)) = (&copied, last) {
        assert_eq!((last.sent, last.rows), (copied.rows.values().sum(), copied.rows.values().sum()), "the bar gets to its end");
    }
    copied
}

/// A journal with a row of every kind, owned by nobody.
async fn filled(path: &Path) -> SqliteStore {
    let store = SqliteStore::open(path, PARTITIONS).await.expect("open");
    let claims = owned(&store).await;
    for n in 0..60 {
        accepted(&store, &claims, &[append(&name(&format!("e{n}")), "c", events(&name(&format!("e{n}")), 1, 3))]).await;
    }
    write_events(&store, &claims).await;
    write_effects(&store, &claims).await;
    for fault in ["it panicked", HOSTILE] {
        let id = DeadLetter::id_of(&name("a"), command(fault));
        let (owner, command_id) = (name("a"), command(fault));
        let letter = DeadLetter {
            id,
            owner,
            command_id,
            command: HOSTILE.into(),
            meta: "{}".into(),
            fault: fault.into(),
            panics: 2,
            parked_at: second(7),
        };
        assert!(store.park(&letter, 10).await.unwrap());
    }
    store.release(node(1)).await.unwrap();
    store
}

async fn write_events(store: &SqliteStore, claims: &[Claim]) {
    let (owner, part) = (name("a"), stream("acme", "step", "a-1"));
    let mut hostile = event(&part, 1);
    (hostile.data, hostile.actor, hostile.traceparent) = (HOSTILE.into(), HOSTILE.into(), Some("00-ab-cd-01".into()));
    let timers = vec![arm("first", 10), arm("second", i64::from(u32::MAX)), arm(HOSTILE, 30)];
    accepted(store, claims, &[append(&owner, "parts", vec![event(&owner, 1), hostile, event(&owner, 2)])]).await;
    accepted(store, claims, &[with(&owner, 3, timers), append(&owner, "empty", Vec::new())]).await;
    let first = store.timers(&owner).await.unwrap().into_iter().find(|timer| timer.name == "first").expect("armed");
    let claim = claims[usize::from(first.partition)];
    assert!(store.consume_timer(claim, &first).await.unwrap());
    let snapshot = Snapshot {
        state_schema: 1,
        reducer: 1,
        version: 3,
        position: 1,
        occurred_at: second(1),
        recorded_at: second(1),
        state: "{}".into(),
    };
    store.put_snapshot(&owner, &snapshot).await.unwrap();
}

/// A row in each state.
async fn write_effects(store: &SqliteStore, claims: &[Claim]) {
    let rows: Vec<_> = (1..=4).map(row).collect();
    assert_eq!(store.react(claims[2], REACTOR, 0, 4, &rows, second(1)).await.unwrap(), Reacted::Stored);
    assert_eq!(store.react(claims[0], "views", 0, 2, &[], second(1)).await.unwrap(), Reacted::Stored);
    for row in &rows[1..] {
        assert!(store.outbox_begin(claims[2], row.effect_id).await.unwrap());
    }
    let ends = [Settlement::Failed { error: HOSTILE.into() }, Settlement::Unknown { error: "lost".into() }];
    for (row, end) in rows[2..].iter().zip(&ends) {
        assert!(store.outbox_settle(claims[2], row.effect_id, end).await.unwrap());
    }
}

/// Everything that can be asked of a store has the same answer.
async fn same(there: &dyn Store, here: &dyn Store) {
    assert_eq!(there.partitions(), here.partitions());
    assert_eq!(everything(there).await, everything(here).await);
    assert_eq!(there.heads().await.unwrap(), here.heads().await.unwrap());
    let entities = there.entities(None, 1_000).await.unwrap();
    assert_eq!(entities, here.entities(None, 1_000).await.unwrap());
    let commands = ["c", "parts", "3", "empty", "never"].map(command);
    for entity in &entities {
        assert_eq!(there.receipts(entity, &commands).await.unwrap(), here.receipts(entity, &commands).await.unwrap(), "{entity}");
        assert_eq!(there.timers(entity).await.unwrap(), here.timers(entity).await.unwrap(), "{entity}");
        let read = async |store: &dyn Store| store.read_entity(entity, 0, 0, 1_000).await.unwrap();
        assert_eq!(read(there).await, read(here).await, "{entity}");
    }
    let rows = there.outbox(None, None, None, 100).await.unwrap();
    assert_eq!(rows, here.outbox(None, None, None, 100).await.unwrap());
    assert!(OutboxState::ALL.iter().all(|state| rows.iter().any(|row| row.state == *state)), "a row in each state");
    for reactor in [REACTOR, "views", "unknown"] {
        assert_eq!(there.checkpoints(reactor).await.unwrap(), here.checkpoints(reactor).await.unwrap(), "{reactor}");
    }
    assert_eq!(there.dead_letters(None, None, 10).await.unwrap(), here.dead_letters(None, None, 10).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_journal_is_the_same_and_goes_on() {
    let ((_folder, path), database) = (file(), database());
    let there = filled(&path).await;
    let copied = copy(&path, &database.url).await.expect("copied");
    assert_eq!(copied.heads, there.heads().await.unwrap());
    let here = PostgresStore::connect(&database.url, PostgresOptions::default()).await.expect("connect");
    same(&there, &here).await;
    assert_eq!(here.snapshot(&name("a")).await.unwrap(), None, "a cache is not taken along");

    let old = there.leases().await.unwrap();
    let claims = owned(&here).await;
    assert!(claims.iter().zip(&old).all(|(claim, lease)| claim.epoch > lease.epoch), "{claims:?} {old:?}");
    let (owner, head) = (name("a"), copied.heads[usize::from(name("a").partition(PARTITIONS))]);
    let next = accepted(&here, &claims, &[single(&owner, "next", 4)]).await;
    assert_eq!(next[0].position, head + 1, "positions go on");
    let known = there.receipts(&owner, &[command("parts")]).await.unwrap();
    let again = put(&here, &claims, &[append(&owner, "parts", vec![event(&owner, 9)])]).await;
    assert_eq!(again, [Verdict::Duplicate(known[0].clone().expect("a receipt"))], "what was done once is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_table_is_forgotten() {
    let ((_folder, path), database) = (file(), database());
    drop(filled(&path).await);
    let copied = copy(&path, &database.url).await.expect("copied");
    let mut source = SqliteConnection::connect(path.to_str().expect("UTF-8")).await.unwrap();
    let mut target = session(&database).await;
    let names = "SELECT name FROM sqlite_master WHERE type = 'table'
        AND name NOT IN ('meta', 'heads', 'leases', 'snapshots', '_sqlx_migrations')";
    for table in source.fetch_all(names).await.unwrap() {
        let name: String = table.get(0);
        let count = || AssertSqlSafe(format!("SELECT count(*) FROM {name}"));
        let (there, here): (i64, i64) = (source.fetch_one(count()).await.unwrap().get(0), target.fetch_one(count()).await.unwrap().get(0));
        assert!(
            there > 0 && there == here && copied.rows.get(&*name) == Some(&there.unsigned_abs()),
            "{name}: {there} and {here}, {copied:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_use_or_not_empty_is_left_alone() {
    let ((_folder, path), database) = (file(), database());
    let there = filled(&path).await;
    let claims = there.claim(node(2), LONG).await.unwrap();
    let refused = copy(&path, &database.url).await;
    assert!(matches!(refused, Err(CopyError::InUse { which: "the source", lease }) if lease.node == Some(node(2))), "{refused:?}");
    accepted(&there, &claims, &[single(&name("later"), "c", 1)]).await;
    there.release(node(2)).await.unwrap();

    // Another number of partitions does not matter as long as nothing is there.
    let here = PostgresStore::connect(&database.url, PostgresOptions { partitions: 7, ..PostgresOptions::default() }).await.unwrap();
    here.claim(node(3), LONG).await.unwrap();
    let refused = copy(&path, &database.url).await;
    assert!(matches!(refused, Err(CopyError::InUse { which: "the target", lease }) if lease.node == Some(node(3))), "{refused:?}");
    here.release(node(3)).await.unwrap();
    copy(&path, &database.url).await.expect("made, and empty");
    let refused = copy(&path, &database.url).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty("events"))), "{refused:?}");
    same(&there, &PostgresStore::connect(&database.url, PostgresOptions::default()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_in_the_source_is_not_copied() {
    let ((_folder, path), database) = (file(), database());
    drop(filled(&path).await);
    let mut source = SqliteConnection::connect(path.to_str().expect("UTF-8")).await.unwrap();
    source.execute("DELETE FROM events WHERE place = (SELECT min(place) FROM events)").await.unwrap();
    let refused = copy(&path, &database.url).await;
    assert!(matches!(refused, Err(CopyError::Differs(_))), "{refused:?}");
    let mut target = session(&database).await;
    let rows: i64 = target.fetch_one("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM meta)").await.unwrap().get(0);
    assert_eq!(rows, 0, "all was taken back");

    let other = path.with_file_name("other.db");
    let refused = copy(&other, &database.url).await;
    assert!(matches!(refused, Err(CopyError::Source(StoreError::Unavailable(_)))), "{refused:?}");
    assert!(!other.exists(), "no file is made");
}
