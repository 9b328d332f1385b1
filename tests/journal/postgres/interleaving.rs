//! Several sessions at once: what one of them has not committed yet, and what it keeps others from seeing.

use super::given::*;
use crate::journal::contract::given::*;
use ionveil_journal::{Filter, PostgresStore, Store, Verdict};
use sqlx::{Executor, Row};

/// The fault of a `bigserial`: the later number commits first, a reader passes over the earlier one and never sees it.
#[tokio::test]
async fn what_is_appended_later_commits_later() {
    for (ending, expected) in [("COMMIT", &["first", "second"][..]), ("ROLLBACK", &["second"])] {
        let (store, claims, database) = claimed().await;
        let (first, second) = (name_in(&store, 0), "second");
        let late = single(&first, "first", 1);
        let mut early = single(&name_in(&store, 0), second, 1);
        early.owner =
            stream("acme", "other", &(0..).map(|n| n.to_string()).find(|n| stream("acme", "other", n).partition(4) == 0).unwrap());
        early.events[0].stream = early.owner.clone();
        let mut slow = session(&database).await;
        append_uncommitted(&mut slow, &store, &claims, &late).await;

        let overtaking = put(&store, &claims, std::slice::from_ref(&early));
        let meanwhile = async {
            waiting(&database, 1).await;
            let page = store.read_partition(0, 0, 10, &Filter::default()).await.unwrap();
            assert_eq!((page.events.len(), page.scanned_to), (0, 0), "neither is there yet");
            assert_eq!(store.heads().await.unwrap(), [0; 4]);
            end(&mut slow, ending).await;
        };
        let (verdicts, ()) = tokio::join!(overtaking, meanwhile);

        assert_eq!(words(&verdicts), ["accepted"]);
        let page = store.read_partition(0, 0, 10, &Filter::default()).await.unwrap();
        assert_eq!(positions(&page.events), (1..=expected.len() as u64).collect::<Vec<_>>(), "dense after {ending}");
        let owners: Vec<_> = page.events.iter().map(|event| if event.owner == late.owner { "first" } else { "second" }).collect();
        assert_eq!(owners, expected, "in order after {ending}");
    }
}

#[tokio::test]
async fn open_transactions_on_other_partitions_commit_in_any_order() {
    let (store, claims, database) = claimed().await;
    let (mut one, mut two) = (session(&database).await, session(&database).await);
    append_uncommitted(&mut one, &store, &claims, &single(&name_in(&store, 0), "one", 1)).await;
    append_uncommitted(&mut two, &store, &claims, &single(&name_in(&store, 1), "two", 1)).await;
    end(&mut two, "COMMIT").await;
    assert_eq!(store.heads().await.unwrap(), [0, 1, 0, 0]);
    end(&mut one, "COMMIT").await;
    assert_eq!(store.heads().await.unwrap(), [1, 1, 0, 0]);
}

/// A single statement with CTEs would look for the receipt in the snapshot from before its wait, and store a second copy.
#[tokio::test]
async fn a_retry_that_waited_behind_its_first_try_is_a_duplicate() {
    let (store, claims, database) = claimed().await;
    let owner = name("a");
    accepted(&store, &claims, &[single(&owner, "before", 1)]).await;
    let append = single(&owner, "once", 2);
    let mut first = session(&database).await;
    append_uncommitted(&mut first, &store, &claims, &append).await;

    let retry = put(&store, &claims, std::slice::from_ref(&append));
    let commit = async {
        waiting(&database, 1).await;
        end(&mut first, "COMMIT").await;
    };
    let (verdicts, ()) = tokio::join!(retry, commit);

    let [Verdict::Duplicate(receipt)] = &verdicts[..] else { panic!("{verdicts:?}") };
    assert_eq!((receipt.version, receipt.events), (2, 1));
    assert_eq!(store.receipts(&owner, &[append.command_id]).await.unwrap(), [Some(receipt.clone())]);
    assert_eq!(numbers(&store.read_stream(&owner, 0, 10).await.unwrap()), [1, 2]);
}

#[tokio::test]
async fn another_command_that_waited_is_a_conflict() {
    let (store, claims, database) = claimed().await;
    let owner = name("a");
    let mut first = session(&database).await;
    append_uncommitted(&mut first, &store, &claims, &single(&owner, "winner", 1)).await;
    let bystander = single(&name("bystander"), "x", 1);
    let batch = [single(&owner, "loser", 1), bystander];
    let (verdicts, ()) = tokio::join!(put(&store, &claims, &batch), async {
        waiting(&database, 1).await;
        end(&mut first, "COMMIT").await;
    });
    assert_eq!(words(&verdicts), ["conflict", "accepted"]);
}

/// Two nodes that write under the same claims: one waits for the other, none deadlocks, and a reader that stops and resumes
/// sees each position once and in order.
#[tokio::test]
async fn nodes_that_share_partitions_leave_no_gap() {
    let (store, claims, database) = claimed().await;
    let other = connect(&database.url).await;
    let rounds = 30;
    let write = async |node: usize, store: &PostgresStore| {
        for round in 0..rounds {
            let owners = (0..12).map(|n| name(&format!("l{node}-r{round}-{n}")));
            let mut batch: Vec<_> = owners.map(|owner| append(&owner, "c", events(&owner, 1, 2))).collect();
            if node == 1 {
                batch.reverse();
            }
            let verdicts = store.append(&claims, &batch, second(0)).await.unwrap();
            assert!(verdicts.iter().all(|verdict| word(verdict) == "accepted"), "{verdicts:?}");
        }
    };
    let read = async || {
        let mut cursors = [0; 4];
        let mut seen = 0;
        while seen < 2 * rounds * 12 * 2 {
            for (partition, cursor) in (0..).zip(&mut cursors) {
                let page = store.read_partition(partition, *cursor, 7, &Filter::default()).await.unwrap();
                assert_eq!(positions(&page.events), (*cursor + 1..=page.scanned_to).collect::<Vec<_>>());
                seen += page.events.len();
                *cursor = page.scanned_to;
            }
        }
        cursors
    };
    let ((), (), cursors) = tokio::join!(write(0, &store), write(1, &other), read());
    assert_eq!(store.heads().await.unwrap(), cursors);
}

