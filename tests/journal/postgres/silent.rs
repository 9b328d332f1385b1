//! Servers and locks that do not answer: every call ends within limits that are shorter than the lease.

use super::given::*;
use crate::journal::contract::given::*;
use crate::support::postgres::Postgres;
use ionveil_journal::{PostgresOptions, PostgresStore, Store, StoreError};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn a_head_that_stays_locked_ends_the_append_in_time() {
    let (store, claims, database) = claimed().await;
    let mut holder = session(&database).await;
    lock_heads(&mut holder).await;
    let begun = Instant::now();
    let refused = store.append(&claims, &[single(&name("a"), "c1", 1)], second(0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "the server's word that nothing was stored: {refused:?}");
    assert!(begun.elapsed() < PostgresOptions::default().lease);
    let refused = store.reclaim(node(1), &claims, LONG).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    end(&mut holder, "ROLLBACK").await;
    accepted(&store, &claims, &[single(&name("a"), "c1", 1)]).await;
}

#[tokio::test]
async fn a_frozen_server_hangs_nobody() {
    let server = Postgres::own();
    let database = server.database();
    let options = PostgresOptions { partitions: 4, read_timeout: Duration::from_secs(1), ..PostgresOptions::default() };
    let lease = options.lease;
    let store = PostgresStore::connect(&database.url, options).await.unwrap();
    let claims = owned(&store).await;
    let append = single(&name("a"), "c2", 2);
    accepted(&store, &claims, &[single(&name("a"), "c1", 1)]).await;

    server.freeze();
    let begun = Instant::now();
    let batch = std::slice::from_ref(&append);
    let (lost, read, beat) = tokio::join!(store.append(&claims, batch, second(0)), store.heads(), store.heartbeat(node(1), &claims, lease));
    assert!(begun.elapsed() < lease, "{:?}", begun.elapsed());
    // An idle connection is asked first whether it lives: then nothing was sent.
    assert!(matches!(lost, Err(StoreError::OutcomeUnknown(_) | StoreError::Unavailable(_))), "{lost:?}");
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(beat, Err(StoreError::Unavailable(_))), "{beat:?}");
    server.thaw();

    let raised = store.reclaim(node(1), &claims, LONG).await.unwrap();
    let stored = store.receipts(&append.owner, &[append.command_id]).await.unwrap()[0].is_some();
    let again = put(&store, &raised, batch).await;
    assert_eq!(words(&again), [if stored { "duplicate" } else { "accepted" }]);
    assert_eq!(numbers(&store.read_stream(&append.owner, 0, 10).await.unwrap()), [1, 2]);
}

/// A caller that stops waiting gets its connection closed, not handed to the next caller with an answer in it.
#[tokio::test]
async fn an_abandoned_call_does_not_disturb_the_next() {
    let (store, claims, database) = claimed().await;
    let mut holder = session(&database).await;
    lock_heads(&mut holder).await;
    let append = single(&name("a"), "c1", 1);
    tokio::select! {
        biased;
        _ = store.append(&claims, std::slice::from_ref(&append), second(0)) => panic!("the head is locked"),
        () = waiting(&database, 1) => {}
    }
    end(&mut holder, "ROLLBACK").await;
    let raised = store.reclaim(node(1), &claims, LONG).await.unwrap();
    let stored = store.receipts(&append.owner, &[append.command_id]).await.unwrap()[0].is_some();
    let again = put(&store, &raised, std::slice::from_ref(&append)).await;
    assert_eq!(words(&again), [if stored { "duplicate" } else { "accepted" }]);
}
