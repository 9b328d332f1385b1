//! Reactors, timers and dead letters beside appends and take-overs: who waits for whom.

use super::given::*;
use crate::journal::contract::given::*;
use crate::journal::contract::outbox::row;
use crate::journal::contract::timers::{arm, with};
use ionveil_journal::{Claim, DeadLetter, DeadLetterStore, OutboxStore, PostgresStore, Reacted, Settlement, Store, StoreError, TimerStore};
use sqlx::{AssertSqlSafe, Executor};

/// A step that wants one row, from 0 to 1.
async fn step(store: &PostgresStore, claim: Claim) -> Result<Reacted, StoreError> {
    store.react(claim, "r", 0, 1, &[row(1)], second(0)).await
}

#[tokio::test]
async fn what_takes_a_claim_does_not_wait_for_an_append_under_way() {
    let (store, claims, database) = claimed().await;
    let owner = name_in(&store, 0);
    accepted(&store, &claims, &[with(&owner, 1, vec![arm("x", 1)])]).await;
    let timer = store.timers(&owner).await.unwrap().remove(0);
    let mut appender = session(&database).await;
    lock_heads(&mut appender).await;
    // All of this would wait for the end of the test if it asked for a head.
    assert_eq!(step(&store, claims[0]).await.unwrap(), Reacted::Stored);
    assert!(store.outbox_begin(claims[0], row(1).effect_id).await.unwrap());
    assert_eq!(store.outbox_abandoned(claims[0]).await.unwrap(), 1);
    assert!(store.outbox_settle(claims[0], row(1).effect_id, &Settlement::Done).await.unwrap());
    assert!(store.consume_timer(claims[0], &timer).await.unwrap());
    end(&mut appender, "ROLLBACK").await;
}

#[tokio::test]
async fn an_append_does_not_wait_for_a_step_under_way() {
    let (store, claims, database) = claimed().await;
    let mut reactor = session(&database).await;
    reactor.execute("BEGIN; SELECT FROM leases FOR SHARE").await.unwrap();
    accepted(&store, &claims, &[with(&name_in(&store, 0), 1, vec![arm("x", 1)])]).await;
    end(&mut reactor, "ROLLBACK").await;
}

/// The epoch is compared again after the wait: what the step waited for is not what it found at first.
#[tokio::test]
async fn a_step_that_waited_for_a_takeover_is_fenced() {
    for (ending, expected, checkpoint) in [("COMMIT", Reacted::Fenced, 0), ("ROLLBACK", Reacted::Stored, 1)] {
        let (store, claims, database) = claimed().await;
        let mut taker = session(&database).await;
        let take =
            format!("BEGIN; UPDATE leases SET expires_at = '-infinity'; SELECT take_over(0::smallint, '{}', NULL, '1 hour')", node(2));
        taker.execute(AssertSqlSafe(take)).await.unwrap();
        let (reacted, ()) = tokio::join!(step(&store, claims[0]), async {
            waiting(&database, 1).await;
            end(&mut taker, ending).await;
        });
        assert_eq!(reacted.unwrap(), expected, "{ending}");
        assert_eq!(store.checkpoints("r").await.unwrap()[0], checkpoint, "{ending}");
        assert_eq!(store.outbox(None, None, None, 9).await.unwrap().len() as u64, checkpoint, "{ending}");
    }
}

#[tokio::test]
async fn a_takeover_waits_for_a_step_under_way() {
    let (store, claims, database) = claimed().await;
    let mut reactor = session(&database).await;
    let step = format!(
        "BEGIN; SELECT react(0::smallint, {}, 'r', 0, 7, 0, '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}')",
        claims[0].epoch
    );
    reactor.execute(AssertSqlSafe(step)).await.unwrap();
    let (taken, ()) = tokio::join!(store.reclaim(node(1), &claims[..1], LONG), async {
        waiting(&database, 1).await;
        end(&mut reactor, "COMMIT").await;
    });
    let taken = taken.unwrap();
    assert_eq!(taken[0].epoch, claims[0].epoch + 1);
    assert_eq!(store.checkpoints("r").await.unwrap()[0], 7, "it was committed before the partition changed hands");
    assert_eq!(store.react(claims[0], "r", 7, 8, &[], second(0)).await.unwrap(), Reacted::Fenced);
}

/// Appends that arm, steps, settlements, consumption and take-overs of one partition, all at once: each ends, and what was
/// answered is what is there.
#[tokio::test]
async fn nothing_waits_in_a_circle() {
    let (store, claims, _database) = claimed().await;
    let owner = name_in(&store, 0);
    let appends = async {
        let mut accepted = 0;
        for n in 1..=60 {
            let verdicts = put(&store, &claims[..1], &[with(&owner, accepted + 1, vec![arm("x", n)])]).await;
            accepted += u64::from(word(&verdicts[0]) == "accepted");
        }
        accepted
    };
    let steps = async {
        let mut at = 0;
        for _ in 0..60 {
            let reacted = store.react(claims[0], "r", at, at + 1, &[row(at + 1)], second(0)).await.unwrap();
            at += u64::from(reacted == Reacted::Stored);
            store.outbox_settle(claims[0], row(at).effect_id, &Settlement::Done).await.unwrap();
        }
        at
    };
    let consumption = async {
        for _ in 0..60 {
            for timer in store.timers(&owner).await.unwrap() {
                store.consume_timer(claims[0], &timer).await.unwrap();
            }
        }
    };
    let takeovers = async {
        for _ in 0..20 {
            store.heartbeat(node(1), &claims, LONG).await.unwrap();
        }
        let mut held = claims[..1].to_vec();
        for _ in 0..20 {
            held = store.reclaim(node(1), &held, LONG).await.unwrap();
        }
        held
    };
    let (accepted, at, (), held) = tokio::join!(appends, steps, consumption, takeovers);
    assert_eq!(held[0].epoch, claims[0].epoch + 20);
    assert_eq!(store.heads().await.unwrap()[0], accepted);
    assert_eq!(store.checkpoints("r").await.unwrap()[0], at);
    assert!(store.timers(&owner).await.unwrap().iter().all(|timer| timer.armed == accepted));
}

#[tokio::test]
async fn of_two_nodes_that_park_at_once_one_takes_the_last_place() {
    let (store, _, database) = claimed().await;
    let other = connect(&database.url).await;
    let letter = |n: u32| {
        let (owner, command_id) = (name("a"), command(&n.to_string()));
        let id = DeadLetter::id_of(&owner, command_id);
        let (command, meta, fault) = ("{}".to_owned(), "{}".to_owned(), "it panicked".to_owned());
        DeadLetter { id, owner, command_id, command, meta, fault, panics: 1, parked_at: second(0) }
    };
    for round in 0..20 {
        let (one, two) = (letter(2 * round), letter(2 * round + 1));
        let max = u64::from(round) + 1;
        let (one, two) = tokio::join!(store.park(&one, max), other.park(&two, max));
        assert!(one.unwrap() != two.unwrap(), "one of two, in round {round}");
    }
    assert_eq!(store.dead_letters(None, None, 100).await.unwrap().len(), 20);
}