/// Sessions that forgot to commit, one of which has written: readers that wait for the oldest transaction would stand
/// still.
#[tokio::test]
async fn idle_transactions_of_others_stop_nobody() {
    let (store, claims, database) = claimed().await;
    let (mut reader, mut writer) = (session(&database).await, session(&database).await);
    reader.execute("BEGIN; SELECT count(*) FROM events; SELECT * FROM heads").await.unwrap();
    writer.execute("BEGIN; CREATE TABLE elsewhere (n int); INSERT INTO elsewhere VALUES (1)").await.unwrap();
    for n in 1..=20 {
        accepted(&store, &claims, &[single(&name("a"), &format!("c{n}"), n)]).await;
        let home = name("a").partition(4);
        let page = store.read_partition(home, n - 1, 10, &Filter::default()).await.unwrap();
        assert_eq!(positions(&page.events), [n], "visible at once");
    }
    end(&mut writer, "COMMIT").await;
    end(&mut reader, "COMMIT").await;
}

/// Versions of a row that an old snapshot may still see cannot be pruned; a head that were updated per append would get
/// slower with each. The place of a row that is only locked never changes.
#[tokio::test]
async fn an_old_snapshot_sees_the_past_and_heads_do_not_move() {
    let (store, claims, database) = claimed().await;
    accepted(&store, &claims, &[single(&name("a"), "c1", 1)]).await;
    let (mut old, mut watch) = (session(&database).await, session(&database).await);
    old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events").await.unwrap();
    let places = "SELECT array_agg(ctid::text ORDER BY partition) FROM heads";
    let before: Vec<String> = watch.fetch_one(places).await.unwrap().get(0);
    for n in 2..=100 {
        accepted(&store, &claims, &[single(&name("a"), &format!("c{n}"), n)]).await;
    }
    let after: Vec<String> = watch.fetch_one(places).await.unwrap().get(0);
    assert_eq!(before, after);
    let seen: i64 = old.fetch_one("SELECT count(*) FROM events").await.unwrap().get(0);
    assert_eq!((seen, store.heads().await.unwrap().iter().sum::<u64>()), (1, 100));
}

/// Under another isolation level every statement of the function would share one old snapshot.
#[tokio::test]
async fn a_fixed_snapshot_is_refused() {
    let (store, claims, database) = claimed().await;
    let mut session = session(&database).await;
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let refused = session.execute(sqlx::AssertSqlSafe(append_sql(&store, &claims, &single(&name("a"), "c", 1)))).await;
    let error = refused.unwrap_err();
    assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("IVJ01"), "{error}");
}

/// A lane remembers how far streams go, and does not look again. Another store under the same epoch goes further.
#[tokio::test]
async fn what_a_lane_remembers_is_no_more_than_the_truth() {
    let (one, claims, database) = claimed().await;
    let two = connect(&database.url).await;
    let owner = name("a");
    accepted(&one, &claims, &[append(&owner, "c1", events(&owner, 1, 3))]).await;
    accepted(&two, &claims, &[single(&owner, "c2", 4)]).await;
    assert_eq!(words(&put(&one, &claims, &[single(&owner, "c3", 4), single(&name("b"), "c1", 1)]).await), ["conflict", "accepted"]);
    assert_eq!(words(&put(&one, &claims, &[single(&owner, "c3", 6)]).await), ["conflict"]);
    assert_eq!(words(&put(&one, &claims, &[single(&owner, "c3", 5)]).await), ["accepted"]);
    assert_eq!(words(&put(&two, &claims, &[single(&owner, "c4", 5)]).await), ["conflict"]);
    assert_eq!(words(&put(&two, &claims, &[single(&owner, "c2", 5), single(&owner, "c4", 6)]).await), ["duplicate", "conflict"]);
    assert_eq!(numbers(&one.read_stream(&owner, 0, 10).await.unwrap()), [1, 2, 3, 4, 5]);
}

/// A plan that was made for empty tables must not outlive their growth.
#[tokio::test]
async fn no_table_is_ever_scanned() {
    let (store, claims, database) = claimed().await;
    let mut watch = session(&database).await;
    let scans = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_user_tables WHERE relname IN ('events', 'receipts')";
    let before: i64 = watch.fetch_one(scans).await.unwrap().get(0);
    for n in 1..=40 {
        accepted(&store, &claims, &[single(&name("a"), &format!("c{n}"), n)]).await;
        put(&store, &claims, &[single(&name("a"), "c1", n), single(&name("b"), "x", 9)]).await;
        store.read_entity(&name("a"), 0, 0, 10).await.unwrap();
        store.read_partition(0, 0, 10, &Filter { org: Some(name("a").org), ..Filter::default() }).await.unwrap();
        store.read_partition(0, 0, 10, &Filter { stream: Some(name("a")), ..Filter::default() }).await.unwrap();
        store.heads().await.unwrap();
    }
    // A session reports its counts when it ends.
    store.close().await;
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ionveil'";
    let mut ended = session(&database).await;
    until(async || ended.fetch_one(sessions).await.unwrap().get::<i64, _>(0) == 0).await;
    let after: i64 = watch.fetch_one(scans).await.unwrap().get(0);
    assert_eq!(after, before);
}
