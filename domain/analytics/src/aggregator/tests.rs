//! An aggregator, given its past, when events come.

use super::*;
use crate::{Amount, Place, Position, Severity};
use ionveil_kernel::Timestamp;
use ionveil_kernel::testkit::{check_laws, given, golden, unreadable};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour * HOUR)
}

fn seen(event_id: &str, timestamp: Timestamp) -> Observation {
    Observation {
        event_id: event_id.into(),
        dispatch_id: "d-1".into(),
        timestamp,
        severity: Severity::new(4).unwrap(),
        response_time_minutes: Amount::new(6.25).unwrap(),
        distance_km: Amount::new(3.1).unwrap(),
        region: "north".into(),
        unit_type: "engine".into(),
        sla_met: true,
        place: Place::None,
    }
}

fn observed(event_id: &str, timestamp: Timestamp, received_at: Timestamp) -> ((), Event) {
    ((), Event::DispatchObserved(DispatchObserved { observation: seen(event_id, timestamp), received_at }))
}

fn ingest(events: &[(&str, Timestamp)]) -> Command {
    Command::Ingest { events: events.iter().map(|(id, timestamp)| seen(id, *timestamp)).collect() }
}

#[test]
fn an_id_is_accepted_once_also_within_a_batch() {
    let state = given(Aggregator::default(), [observed("a", at(0), at(0))])
        .at(at(1))
        .when(ingest(&[("a", at(0)), ("b", at(1)), ("b", at(0)), ("a", at(1)), ("c", at(0))]))
        .then([observed("b", at(1), at(1)), observed("c", at(0), at(1))]);
    assert!(state.len() == 3 && !state.is_empty() && ["a", "b", "c"].iter().all(|id| state.knows(id)));
}

#[test]
fn events_without_an_id_are_all_kept() {
    let past = [observed("", at(0), at(0)), observed("", at(0), at(0))];
    given(Aggregator::default(), past).when(ingest(&[("", at(0)), ("", at(0))])).then(vec![observed("", at(0), at(0)); 2]);
}

#[test]
fn an_id_is_known_for_the_retention_and_let_go_some_time_after() {
    let past = [observed("a", at(0), at(0)), observed("b", at(23), at(23))];
    given(Aggregator::default(), past.clone()).at(at(24)).when(ingest(&[("a", at(0))])).then([]);
    let state = given(Aggregator::default(), past).at(at(25)).when(ingest(&[("c", at(25))])).then([observed("c", at(25), at(25))]);
    assert_eq!((state.knows("a"), state.knows("b"), state.len()), (false, true, 2));
}

#[test]
fn too_many_events_are_refused() {
    let events = vec![seen("a", at(0)); EVENTS_MAX + 1];
    let rejection = given(Aggregator::default(), []).when(Command::Ingest { events }).then_rejected("too_many_events");
    assert_eq!(rejection.to_string(), "a command holds at most 10000 events");
}

#[test]
fn a_second_observation_of_an_id_is_loud() {
    let aggregator = Aggregator::default();
    let ((), event) = observed("a", at(0), at(0));
    let once = aggregator.evolve(State::default(), &(), &event).unwrap();
    assert_eq!(aggregator.evolve(once, &(), &event).unwrap_err().number, 1);
}

#[test]
fn an_id_always_meets_the_same_entity() {
    let org = Org::new("acme").unwrap();
    // SHA-256 of "a" begins with ca.
    assert_eq!(stream(&org, "a").unwrap().to_string(), "analytics:acme:ca");
    let events: Vec<_> = (0..1_000).map(|n| seen(&format!("e{}", n % 700), at(0))).collect();
    let commands = commands(&org, events).unwrap();
    let mut all = 0;
    for (to, Command::Ingest { events }) in &commands {
        assert!(events.iter().all(|seen| stream(&org, &seen.event_id).as_ref() == Ok(to)));
        all += events.len();
    }
    assert!(all == 1_000 && commands.len() > 200, "{all} in {}", commands.len());
    let many = vec![seen("a", at(0)); EVENTS_MAX + 1];
    assert_eq!(super::commands(&org, many).unwrap().len(), 2);
}

#[test]
fn stored_forms_load() {
    let place = Place::Position(Position::new(37.774_929_5, -122.419_415_5).unwrap());
    let full = Observation { place, ..seen("e-1", at(1)) };
    let cell = Observation { place: Place::Cell { row: -1, col: 3 }, sla_met: false, ..seen("", at(1)) };
    let event = |observation| Event::DispatchObserved(DispatchObserved { observation, received_at: at(2) });
    golden(
        concat!(env!("CARGO_MANIFEST_DIR"), "/golden"),
        Event::TYPES,
        &[("dispatch_observed.v1", event(full)), ("dispatch_observed.v1.cell", event(cell))],
    );
    unreadable::<Event>(Event::TYPES, &[]);
}

#[test]
fn commands_keep_their_form() {
    let text = r#"{"type":"ingest","events":[{"event_id":"a","dispatch_id":"d-1","timestamp":0,"severity":4,"response_time_minutes":6.25,"distance_km":3.1,"region":"north","unit_type":"engine","sla_met":true,"place":"none"}]}"#;
    let command = ingest(&[("a", at(0))]);
    assert_eq!(serde_json::to_string(&command).unwrap(), text);
    assert_eq!(serde_json::from_str::<Command>(text).unwrap(), command);
    assert!(text.contains(command.command_type()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Against a list of all ids with their times.
    #[test]
    fn every_history_accepts_each_id_once_within_the_retention(posts in prop::collection::vec((0_u8..30, 0_i64..3, 0_i64..4), 1..120)) {
        let aggregator = Aggregator::default();
        let (mut state, mut history, mut hour) = (State::default(), Vec::new(), 0);
        let mut model: Vec<(u8, i64)> = Vec::new();
        for (id, age, pause) in posts {
            hour += pause;
            let timestamp = hour - age;
            let known = model.iter().any(|(of, when)| *of == id && *when > hour - 24);
            let events = decide::decide(&state, &ingest(&[(&id.to_string(), at(timestamp))]), at(hour)).unwrap();
            // What is older may still be known: ids are let go by the hour.
            prop_assert!(!known || events.is_empty(), "{} again at {}", id, hour);
            prop_assert!(!events.is_empty() || model.iter().any(|(of, _)| *of == id));
            for event in events {
                model.push((id, timestamp));
                state = aggregator.evolve(state, &(), &event).unwrap();
                history.push(((), event));
            }
        }
        check_laws(&aggregator, &"analytics:test:00".parse().unwrap(), &history);
    }
}
