//! What may follow what: the numbered invariants, and folds of raw records in any order and at any instant.

use super::*;
use crate::{FoldError, State, fold, ordered, state_at};
use ionveil_kernel::Decider;

/// The number of the invariant that the last event breaks.
fn broken(events: &[Event]) -> u16 {
    let decider = workflow();
    let (last, before) = events.split_last().expect("an event");
    let state = ionveil_kernel::testkit::fold(&decider, &"workflow:test:x".parse().unwrap(), &then(before.to_vec()));
    let broken = decider.evolve(state, &(), last).expect_err("it cannot follow");
    assert_eq!(broken.kind, "workflow");
    broken.number
}

#[test]
fn every_invariant_is_guarded() {
    let q = || registered("dispatch", "queued");
    let law = |machine: &str, definition| {
        Event::Registered(Registered { machine: machine.into(), definition, to: "a".into(), attributes: Attributes::default() })
    };
    let clone_of = |machine: &str| {
        let mut event = cloned("dispatch", &["queued"]);
        if let Event::Cloned(event) = &mut event {
            event.machine = machine.to_owned();
        }
        event
    };
    let executing = || registered("workflow", "executing");
    let failed_to =
        |to: &str| Event::StepFailed(StepFailed { step: "completed".into(), from: "executing".into(), to: to.into(), reason: None });
    let cases: Vec<(&str, u16, Vec<Event>)> = vec![
        ("a move first", 1, vec![moved("queued", "allocated")]),
        ("a step first", 1, vec![started("allocated")]),
        ("a completion first", 1, vec![completed("queued", "allocated")]),
        ("a failure first", 1, vec![failed("a", "b", None)]),
        ("a rollback first", 1, vec![rolled_back("allocated", "queued")]),
        ("a cancellation first", 1, vec![cancelled("queued", "cancelled")]),
        ("a repair first", 1, vec![reconciled("queued", "queued")]),
        ("registered twice", 2, vec![q(), q()]),
        ("cloned onto", 2, vec![q(), cloned("dispatch", &["queued"])]),
        ("registered onto a clone", 2, vec![cloned("dispatch", &["queued"]), q()]),
        ("unknown machine", 3, vec![law("tango", None)]),
        ("a user's machine without its law", 3, vec![law("rescue", None)]),
        ("unsound law", 3, vec![law("m", Some(table("a", "a > b")))]),
        ("clone of an unknown machine", 3, vec![clone_of("tango")]),
        ("unknown start", 4, vec![registered("dispatch", "flying")]),
        ("unknown start of a clone", 4, vec![cloned("dispatch", &["flying"])]),
        ("unknown target", 4, vec![q(), moved("queued", "flying")]),
        ("unknown step", 4, vec![q(), started("flying")]),
        ("unknown failed step", 4, vec![executing(), failed("flying", "executing", None)]),
        ("repair to nowhere", 4, vec![q(), reconciled("queued", "flying")]),
        ("move from elsewhere", 5, vec![q(), moved("allocated", "departed")]),
        ("rollback from elsewhere", 5, vec![q(), moved("queued", "allocated"), rolled_back("departed", "queued")]),
        ("repair from elsewhere", 5, vec![q(), reconciled("allocated", "queued")]),
        ("no edge", 6, vec![q(), moved("queued", "arrived")]),
        ("self", 6, vec![q(), moved("queued", "queued")]),
        ("out of the end", 6, vec![q(), moved("queued", "cancelled"), moved("cancelled", "queued")]),
        ("a step without edge", 6, vec![q(), started("arrived")]),
        ("cancelled without edge", 6, vec![registered("workflow", "validated"), cancelled("validated", "cancelled")]),
        (
            "a step that leads elsewhere",
            7,
            vec![q(), {
                Event::StepCompleted(StepCompleted {
                    step: "allocated".into(),
                    from: "queued".into(),
                    to: "cancelled".into(),
                    policy: None,
                })
            }],
        ),
        ("a failure that is none", 7, vec![executing(), failed_to("completed")]),
        ("a cancellation that is none", 7, vec![q(), cancelled("queued", "allocated")]),
        ("rollback to elsewhere", 8, vec![q(), moved("queued", "allocated"), rolled_back("allocated", "departed")]),
        ("rollback of nothing", 8, vec![q(), rolled_back("queued", "queued")]),
        ("rollback out of the end [T51]", 8, vec![q(), moved("queued", "cancelled"), rolled_back("cancelled", "queued")]),
        ("clone of nothing [T52]", 9, vec![cloned("dispatch", &[])]),
        ("clone of a jump", 9, vec![cloned("dispatch", &["queued", "departed"])]),
    ];
    for (name, number, events) in cases {
        assert_eq!(broken(&events), number, "{name}");
    }
}

