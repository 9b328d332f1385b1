//! A reactor's checkpoint and what it wants to be sent are one; only the owner of the partition moves any of it.

use super::given::*;
use ionveil_journal::{Claim, NewOutboxRow, OutboxRow, OutboxState, OutboxWhat, Reacted, Settlement, Store, StoreError};
use ionveil_kernel::{CorrelationId, EffectClass, EventId, Org, derive_uuid, effect_id};
use std::sync::Arc;
use uuid::Uuid;

type Given = Arc<dyn Store>;
/// A case: what is asked for, and the positions of what is found.
type Listing<'a> = (&'a str, Option<&'a Org>, Option<OutboxState>, &'a [u64]);

const REACTOR: &str = "escalation";

/// The row that follows from the event at `position`; every second is a command.
pub(crate) fn row(position: u64) -> NewOutboxRow {
    let event = derive_uuid(&["event", &position.to_string()]);
    let what = match position % 2 {
        0 => OutboxWhat::Command { to: stream("acme", "tree", "root") },
        _ => OutboxWhat::Effect { channel: "webhook".to_owned(), class: EffectClass::Once },
    };
    NewOutboxRow {
        effect_id: effect_id(EventId(event), REACTOR, 0),
        position,
        org: Org::new("acme").expect("lawful"),
        what,
        payload: format!(r#"{{"n":{position}}}"#),
        correlation_id: CorrelationId(derive_uuid(&["correlation"])),
        causation_id: event,
        traceparent: (position == 1).then(|| "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    }
}

fn all(store: &dyn Store) -> Vec<u16> {
    (0..store.partitions()).collect()
}

async fn due(store: &dyn Store, now: i64) -> Vec<OutboxRow> {
    store.outbox_due(&all(store), second(now), 1_000).await.unwrap()
}

async fn listed(store: &dyn Store) -> Vec<OutboxRow> {
    store.outbox(None, None, None, 1_000).await.unwrap()
}

async fn only(store: &dyn Store) -> OutboxRow {
    let mut rows = listed(store).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

async fn stored(store: &dyn Store, claim: Claim, from: u64, to: u64, rows: &[NewOutboxRow]) {
    let reacted = store.react(claim, REACTOR, from, to, rows, second(0)).await.unwrap();
    assert_eq!(reacted, Reacted::Stored, "{from} to {to}");
}

fn failed(error: &str) -> Settlement {
    Settlement::Failed { error: error.to_owned() }
}

/// A store with a row in `state`, tried once unless it is pending.
async fn in_state(store: &dyn Store, claim: Claim, position: u64, state: OutboxState) -> Uuid {
    let row = row(position);
    let id = row.effect_id;
    stored(store, claim, position - 1, position, &[row]).await;
    if state != OutboxState::Pending {
        assert!(store.outbox_begin(claim, id).await.unwrap());
    }
    let settlement = match state {
        OutboxState::Pending | OutboxState::Sending => return id,
        OutboxState::Unknown => Settlement::Unknown { error: "before".to_owned() },
        OutboxState::Failed => failed("before"),
    };
    assert!(store.outbox_settle(claim, id, &settlement).await.unwrap());
    id
}

pub(crate) async fn a_step_stores_checkpoint_and_rows_as_they_were_given(store: Given) {
    let claims = owned(&*store).await;
    assert_eq!(store.checkpoints(REACTOR).await.unwrap(), [0, 0, 0, 0]);
    stored(&*store, claims[2], 0, 7, &[row(1), row(2)]).await;
    assert_eq!(store.checkpoints(REACTOR).await.unwrap(), [0, 0, 7, 0]);
    assert_eq!(store.checkpoints("another").await.unwrap(), [0, 0, 0, 0]);
    let expected = [1, 2].map(|position| OutboxRow {
        partition: 2,
        reactor: REACTOR.to_owned(),
        row: row(position),
        state: OutboxState::Pending,
        attempts: 0,
        not_before: second(0),
        last_error: None,
    });
    assert_eq!(due(&*store, 0).await, expected);
    assert_eq!(due(&*store, -1).await, []);
    stored(&*store, claims[2], 7, 9, &[]).await;
    assert_eq!(store.checkpoints(REACTOR).await.unwrap(), [0, 0, 9, 0], "a step may want nothing");
}

pub(crate) async fn a_step_from_elsewhere_moves_nothing(store: Given) {
    let claims = owned(&*store).await;
    for (name, from, reacted) in [("not begun", 3, Reacted::Moved), ("from the start", 0, Reacted::Stored), ("again", 0, Reacted::Moved)] {
        assert_eq!(store.react(claims[0], REACTOR, from, 5, &[row(from)], second(0)).await.unwrap(), reacted, "{name}");
    }
    assert_eq!(store.react(claims[0], REACTOR, 4, 9, &[row(4)], second(0)).await.unwrap(), Reacted::Moved);
    assert_eq!(store.checkpoints(REACTOR).await.unwrap()[0], 5);
    assert_eq!(only(&*store).await.row, row(0), "the rows of what was not stored are not there");
    assert_eq!(store.react(claims[0], "another", 0, 1, &[], second(0)).await.unwrap(), Reacted::Stored, "each has its own");
}

pub(crate) async fn who_lost_the_partition_stores_nothing(store: Given) {
    let old = owned(&*store).await;
    stored(&*store, old[1], 0, 3, &[row(1)]).await;
    let new = store.reclaim(node(1), &old, LONG).await.unwrap();
    let to_come = Claim { epoch: new[1].epoch + 1, ..new[1] };
    let nowhere = Claim { partition: 60, ..new[1] };
    for (name, claim) in [("old", old[1]), ("to come", to_come), ("of no partition", nowhere)] {
        assert_eq!(store.react(claim, REACTOR, 3, 4, &[row(4)], second(0)).await.unwrap(), Reacted::Fenced, "{name}");
        let id = row(1).effect_id;
        assert!(!store.outbox_begin(claim, id).await.unwrap(), "{name}");
        assert!(!store.outbox_settle(claim, id, &Settlement::Done).await.unwrap(), "{name}");
        assert_eq!(store.outbox_abandoned(claim).await.unwrap(), 0, "{name}");
    }
    assert_eq!(store.checkpoints(REACTOR).await.unwrap()[1], 3);
    assert_eq!(due(&*store, 0).await.len(), 1);
    stored(&*store, new[1], 3, 4, &[row(4)]).await;
}

pub(crate) async fn a_row_belongs_to_its_partition(store: Given) {
    let claims = owned(&*store).await;
    stored(&*store, claims[1], 0, 3, &[row(1)]).await;
    let id = row(1).effect_id;
    assert!(!store.outbox_begin(claims[0], id).await.unwrap());
    assert!(!store.outbox_settle(claims[0], id, &Settlement::Done).await.unwrap());
    assert!(store.outbox_begin(claims[1], id).await.unwrap());
    assert_eq!(store.outbox_abandoned(claims[0]).await.unwrap(), 0);
    assert_eq!(only(&*store).await.state, OutboxState::Sending);
}

pub(crate) async fn an_effect_is_stored_once(store: Given) {
    let claims = owned(&*store).await;
    stored(&*store, claims[0], 0, 1, &[row(1), row(1)]).await;
    assert!(store.outbox_settle(claims[0], row(1).effect_id, &failed("no")).await.unwrap());
    let again = NewOutboxRow { payload: "another".to_owned(), ..row(1) };
    stored(&*store, claims[0], 1, 2, &[row(2), again]).await;
    let rows = listed(&*store).await;
    assert_eq!(rows.len(), 2);
    let first = rows.iter().find(|found| found.row.effect_id == row(1).effect_id).expect("there");
    assert_eq!((first.row.clone(), first.state), (row(1), OutboxState::Failed), "as it was stored first, and where it got");
}

pub(crate) async fn a_long_step_is_stored_whole(store: Given) {
    let claims = owned(&*store).await;
    let rows: Vec<_> = (1..=700).map(row).collect();
    stored(&*store, claims[0], 0, 700, &rows).await;
    let found = due(&*store, 0).await;
    assert_eq!(found.into_iter().map(|found| found.row).collect::<Vec<_>>(), rows);
}

pub(crate) async fn steps_that_no_store_takes_are_refused(store: Given) {
    let claims = owned(&*store).await;
    let zero = |change: fn(&mut NewOutboxRow)| {
        let mut row = row(1);
        change(&mut row);
        vec![row]
    };
    let long = "r".repeat(64);
    let table: [(&str, &str, u64, Vec<NewOutboxRow>); 7] = [
        ("no name", "", 5, vec![]),
        ("a name with a space", "a b", 5, vec![]),
        ("a long name", &long, 5, vec![]),
        ("backwards", REACTOR, 0, vec![]),
        ("a zero byte in the payload", REACTOR, 5, zero(|row| row.payload = "\0".to_owned())),
        ("in the trace", REACTOR, 5, zero(|row| row.traceparent = Some("\0".into()))),
        ("in the channel", REACTOR, 5, zero(|row| row.what = OutboxWhat::Effect { channel: "\0".to_owned(), class: EffectClass::Once })),
    ];
    stored(&*store, claims[0], 0, 1, &[]).await;
    for (name, reactor, to, rows) in table {
        let refused = store.react(claims[0], reactor, 1, to, &rows, second(0)).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{name}: {refused:?}");
    }
    assert!(matches!(store.checkpoints("A").await, Err(StoreError::Invalid(_))));
    assert_eq!(store.checkpoints(REACTOR).await.unwrap()[0], 1);
    assert_eq!(listed(&*store).await, []);
}

pub(crate) async fn what_is_due_comes_in_order(store: Given) {
    let claims = owned(&*store).await;
    stored(&*store, claims[3], 0, 9, &[row(9), row(2)]).await;
    stored(&*store, claims[1], 0, 9, &[row(5), row(7)]).await;
    let later = Settlement::Retry { not_before: second(4), error: "busy".to_owned() };
    assert!(store.outbox_settle(claims[1], row(5).effect_id, &later).await.unwrap());
    let positions = |rows: Vec<OutboxRow>| rows.into_iter().map(|row| row.row.position).collect::<Vec<_>>();
    assert_eq!(positions(due(&*store, 4).await), [7, 2, 9, 5], "by time, partition and position");
    assert_eq!(positions(due(&*store, 3).await), [7, 2, 9]);
    let table: [(&str, &[u16], usize, &[u64]); 6] = [
        ("the first two", &[0, 1, 2, 3], 2, &[7, 2]),
        ("none", &[0, 1, 2, 3], 0, &[]),
        ("of no partition", &[], 9, &[]),
        ("of one", &[3], 9, &[2, 9]),
        ("of one named twice", &[1, 1], 9, &[7, 5]),
        ("of one that does not exist", &[60, u16::MAX], 9, &[]),
    ];
    for (name, partitions, limit, expected) in table {
        assert_eq!(positions(store.outbox_due(partitions, second(4), limit).await.unwrap()), expected, "{name}");
    }
}

pub(crate) async fn the_next_time_is_that_of_what_is_pending(store: Given) {
    let claims = owned(&*store).await;
    let next = async || store.outbox_next(&all(&*store)).await.unwrap();
    assert_eq!(next().await, None);
    stored(&*store, claims[0], 0, 2, &[row(1), row(2)]).await;
    assert_eq!(next().await, Some(second(0)));
    assert!(store.outbox_begin(claims[0], row(1).effect_id).await.unwrap());
    let later = Settlement::Retry { not_before: second(8), error: "busy".to_owned() };
    assert!(store.outbox_settle(claims[0], row(2).effect_id, &later).await.unwrap());
    assert_eq!(next().await, Some(second(8)));
    assert_eq!(store.outbox_next(&[1, 2]).await.unwrap(), None);
}

pub(crate) async fn only_what_is_pending_begins(store: Given) {
    let claims = owned(&*store).await;
    let states = OutboxState::ALL.into_iter().zip([true, false, false, false]);
    for ((state, begins), position) in states.zip(1..) {
        let id = in_state(&*store, claims[0], position, state).await;
        assert_eq!(store.outbox_begin(claims[0], id).await.unwrap(), begins, "{state:?}");
        let row = listed(&*store).await.into_iter().find(|row| row.row.effect_id == id).expect("there");
        assert_eq!(row.state, if begins { OutboxState::Sending } else { state });
        assert_eq!(row.attempts, 1, "{state:?}");
        assert_eq!(row.not_before, second(0));
    }
    assert!(!store.outbox_begin(claims[0], Uuid::nil()).await.unwrap(), "there is none");
    assert_eq!(due(&*store, 9).await, []);
}

pub(crate) async fn every_state_can_be_settled_in_every_way(store: Given) {
    let claims = owned(&*store).await;
    let settlements = [
        (Settlement::Done, None),
        (Settlement::Retry { not_before: second(50), error: "busy".to_owned() }, Some((OutboxState::Pending, second(50), "busy"))),
        (failed("no\0way"), Some((OutboxState::Failed, second(0), "no\u{fffd}way"))),
        (Settlement::Unknown { error: "lost".to_owned() }, Some((OutboxState::Unknown, second(0), "lost"))),
    ];
    let mut position = 0;
    for state in OutboxState::ALL {
        for (settlement, expected) in &settlements {
            position += 1;
            let id = in_state(&*store, claims[0], position, state).await;
            assert!(store.outbox_settle(claims[0], id, settlement).await.unwrap(), "{state:?} {settlement:?}");
            let row = listed(&*store).await.into_iter().find(|row| row.row.effect_id == id);
            let found = row.as_ref().map(|row| (row.state, row.not_before, row.last_error.as_deref().unwrap_or_default()));
            assert_eq!(found, *expected, "{state:?} {settlement:?}");
            assert!(row.is_none_or(|row| row.attempts == 1), "each was tried once: {state:?} {settlement:?}");
            let again = store.outbox_settle(claims[0], id, &Settlement::Done).await.unwrap();
            assert_eq!(again, expected.is_some(), "what is gone cannot be settled");
        }
    }
    assert_eq!(listed(&*store).await, []);
}

pub(crate) async fn tries_are_counted(store: Given) {
    let claims = owned(&*store).await;
    stored(&*store, claims[0], 0, 2, &[row(1)]).await;
    let id = row(1).effect_id;
    let later = Settlement::Retry { not_before: second(1), error: "busy".to_owned() };
    for attempts in 1..=3 {
        assert!(store.outbox_settle(claims[0], id, &later).await.unwrap());
        assert_eq!(only(&*store).await.attempts, attempts, "without a beginning");
    }
    for attempts in 4..=6 {
        assert!(store.outbox_begin(claims[0], id).await.unwrap());
        assert!(store.outbox_settle(claims[0], id, &later).await.unwrap());
        assert_eq!(only(&*store).await.attempts, attempts, "once per beginning");
    }
    assert!(store.outbox_settle(claims[0], id, &failed("no")).await.unwrap());
    assert!(store.outbox_settle(claims[0], id, &later).await.unwrap());
    assert_eq!(only(&*store).await.attempts, 7, "a person's word is no try");
}

pub(crate) async fn what_a_dead_owner_was_sending_is_unknown(store: Given) {
    let old = owned(&*store).await;
    stored(&*store, old[0], 0, 3, &[row(1), row(2), row(3)]).await;
    stored(&*store, old[1], 0, 3, &[row(5)]).await;
    for (claim, position) in [(old[0], 1), (old[0], 3), (old[1], 5)] {
        assert!(store.outbox_begin(claim, row(position).effect_id).await.unwrap());
    }
    let new = owned(&*store).await;
    assert_eq!(store.outbox_abandoned(new[0]).await.unwrap(), 2);
    assert_eq!(store.outbox_abandoned(new[0]).await.unwrap(), 0, "only once");
    let mut states: Vec<_> = listed(&*store).await.into_iter().map(|row| (row.row.position, row.state, row.attempts)).collect();
    states.sort_by_key(|(position, ..)| *position);
    let (unknown, pending, sending) = (OutboxState::Unknown, OutboxState::Pending, OutboxState::Sending);
    assert_eq!(states, [(1, unknown, 1), (2, pending, 0), (3, unknown, 1), (5, sending, 1)]);
}

pub(crate) async fn the_outbox_is_listed_page_by_page(store: Given) {
    let claims = owned(&*store).await;
    let zeta = Org::new("zeta").unwrap();
    let of = |position: u64| NewOutboxRow { org: if position < 5 { Org::new("acme").unwrap() } else { zeta.clone() }, ..row(position) };
    stored(&*store, claims[0], 0, 9, &(1..=9).map(of).collect::<Vec<_>>()).await;
    for position in [2, 6, 7] {
        assert!(store.outbox_settle(claims[0], of(position).effect_id, &failed("no")).await.unwrap());
    }
    let (failed, sending) = (Some(OutboxState::Failed), Some(OutboxState::Sending));
    let table: [Listing<'_>; 5] = [
        ("all", None, None, &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("of one organisation", Some(&zeta), None, &[5, 6, 7, 8, 9]),
        ("in one state", None, failed, &[2, 6, 7]),
        ("both", Some(&zeta), failed, &[6, 7]),
        ("none", Some(&zeta), sending, &[]),
    ];
    for (name, org, state, positions) in table {
        let mut expected: Vec<_> = positions.iter().map(|position| of(*position).effect_id).collect();
        expected.sort();
        for limit in [1, 2, 9, 10] {
            let mut ids: Vec<Uuid> = Vec::new();
            loop {
                let page = store.outbox(org, state, ids.last().copied(), limit).await.unwrap();
                assert!(page.len() <= limit);
                if page.is_empty() {
                    break;
                }
                ids.extend(page.into_iter().map(|row| row.row.effect_id));
            }
            assert_eq!(ids, expected, "{name} by {limit}");
        }
        if let (Some(org), Some(state)) = (org, state) {
            assert_eq!(store.outbox_count(org, state).await.unwrap(), positions.len() as u64, "{name}");
        }
    }
}
