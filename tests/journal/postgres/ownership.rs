//! Partitions that change hands while something is under way.

use super::given::*;
use crate::journal::contract::given::*;
use crate::support::postgres::{Postgres, signal};
use ionveil_journal::Store;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

/// Takes partitions in a transaction of `session` and leaves it open, as a new owner does whose commit is slow.
async fn take_uncommitted(session: &mut PgConnection, partitions: &[u16]) {
    session.execute("BEGIN; UPDATE leases SET expires_at = '-infinity'").await.unwrap();
    for partition in partitions {
        let node = node(2);
        let sql = format!("SELECT take_over({partition}::smallint, '{node}', NULL, '1 hour')");
        session.execute(AssertSqlSafe(sql)).await.unwrap();
    }
}

/// The epoch is compared again after the wait for the lock: the row that the writer waited for is not the row that it
/// found at first.
#[tokio::test]
async fn an_append_that_waited_for_a_takeover_is_fenced() {
    for (ending, expected) in [("COMMIT", ["fenced", "accepted"]), ("ROLLBACK", ["accepted", "accepted"])] {
        let (store, claims, database) = claimed().await;
        let mut taker = session(&database).await;
        take_uncommitted(&mut taker, &[0]).await;
        let batch = [single(&name_in(&store, 0), "a", 1), single(&name_in(&store, 1), "b", 1)];
        let (verdicts, ()) = tokio::join!(put(&store, &claims, &batch), async {
            waiting(&database, 1).await;
            end(&mut taker, ending).await;
        });
        assert_eq!(words(&verdicts), expected, "{ending}");
    }
}

#[tokio::test]
async fn a_writer_that_resumes_after_its_partitions_were_taken_is_fenced() {
    let (sleeper, _, database) = claimed().await;
    let old = sleeper.claim(node(1), Duration::from_millis(1)).await.unwrap();
    accepted(&sleeper, &old, &[single(&name("a"), "c1", 1)]).await;
    let taker = connect(&database.url).await;
    let taking = async {
        loop {
            let taken = taker.claim(node(2), LONG).await.unwrap();
            if taken.len() == 4 {
                return taken;
            }
        }
    };
    let taken = tokio::time::timeout(LONG, taking).await.expect("a lease of one millisecond ends");

    assert_eq!(words(&put(&sleeper, &old, &[single(&name("a"), "c2", 2), single(&name("b"), "c1", 1)]).await), ["fenced", "fenced"]);
    assert_eq!(sleeper.heartbeat(node(1), &old, LONG).await.unwrap(), []);
    assert_eq!(sleeper.reclaim(node(1), &old, LONG).await.unwrap(), []);
    accepted(&taker, &taken, &[single(&name("a"), "c2", 2)]).await;
}

/// After a reclaim nothing of the old epoch can commit, and what was under way has ended: the receipts tell the truth.
#[tokio::test]
async fn a_reclaim_waits_for_the_append_under_way() {
    for (ending, stored) in [("COMMIT", true), ("ROLLBACK", false)] {
        let (store, claims, database) = claimed().await;
        let (owner, append) = (name("a"), single(&name("a"), "c1", 1));
        let mut under_way = session(&database).await;
        append_uncommitted(&mut under_way, &store, &claims, &append).await;
        let (raised, ()) = tokio::join!(store.reclaim(node(1), &claims, LONG), async {
            waiting(&database, 1).await;
            end(&mut under_way, ending).await;
        });
        let raised = raised.unwrap();
        assert_eq!(raised.len(), 4);
        assert_eq!(store.receipts(&owner, &[append.command_id]).await.unwrap()[0].is_some(), stored, "{ending}");
        assert_eq!(words(&put(&store, &claims, &[single(&owner, "c2", 2)]).await), ["fenced"]);
        let again = put(&store, &raised, std::slice::from_ref(&append)).await;
        assert_eq!(words(&again), [if stored { "duplicate" } else { "accepted" }]);
    }
}

/// A client that is stopped between its statements keeps the head locked until the server ends its session. What it had
/// done in that transaction is gone, also when it wakes up and goes on.
#[tokio::test]
async fn a_client_frozen_in_the_middle_is_ended_by_the_server() {
    let (store, claims, database) = claimed().await;
    let owner = name("a");
    let mut command = Postgres::shared().psql_command(&database.name);
    command.env("PGOPTIONS", "-c search_path=ionveil -c idle_in_transaction_session_timeout=500ms");
    let mut frozen = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = frozen.stdin.take().unwrap();
    let sql = append_sql(&store, &claims, &single(&owner, "frozen", 1));
    writeln!(input, "BEGIN;\n{sql};\n\\echo holding").unwrap();
    let mut lines = BufReader::new(frozen.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "holding"));
    signal(frozen.id(), "STOP");

    // The limit on waiting for a lock may end the first tries.
    until(async || store.append(&claims, &[single(&owner, "next", 1)], second(0)).await.is_ok()).await;

    signal(frozen.id(), "CONT");
    let _ = writeln!(input, "COMMIT;");
    drop(input);
    assert!(!frozen.wait().unwrap().success(), "its session is over");
    let found = store.receipts(&owner, &[command_of("frozen"), command_of("next")]).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

fn command_of(name: &str) -> ionveil_kernel::CommandId {
    crate::journal::contract::given::command(name)
}

#[tokio::test]
async fn heartbeats_do_not_wait_for_appends() {
    let (store, claims, database) = claimed().await;
    let mut under_way = session(&database).await;
    lock_heads(&mut under_way).await;
    assert_eq!(store.heartbeat(node(1), &claims, LONG).await.unwrap(), claims);
    assert!(store.leases().await.unwrap().iter().all(|lease| lease.node == Some(node(1)) && lease.remaining > Duration::ZERO));
    end(&mut under_way, "ROLLBACK").await;
}

/// A look at the leases tells that another node holds them; its locked heads make nobody wait.
#[tokio::test]
async fn claiming_does_not_wait_for_another_nodes_appends() {
    let (store, _claims, database) = claimed().await;
    let mut under_way = session(&database).await;
    lock_heads(&mut under_way).await;
    assert_eq!(store.claim(node(2), LONG).await.unwrap(), []);
    end(&mut under_way, "ROLLBACK").await;
}

#[tokio::test]
async fn two_nodes_that_claim_at_once_share_without_overlap() {
    let database = Postgres::shared().database();
    let (one, two) = (connect(&database.url).await, connect(&database.url).await);
    let (mine, yours) = tokio::join!(one.claim(node(1), LONG), two.claim(node(2), LONG));
    let (mine, yours) = (mine.unwrap(), yours.unwrap());
    let mut all: Vec<u16> = mine.iter().chain(&yours).map(|claim| claim.partition).collect();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    assert!(mine.iter().chain(&yours).all(|claim| claim.epoch == 1));
}