#[test]
fn a_users_law_wins_over_a_later_built_in_machine_of_its_name() {
    let event = Event::Registered(Registered {
        machine: "dispatch".into(),
        definition: Some(rescue()),
        to: "called".into(),
        attributes: Attributes::default(),
    });
    let state = ionveil_kernel::testkit::fold(&workflow(), &"workflow:test:x".parse().unwrap(), &then([event]));
    assert!(!state.live().unwrap().machine().is_built_in());
    assert_eq!(state.live().unwrap().machine().initial(), "called");
}

fn way() -> Vec<Recorded> {
    recorded(&[
        registered("dispatch", "queued"),
        moved("queued", "allocated"),
        moved("allocated", "departed"),
        rolled_back("departed", "allocated"),
    ])
}

fn state_of(state: &State) -> String {
    state.summary().expect("it has begun").state
}

#[test]
fn records_fold_by_sequence_number_whatever_their_order() {
    let mut records = way();
    let moment = fold(&workflow(), &records).unwrap().unwrap();
    assert_eq!((state_of(&moment.state).as_str(), moment.version), ("allocated", 4));
    assert_eq!((moment.occurred_at.micros(), moment.recorded_at.micros()), (40, 400));
    records.reverse();
    records.extend(way());
    assert_eq!(fold(&workflow(), &records).unwrap().unwrap(), moment);
    assert_eq!(ordered(&records).unwrap().len(), 4);
    assert_eq!(fold(&workflow(), &[]).unwrap(), None);
}

#[test]
fn broken_records_are_named() {
    let change = |change: fn(&mut Vec<Recorded>)| {
        let mut records = way();
        change(&mut records);
        let error = fold(&workflow(), &records).expect_err("an error");
        let at = match &error {
            FoldError::ForeignEvent { sequence_number }
            | FoldError::SequenceConflict { sequence_number }
            | FoldError::SequenceGap { sequence_number }
            | FoldError::NonMonotonicTimestamp { sequence_number }
            | FoldError::Unreadable { sequence_number, .. }
            | FoldError::InvalidEvent { sequence_number, .. } => *sequence_number,
        };
        assert!(error.to_string().contains(&at.to_string()));
        (error.code(), at)
    };
    assert_eq!(change(|records| records[2].sequence_number = 2), ("sequence_conflict", 2));
    assert_eq!(change(|records| drop(records.remove(2))), ("sequence_gap", 3));
    assert_eq!(change(|records| drop(records.remove(0))), ("sequence_gap", 1));
    assert_eq!(change(|records| records[0].sequence_number = 0), ("sequence_conflict", 0));
    assert_eq!(change(|records| records[2].occurred_at = Timestamp::from_micros(19)), ("non_monotonic_timestamp", 3));
    assert_eq!(change(|records| records[3].recorded_at = Timestamp::from_micros(1)), ("non_monotonic_timestamp", 4));
    assert_eq!(change(|records| records[1].stream = "workflow:other:x".parse().unwrap()), ("foreign_event", 2));
    assert_eq!(change(|records| records.iter_mut().for_each(|r| r.stream = "unit:test:x".parse().unwrap())), ("foreign_event", 1));
    assert_eq!(change(|records| records[1].event_type = "jumped".into()), ("unknown_event_type", 2));
    assert_eq!(change(|records| records[1].schema_version = 9), ("unsupported_event_version", 2));
    assert_eq!(change(|records| records[1].data = "{}".into()), ("invalid_event", 2));
    assert_eq!(change(|records| records[1].data = records[2].data.clone()), ("invalid_event", 2));
    let missing = FoldError::Unreadable {
        sequence_number: 1,
        source: ionveil_kernel::DecodeError::MissingUpcaster { event_type: "registered".into(), version: 1 },
    };
    assert_eq!(missing.code(), "missing_upcaster");
}

#[test]
fn past_states_are_inclusive_on_both_axes() {
    let at = |at: Option<i64>, known_at: Option<i64>| {
        let time = |micros: Option<i64>| micros.map(Timestamp::from_micros);
        let moment = state_at(&workflow(), &way(), time(at), time(known_at)).unwrap();
        moment.map_or_else(|| "nothing".to_owned(), |moment| format!("{} {}", state_of(&moment.state), moment.version))
    };
    let table: &[(Option<i64>, Option<i64>, &str)] = &[
        (None, None, "allocated 4"),
        (Some(9), None, "nothing"),
        (Some(10), None, "queued 1"),
        (Some(29), None, "allocated 2"),
        (Some(30), None, "departed 3"),
        (Some(1_000_000), None, "allocated 4"),
        (None, Some(99), "nothing"),
        (None, Some(100), "queued 1"),
        (None, Some(399), "departed 3"),
        (Some(30), Some(200), "allocated 2"),
        (Some(20), Some(300), "allocated 2"),
        (Some(30), Some(99), "nothing"),
    ];
    for (when, known, expected) in table {
        assert_eq!(at(*when, *known), *expected, "{when:?} {known:?}");
    }
}
