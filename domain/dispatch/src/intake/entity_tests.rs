//! The entity of a batch: what is kept of it, once, whole and in order.

use super::*;
use ionveil_kernel::BodyHash;
use ionveil_kernel::testkit::{check_laws, given};
use ionveil_kernel::testkit::{golden, unreadable};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn command(id: &str) -> IntakeCommand {
    IntakeCommand {
        command_id: id.into(),
        satellite_id: "s".into(),
        intent: "move".into(),
        issued_by: "ops".into(),
        signature: "x".into(),
        deadline: Timestamp::from_micros(7),
        trace_id: "trace-3".into(),
        payload: serde_json::Map::from_iter([("k".to_owned(), serde_json::json!([1]))]),
        annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    }
}

fn error(row: usize) -> RowError {
    RowError { row, message: "command must be object".to_owned() }
}

fn batch(digest: u8, rejected: usize, duplicates: usize, accepted: usize) -> BatchAccepted {
    let stats = Stats { rows: rejected + duplicates + accepted, accepted, rejected, duplicates, elapsed_us: 5 };
    BatchAccepted { digest: BodyHash([digest; 32]), now: Timestamp::from_micros(3), stats, errors: rejected as u64 }
}

fn begin(BatchAccepted { digest, now, stats, errors }: BatchAccepted) -> Command {
    Command::Begin { digest, now, stats, errors }
}

/// The items of such a batch, and the events that follow from all of them.
fn whole(batch: &BatchAccepted) -> (Vec<Item>, Vec<((), Event)>) {
    let Stats { accepted, rejected, duplicates, .. } = batch.stats;
    let mut items: Vec<_> = (0..rejected).map(|row| Item::Rejected(error(row))).collect();
    items.extend((0..duplicates).map(|row| Item::Duplicate(row as u64)));
    items.extend((0..accepted).map(|place| Item::Accepted(Box::new(command(&place.to_string())))));
    let mut events = vec![((), Event::BatchAccepted(batch.clone()))];
    events.extend((0..rejected).map(|row| {
        let RowError { row, message } = error(row);
        ((), Event::CommandRejected(CommandRejected { row: row as u64, error: message }))
    }));
    events.extend((0..duplicates).map(|row| ((), Event::DuplicateSuppressed(DuplicateSuppressed { row: row as u64 }))));
    events.extend((0..accepted).map(|place| ((), Event::CommandAccepted(command(&place.to_string())))));
    events.push(((), Event::BatchCompleted(BatchCompleted { items: items.len() as u64 })));
    (items, events)
}

#[test]
fn a_batch_is_begun_once_and_by_the_same_rows_only() {
    let one = batch(1, 1, 0, 1);
    let accepted = ((), Event::BatchAccepted(one.clone()));
    given(Intake, []).when(begin(one.clone())).then([accepted.clone()]);
    given(Intake, [accepted.clone()]).when(begin(one)).then([]);
    given(Intake, [accepted]).when(begin(batch(2, 1, 0, 1))).then_rejected("idempotency_key_reused");
    let empty = batch(1, 0, 0, 0);
    let (_, events) = whole(&empty);
    assert!(given(Intake, []).when(begin(empty)).then(events).taken.is_some_and(|taken| taken.completed), "nothing is all there is");
}

#[test]
fn items_come_in_their_order_and_repeats_change_nothing() {
    let one = batch(1, 1, 1, 2);
    let (items, events) = whole(&one);
    let add = |from: u64, items: &[Item]| Command::Add { from, items: items.to_vec() };
    let begun = || events[..1].to_vec();
    given(Intake, []).when(add(0, &items)).then_rejected("entity_not_found");
    given(Intake, begun()).when(add(1, &items[1..])).then_rejected("version_conflict");
    given(Intake, begun()).when(add(0, &items[1..])).then_rejected("version_conflict");
    given(Intake, begun()).when(add(0, &[&items[..], &items[3..]].concat())).then_rejected("version_conflict");
    given(Intake, begun()).when(add(0, &items)).then(events[1..].to_vec());
    given(Intake, events[..3].to_vec()).when(add(1, &items[1..3])).then(events[3..4].to_vec());
    given(Intake, events.clone()).when(add(0, &items)).then([]);
    given(Intake, events.clone()).when(add(4, &items[3..])).then_rejected("version_conflict");
}

#[test]
fn a_history_that_is_none_is_told() {
    let (_, events) = whole(&batch(1, 1, 1, 1));
    let folded = |order: &[usize]| {
        order.iter().try_fold(State::default(), |state, place| Intake.evolve(state, &(), &events[*place].1)).map_err(|broken| broken.number)
    };
    assert!(folded(&[0, 1, 2, 3, 4]).is_ok());
    for (order, number) in [(&[1][..], 1), (&[0, 0], 1), (&[0, 2], 2), (&[0, 1, 1], 2), (&[0, 1, 2, 3, 3], 2), (&[0, 4], 3), (&[4], 3)] {
        assert_eq!(folded(order), Err(number), "{order:?}");
    }
    assert_eq!(folded(&[0, 1, 2, 3, 4, 4]), Err(3));
}

proptest! {
    /// However the items are cut, repeated and sent, the same history comes of it.
    #[test]
    fn pieces_of_any_size_make_the_same_batch(
        (rejected, duplicates, accepted) in (0..5_usize, 0..5_usize, 0..5_usize),
        cuts in prop::collection::vec((0..20_usize, 1..6_usize), 0..30),
    ) {
        let one = batch(1, rejected, duplicates, accepted);
        let (items, events) = whole(&one);
        let (mut state, mut found) = (State::default(), Vec::new());
        let mut tell = |command: &Command, state: &mut State| {
            for event in decide::decide(state, command).unwrap_or_default() {
                *state = state.after(&event).unwrap();
                found.push(((), event));
            }
        };
        tell(&begin(one), &mut state);
        let whole_at_last = (0..items.len()).map(|place| (place, 1));
        for (from, length) in cuts.into_iter().chain(whole_at_last) {
            let piece: Vec<_> = items.iter().skip(from).take(length).cloned().collect();
            tell(&Command::Add { from: from as u64, items: piece }, &mut state);
        }
        prop_assert_eq!(&found, &events);
        check_laws(&Intake, &"intake:test:x".parse().unwrap(), &found);
    }
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    let expected = vec![
        ("batch_accepted.v1", Event::BatchAccepted(batch(1, 2, 3, 4))),
        ("command_rejected.v1", Event::CommandRejected(CommandRejected { row: 3, error: "command must be object".to_owned() })),
        ("duplicate_suppressed.v1", Event::DuplicateSuppressed(DuplicateSuppressed { row: 4 })),
        ("command_accepted.v1", Event::CommandAccepted(command("c-1"))),
        ("batch_completed.v1", Event::BatchCompleted(BatchCompleted { items: 9 })),
    ];
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/intake"), Event::TYPES, &expected);
    unreadable::<Event>(Event::TYPES, &[("duplicate_suppressed", r#"{"row":-1}"#)]);
}
