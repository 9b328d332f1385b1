//! How a database becomes a journal, and which databases are refused.

use super::given::*;
use crate::journal::contract::given::*;
use crate::journal::contract::timers::{arm, with};
use crate::support::postgres::Postgres;
use ionveil_journal::{PostgresOptions, PostgresStore, Store, StoreError, TimerStore};
use sqlx::{Executor, Row};

fn options() -> PostgresOptions {
    PostgresOptions { partitions: 4, ..PostgresOptions::default() }
}

#[tokio::test]
async fn migrations_are_applied_once() {
    let database = Postgres::shared().database();
    let first = PostgresStore::migrate(&database.url, &options()).await.unwrap();
    assert_eq!(first.iter().map(|step| step.version).collect::<Vec<_>>(), (1..=first.len() as i64).collect::<Vec<_>>());
    assert!(!first.is_empty());
    assert_eq!(PostgresStore::migrate(&database.url, &options()).await.unwrap(), []);
}

#[tokio::test]
async fn a_journal_keeps_its_number_of_partitions() {
    let database = Postgres::shared().database();
    assert_eq!(connect(&database.url).await.partitions(), 4);
    let other = PostgresOptions { partitions: 9, ..options() };
    assert_eq!(PostgresStore::connect(&database.url, other).await.unwrap().partitions(), 4);
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_journal() {
    let database = Postgres::shared().database();
    let nine = PostgresOptions { partitions: 9, ..options() };
    let (one, two, three) = tokio::join!(
        PostgresStore::connect(&database.url, options()),
        PostgresStore::connect(&database.url, nine),
        PostgresStore::connect(&database.url, options())
    );
    let made = one.unwrap().partitions();
    assert_eq!((two.unwrap().partitions(), three.unwrap().partitions()), (made, made));
}

#[tokio::test]
async fn schemas_of_one_database_are_apart() {
    let database = Postgres::shared().database();
    let one = connect(&database.url).await;
    let other = PostgresOptions { schema: "another".to_owned(), ..options() };
    let two = PostgresStore::connect(&database.url, other).await.unwrap();
    let (mine, yours) = (owned(&one).await, owned(&two).await);
    accepted(&one, &mine, &[single(&name("a"), "c1", 1)]).await;
    accepted(&two, &yours, &[single(&name("a"), "c1", 1)]).await;
    assert_eq!(one.heads().await.unwrap().iter().sum::<u64>(), 1);
}

#[tokio::test]
async fn what_cannot_be_used_is_refused() {
    let database = Postgres::shared().database();
    let unmigrated = PostgresStore::connect(&database.url, PostgresOptions { migrate: false, ..options() }).await.err();
    assert!(matches!(unmigrated, Some(StoreError::Incompatible(_))), "{unmigrated:?}");
    let nowhere = PostgresStore::connect(&format!("{}x", database.url), options()).await.err();
    assert!(matches!(nowhere, Some(StoreError::Incompatible(_))), "{nowhere:?}");
    for schema in ["", "Ion", "a b", "x\"; DROP TABLE events; --", "pg_catalog", &"x".repeat(64)] {
        let refused = PostgresStore::connect(&database.url, PostgresOptions { schema: schema.to_owned(), ..options() }).await.err();
        assert!(matches!(refused, Some(StoreError::Invalid(_))), "{schema:?}: {refused:?}");
    }
    for partitions in [0, 65] {
        let refused = PostgresStore::connect(&database.url, PostgresOptions { partitions, ..options() }).await.err();
        assert!(matches!(refused, Some(StoreError::Invalid(_))), "{partitions}: {refused:?}");
    }
}

/// A schema as a release before the further tables left it.
#[tokio::test]
async fn an_older_journal_is_brought_up_to_date() {
    let (store, claims, database) = claimed().await;
    let owner = name("a");
    accepted(&store, &claims, &[single(&owner, "c", 1)]).await;
    let before = everything(&store).await;
    store.close().await;
    let mut session = session(&database).await;
    let older = "DROP TABLE timers, outbox, reactor_checkpoints, dead_letters, nodes; ALTER TABLE meta DROP COLUMN secret;
        DROP FUNCTION append, holds, consume_timer, react, outbox_begin, outbox_settle, outbox_abandoned, park;
        DELETE FROM journal_migrations WHERE version > 3";
    for sql in [older, include_str!("../../../migrations/postgres/journal/0002_append.sql")] {
        session.execute(sql).await.unwrap();
    }
    let applied = PostgresStore::migrate(&database.url, &options()).await.unwrap();
    assert_eq!(applied.iter().map(|step| step.version).collect::<Vec<_>>(), [4, 5, 6, 7]);
    let store = connect(&database.url).await;
    assert_eq!(everything(&store).await, before);
    accepted(&store, &claims, &[with(&owner, 2, vec![arm("x", 1)])]).await;
    assert_eq!(store.timers(&owner).await.unwrap().len(), 1);
    let appends = "SELECT count(*) FROM pg_proc WHERE proname = 'append' AND pronamespace = 'ionveil'::regnamespace";
    let row = session.fetch_one(appends).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 1, "the old form is gone");
}

