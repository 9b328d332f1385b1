//! Connections that break while a commit is under way: nobody knows the outcome, and the receipts tell it afterwards.

use super::given::*;
use crate::journal::contract::given::*;
use crate::support::postgres::Postgres;
use crate::support::proxy::{Cut, Proxy};
use ionveil_journal::{Store, StoreError};
use sqlx::Executor;

#[tokio::test]
async fn an_answer_that_is_lost_leaves_the_outcome_unknown() {
    for (cut, stored) in [(Cut::Answer, true), (Cut::Request, false)] {
        let database = Postgres::shared().database();
        let proxy = Proxy::to(Postgres::shared().port()).await;
        let store = connect(&proxy.redirect(&database.url)).await;
        let claims = owned(&store).await;
        let owner = name("a");
        accepted(&store, &claims, &[single(&owner, "c1", 1)]).await;
        let append = single(&owner, "c2", 2);

        proxy.cut_next(cut);
        let lost = store.append(&claims, std::slice::from_ref(&append), second(0)).await;
        assert!(matches!(lost, Err(StoreError::OutcomeUnknown(_))), "{lost:?}");

        let raised = store.reclaim(node(1), &claims, LONG).await.unwrap();
        let receipt = store.receipts(&owner, &[append.command_id]).await.unwrap().remove(0);
        assert_eq!(receipt.is_some(), stored);
        let again = put(&store, &raised, std::slice::from_ref(&append)).await;
        assert_eq!(words(&again), [if stored { "duplicate" } else { "accepted" }]);
        assert_eq!(numbers(&store.read_stream(&owner, 0, 10).await.unwrap()), [1, 2], "exactly once");
    }
}

#[tokio::test]
async fn a_session_ended_by_force_leaves_the_outcome_unknown() {
    let (store, claims, database) = claimed().await;
    let owner = name("a");
    accepted(&store, &claims, &[single(&owner, "c1", 1)]).await;
    let (mut holder, mut admin) = (session(&database).await, session(&database).await);
    lock_heads(&mut holder).await;
    let append = single(&owner, "c2", 2);
    let (lost, ()) = tokio::join!(store.append(&claims, std::slice::from_ref(&append), second(0)), async {
        waiting(&database, 1).await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'ionveil' AND wait_event_type = 'Lock'";
        admin.execute(kill).await.unwrap();
    });
    assert!(matches!(lost, Err(StoreError::OutcomeUnknown(_))), "{lost:?}");
    end(&mut holder, "ROLLBACK").await;

    let raised = store.reclaim(node(1), &claims, LONG).await.unwrap();
    assert_eq!(store.receipts(&owner, &[append.command_id]).await.unwrap(), [None]);
    accepted(&store, &raised, &[append]).await;
}

/// All sessions at once, as when the server is restarted: connections that were idle are found out before anything is
/// trusted to them, or the fault is told; later calls find new ones.
#[tokio::test]
async fn calls_recover_after_all_connections_were_lost() {
    let database = Postgres::shared().database();
    let proxy = Proxy::to(Postgres::shared().port()).await;
    let store = connect(&proxy.redirect(&database.url)).await;
    let claims = owned(&store).await;
    accepted(&store, &claims, &[single(&name("a"), "c1", 1)]).await;
    proxy.cut_all();
    until(async || store.read_stream(&name("a"), 0, 10).await.is_ok_and(|events| events.len() == 1)).await;
    until(async || store.append(&claims, &[single(&name("a"), "c2", 2)], second(0)).await.is_ok()).await;
    until(async || store.heartbeat(node(1), &claims, LONG).await.is_ok_and(|held| held == claims)).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let server = Postgres::own();
    let database = server.database();
    let store = connect(&database.url).await;
    let claims = owned(&store).await;
    server.crash();
    // A connection that broke under the call leaves doubt; a new one is refused, which leaves none.
    let append = [single(&name("a"), "c1", 1)];
    until(async || matches!(store.append(&claims, &append, second(0)).await, Err(StoreError::Unavailable(_)))).await;
    assert!(matches!(store.heads().await, Err(StoreError::Unavailable(_))));
    server.restart();
    // Idle connections that the crash broke show it when they are next used, one after the other.
    let mut raised = Vec::new();
    until(async || {
        raised = store.reclaim(node(1), &claims, LONG).await.unwrap_or_default();
        !raised.is_empty()
    })
    .await;
    accepted(&store, &raised, &append).await;
}

#[tokio::test]
async fn what_was_accepted_survives_a_crash_of_the_server() {
    let server = Postgres::own();
    let database = server.database();
    let store = connect(&database.url).await;
    let claims = owned(&store).await;
    let batch: Vec<_> = (0..50).map(|n| single(&name(&format!("e{n}")), "c1", 1)).collect();
    let receipts = accepted(&store, &claims, &batch).await;
    server.crash();
    server.restart();
    let store = connect(&database.url).await;
    for (append, receipt) in batch.iter().zip(receipts) {
        assert_eq!(store.receipts(&append.owner, &[append.command_id]).await.unwrap(), [Some(receipt)]);
        assert_eq!(numbers(&store.read_stream(&append.owner, 0, 10).await.unwrap()), [1]);
    }
}
