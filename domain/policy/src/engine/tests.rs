//! Tests of the engine: what outcomes and resets lead to, alerts, invariants, stored forms; and the ladder against it.

use crate::engine::{
    AlertCleared, AlertRaised, Command, Deescalated, Engine, Escalated, Event, OutcomeRecorded, PolicyInForce, Reset, State,
};
use crate::level::{LEVELS, index, severity};
use PolicyLevel::{Halted, Normal, Restricted, Watch};
use ionveil_kernel::testkit::{CountingIds, check_laws, fold, given, meta};
use ionveil_kernel::testkit::{golden, unreadable};
use ionveil_kernel::{DecideEnv, Decider, EntityId, Policy, PolicyLevel, StreamId, Timestamp};
use proptest::prelude::*;
use std::time::Duration;

fn owner() -> StreamId {
    "policy-engine:test:x".parse().expect("a lawful name")
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn in_force() -> PolicyInForce {
    PolicyInForce { level: Normal, node: None, version: 0 }
}

fn outcome(success: bool, streak: u64, burst: u64) -> Event {
    Event::OutcomeRecorded(OutcomeRecorded { success, streak, burst, policy: in_force() })
}

fn up(from: PolicyLevel, to: PolicyLevel, term: u64) -> Event {
    Event::Escalated(Escalated { from, to, burst: 3, reason: "3 failures in a row".into(), term, at: at(0) })
}

fn down(from: PolicyLevel, to: PolicyLevel, streak: u64) -> Event {
    Event::Deescalated(Deescalated { from, to, streak, reason: format!("{streak} successes in a row"), term: 1, at: at(0) })
}

fn reset(level: PolicyLevel, term: u64) -> Event {
    Event::Reset(Reset { level, term, at: at(0) })
}

fn raised(level: PolicyLevel) -> Event {
    Event::AlertRaised(AlertRaised { severity: severity(level), level })
}

fn cleared(from: PolicyLevel) -> Event {
    Event::AlertCleared(AlertCleared { from })
}

fn then(events: impl IntoIterator<Item = Event>) -> Vec<((), Event)> {
    events.into_iter().map(|event| ((), event)).collect()
}

const FAILURE: Command = Command::Observe { success: false };
const SUCCESS: Command = Command::Observe { success: true };

#[test]
fn every_command_leads_to_its_events() {
    let table = [
        ("a first failure", vec![], FAILURE, vec![outcome(false, 0, 1)]),
        ("a success ends a burst", vec![outcome(false, 0, 2)], SUCCESS, vec![outcome(true, 1, 0)]),
        (
            "the third failure steps up",
            vec![outcome(false, 0, 2)],
            FAILURE,
            vec![outcome(false, 0, 0), up(Normal, Watch, 0), raised(Watch)],
        ),
        ("T27, T29: at halted no step and no record", vec![reset(Halted, 1), outcome(false, 0, 2)], FAILURE, vec![outcome(false, 0, 0)]),
        ("T24: at the threshold it stays", vec![reset(Watch, 1), outcome(true, 4, 0)], SUCCESS, vec![outcome(true, 5, 0)]),
        (
            "T28: above it one step, and the streak begins anew",
            vec![reset(Halted, 1), outcome(true, 20, 0)],
            SUCCESS,
            vec![outcome(true, 0, 0), down(Halted, Restricted, 21), raised(Restricted)],
        ),
        (
            "on normal the alert is cleared",
            vec![reset(Watch, 1), outcome(true, 5, 0)],
            SUCCESS,
            vec![outcome(true, 0, 0), down(Watch, Normal, 6), cleared(Watch)],
        ),
        ("never below normal", vec![outcome(true, 99, 0)], SUCCESS, vec![outcome(true, 100, 0)]),
        ("reset upwards", vec![], Command::Reset { level: Halted, term: 4 }, vec![reset(Halted, 4), raised(Halted)]),
        ("reset to normal", vec![reset(Watch, 1)], Command::Reset { level: Normal, term: 2 }, vec![reset(Normal, 2), cleared(Watch)]),
        ("reset to where it is", vec![outcome(false, 0, 2)], Command::Reset { level: Normal, term: 2 }, vec![reset(Normal, 2)]),
    ];
    for (case, past, command, expected) in table {
        println!("{case}");
        given(Engine::default(), then(past)).when(command).then(then(expected));
    }
}

#[test]
fn a_reset_clears_the_counters_and_comes_once() {
    let state = given(Engine::default(), then([outcome(false, 0, 2)])).at(at(5)).when(Command::Reset { level: Watch, term: 3 });
    let events = [Event::Reset(Reset { level: Watch, term: 3, at: at(5) }), raised(Watch)];
    let expected = State { level: Watch, streak: 0, burst: 0, since: Some(at(5)), term: 3, outcomes: 1 };
    assert_eq!(state.then(then(events)), expected);
    for term in [0, 2, 3] {
        given(Engine::default(), then([reset(Watch, 3)])).when(Command::Reset { level: Halted, term }).then_rejected("stale_term");
    }
}

#[test]
fn a_level_is_kept_for_its_dwelling_time() {
    let engine = || Engine::new(2, [1, 1, 1], Duration::from_micros(10));
    let past = || then([reset(Watch, 1), outcome(true, 1, 0)]);
    given(engine(), past()).at(at(9)).when(SUCCESS).then(then([outcome(true, 2, 0)]));
    let down = Deescalated { from: Watch, to: Normal, streak: 2, reason: "2 successes in a row".into(), term: 1, at: at(10) };
    let expected = [outcome(true, 0, 0), Event::Deescalated(down), cleared(Watch)];
    given(engine(), past()).at(at(10)).when(SUCCESS).then(then(expected));
    // An engine that was never moved may be told of times before 1970.
    given(engine(), []).at(Timestamp::MIN).when(FAILURE).then(then([outcome(false, 0, 1)]));
    assert_eq!(Engine::new(0, [5, 10, 20], Duration::MAX).rules().escalate_at, 1);
}

#[test]
fn outcomes_record_the_policy_that_they_came_under() {
    for (node, kept) in [("B09.39", Some(EntityId::new("B09.39").unwrap())), ("no id", None)] {
        let policy = Policy { level: Restricted, node: Some(node.into()), version: 8, ..Policy::default() };
        let policy_in_force = PolicyInForce { level: Restricted, node: kept, version: 8 };
        let expected = Event::OutcomeRecorded(OutcomeRecorded { success: true, streak: 1, burst: 0, policy: policy_in_force });
        given(Engine::default(), []).under(policy).when(SUCCESS).then(then([expected]));
    }
}

#[test]
fn commands_have_one_form() {
    for command in [FAILURE, Command::Reset { level: Watch, term: 1 }] {
        let mut json = serde_json::to_value(&command).unwrap();
        assert_eq!(json["type"], command.command_type());
        assert_eq!(serde_json::from_value::<Command>(json.clone()).unwrap(), command);
        json["colour"] = "red".into();
        assert!(serde_json::from_value::<Command>(json).is_err(), "{command:?}");
    }
}

#[test]
fn every_invariant_is_guarded() {
    let table = [
        ("a step from elsewhere", 1, vec![], up(Watch, Restricted, 0)),
        ("an alert of another level", 1, vec![], raised(Watch)),
        ("cleared while not on normal", 1, vec![reset(Watch, 1)], cleared(Halted)),
        ("two steps at once", 2, vec![], up(Normal, Restricted, 0)),
        ("a step down that goes up", 2, vec![], down(Normal, Watch, 9)),
        ("a step down from normal", 2, vec![], down(Normal, Normal, 9)),
        ("a term again", 3, vec![reset(Watch, 4)], reset(Normal, 4)),
        ("a success that leaves a burst", 4, vec![], outcome(true, 0, 1)),
        ("a failure that leaves a streak", 4, vec![], outcome(false, 1, 0)),
    ];
    for (case, number, past, event) in table {
        let broken = Engine::default().evolve(fold(&Engine::default(), &owner(), &then(past)), &(), &event).expect_err(case);
        assert_eq!((broken.kind, broken.number), ("policy-engine", number), "{case}");
    }
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    let policy = PolicyInForce { level: Watch, node: Some(EntityId::new("B09.39").unwrap()), version: 7 };
    let expected = vec![
        ("outcome_recorded.v1", Event::OutcomeRecorded(OutcomeRecorded { success: true, streak: 4, burst: 0, policy })),
        ("outcome_recorded.v1.without_tree", outcome(false, 0, 2)),
        ("escalated.v1", up(Watch, Restricted, 9)),
        ("deescalated.v1", down(Halted, Restricted, 21)),
        ("reset.v1", reset(Halted, 12)),
        ("alert_raised.v1", raised(Halted)),
        ("alert_cleared.v1", cleared(Watch)),
    ];
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/engine"), Event::TYPES, &expected);
    unreadable::<Event>(Event::TYPES, &[("alert_cleared", r#"{"from":"watch","colour":"red"}"#), ("alert_cleared", r#"{"from":"odd"}"#)]);
}

/// The engine of the specification, written down anew: a level, a streak, a burst and when the level was reached.
fn plain(rules: (u64, [u64; 3], u64), outcomes: &[(bool, u64)]) -> (usize, u64, u64) {
    let (mut level, mut streak, mut burst, mut since, mut now) = (0_usize, 0, 0, 0, 0);
    for (success, later) in outcomes {
        now += later;
        if *success {
            (streak, burst) = (streak + 1, 0);
            if level > 0 && streak > rules.1[level - 1] && now - since >= rules.2 {
                (level, streak, since) = (level - 1, 0, now);
            }
        } else {
            (streak, burst) = (0, burst + 1);
            if burst == rules.0 {
                burst = 0;
                if level < 3 {
                    (level, since) = (level + 1, now);
                }
            }
        }
    }
    (level, streak, burst)
}

proptest! {
    #[test]
    fn an_engine_is_where_the_plain_rules_lead(
        escalate_at in 1..4_u64,
        above in prop::array::uniform3(1..4_u64),
        dwell in 0..6_u64,
        outcomes in prop::collection::vec((any::<bool>(), 0..3_u64), 0..80),
    ) {
        let engine = Engine::new(escalate_at, above, Duration::from_micros(dwell));
        let (mut state, mut events, mut now) = (State::default(), Vec::new(), 0);
        for (success, later) in &outcomes {
            now += i64::try_from(*later).unwrap();
            let (cause, policy) = (meta(1), Policy::default());
            let env = DecideEnv { now: at(now), occurred_at: at(now), ids: &CountingIds::default(), cause: &cause, policy: &policy };
            let decision = engine.decide(&state, &Command::Observe { success: *success }, &env).unwrap();
            for ((), event) in &decision {
                state = engine.evolve(state, &(), event).unwrap();
            }
            events.extend(decision);
        }
        let (level, streak, burst) = plain((escalate_at, above, dwell), &outcomes);
        prop_assert_eq!((index(state.level), state.streak, state.burst), (level, streak, burst));
        prop_assert_eq!((state.outcomes, LEVELS[level]), (outcomes.len() as u64, state.level));
        check_laws(&engine, &owner(), &events);
    }
}