#[tokio::test]
async fn a_journal_of_a_newer_release_is_refused() {
    let database = Postgres::shared().database();
    connect(&database.url).await.close().await;
    let newer = "INSERT INTO ionveil.journal_migrations SELECT 999, 'newer', now(), true, '', 0";
    Postgres::shared().psql(&database.name, newer);
    let refused = PostgresStore::connect(&database.url, options()).await.err();
    assert!(matches!(refused, Some(StoreError::Incompatible(_))), "{refused:?}");
}

#[tokio::test]
async fn a_journal_of_another_format_is_refused() {
    let database = Postgres::shared().database();
    connect(&database.url).await.close().await;
    Postgres::shared().psql(&database.name, "UPDATE ionveil.meta SET format = 2");
    let refused = PostgresStore::connect(&database.url, options()).await.err();
    assert!(matches!(refused, Some(StoreError::Incompatible(_))), "{refused:?}");
}

#[tokio::test]
async fn what_can_never_be_stored_is_invalid() {
    let (store, claims, _database) = claimed().await;
    let mut zero = single(&name("a"), "c1", 1);
    zero.events[0].actor = "a\0b".into();
    let mut foreign = single(&name("a"), "c1", 1);
    foreign.events[0].stream = stream("elsewhere", "workflow", "a");
    for append in [zero, foreign] {
        let refused = store.append(&claims, &[append], second(0)).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(store.heads().await.unwrap(), [0; 4]);
}

#[tokio::test]
async fn a_unix_socket_does_as_well() {
    let database = Postgres::shared().database();
    let store = connect(&database.socket_url).await;
    accepted(&store, &owned(&store).await, &[single(&name("a"), "c1", 1)]).await;
    assert_eq!(store.heads().await.unwrap().iter().sum::<u64>(), 1);
}

#[tokio::test]
async fn organisations_are_found_without_a_look_at_what_they_hold() {
    let (store, claims, database) = claimed().await;
    let large = name("large");
    accepted(&store, &claims, &[append(&large, "c", events(&large, 1, 10_000)), single(&stream("zeta", "a-kind", "a"), "c", 1)]).await;
    let mut session = session(&database).await;
    session.execute("ANALYZE events").await.unwrap();
    let plan = concat!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ", include_str!("../../../journal/src/postgres/sql/organisations.sql"));
    let lines = sqlx::query(plan).bind("").bind(10_i64).fetch_all(&mut session).await.unwrap();
    let lines: Vec<String> = lines.iter().map(|line| line.get(0)).collect();
    // The first line is the whole, and so are the first pages.
    let pages = lines.iter().find(|line| line.contains("Buffers: shared")).expect("pages");
    let pages: u64 = pages.split(['=', ' ']).filter_map(|word| word.parse::<u64>().ok()).sum();
    assert!(lines[0].contains("rows=2 "), "{lines:#?}");
    assert!((1..40).contains(&pages), "some descents of an index, not the 10,000 events: {lines:#?}");
}
