//! Runs by hand: where levels change, what is counted, and what the outside sees.

use super::*;
use serde_json::json;

fn steps(outcome: &Outcome) -> String {
    outcome.transitions().map(|step| format!("{}>{}@{}", step.from, step.to, step.at.seconds())).collect::<Vec<_>>().join(" ")
}

#[test]
fn levels_change_where_they_should() {
    let two = || Scenario::builder("two").escalate_at(2);
    let table = [
        ("nothing", Scenario::builder("x"), "", ""),
        ("three failures end in watch [D29]", Scenario::builder("x"), "fff", "normal>watch@2"),
        ("a success between", Scenario::builder("x"), "ffsff", ""),
        ("at the threshold a level stays [T24]", Scenario::builder("x"), "fffsssss", "normal>watch@2"),
        ("above it, it is left", Scenario::builder("x"), "fffssssss", "normal>watch@2 watch>normal@8"),
        ("up to the last and no further [T27]", two(), "ffffffff", "normal>watch@1 watch>restricted@3 restricted>halted@5"),
        ("without a threshold no way down", two().never_deescalate(), "ffssssssssssssss", "normal>watch@1"),
        ("dwell", two().dwell_s(12.0), "ffssssssssssssss", "normal>watch@1 watch>normal@13"),
        (
            "one streak, one step [T28]",
            Scenario::builder("x").escalate_at(1).deescalate_above("watch", 1).deescalate_above("restricted", 1),
            "ffssss",
            "normal>watch@0 watch>restricted@1 restricted>watch@3 watch>normal@5",
        ),
    ];
    for (name, scenario, outcomes, expected) in table {
        assert_eq!(steps(&ran(&scenario.build().unwrap(), &events(outcomes), 100)), expected, "{name}");
    }
}

/// [D38]: an event at the very end is outside; those of one offset keep their order.
#[test]
fn what_counts() {
    let scenario = default_scenario();
    let outcome = ran(&scenario, &events("sffs"), 3);
    assert_eq!((outcome.successes(), outcome.failures(), outcome.ignored()), (1, 2, 1));
    assert_eq!(outcome.sla_compliance_rate(), 0.3333);
    assert_eq!(ran(&scenario, &events(""), 3).sla_compliance_rate(), 0.0);
    let at = |second| seconds(second);
    let unsorted = [(at(2), true), (at(1), false), (at(2), false), (at(1), true)];
    let sorted = [(at(1), false), (at(1), true), (at(2), true), (at(2), false)];
    assert_eq!(Events::collect(unsorted).unwrap().iter().collect::<Vec<_>>(), sorted);
}

/// 1/32 and 3/32 are exact binary fractions, 0.03125 and 0.09375: a tie goes to the even digit.
#[test]
fn compliance_rounds_ties_to_even() {
    let share = |successes: usize| ran(&default_scenario(), &events(&("s".repeat(successes) + &"f".repeat(32 - successes))), 100);
    assert_eq!(share(1).sla_compliance_rate(), 0.0312);
    assert_eq!(share(3).sla_compliance_rate(), 0.0938);
}

#[test]
fn the_level_at_any_point() {
    let (scenario, pattern) = (default_scenario(), events("fffssssss"));
    let outcome = ran(&scenario, &pattern, 20);
    for (micros, level) in
        [(0, "normal"), (1_999_999, "normal"), (2_000_000, "watch"), (7_999_999, "watch"), (8_000_000, "normal"), (20_000_000, "normal")]
    {
        let at = Span::from_micros(micros);
        assert_eq!(outcome.policy_at(at), Ok(Some(level)), "{micros}");
        assert_eq!(policy_at(&scenario, &pattern, seconds(20), at), Ok(level), "{micros}");
    }
    let outside = Span::from_micros(20_000_001);
    assert_eq!(outcome.policy_at(outside).unwrap_err().kind, FaultKind::OutsideRun);
    assert_eq!(policy_at(&scenario, &pattern, seconds(20), outside).unwrap_err().kind.code(), "outside_run");
}

#[test]
fn kept_transitions_are_bounded_and_all_are_counted() {
    let scenario = Scenario::builder("x").escalate_at(1).deescalate_above("watch", 1).build().unwrap();
    let pattern = events(&"fss".repeat(6_000));
    let outcome = ran(&scenario, &pattern, 20_000);
    assert_eq!((outcome.transitions().len(), outcome.transition_count()), (TRANSITIONS_MAX, 12_000));
    assert_eq!(outcome.policy_at(seconds(17_000)), Ok(None));
    assert_eq!(outcome.policy_at(seconds(20_000)), Ok(Some("normal")));
    assert_eq!(policy_at(&scenario, &pattern, seconds(20_000), seconds(15_001)), Ok("watch"));
    assert_eq!(serde_json::from_str::<Outcome>(&serde_json::to_string(&outcome).unwrap()).unwrap(), outcome);
}

#[test]
fn progress_is_asked_and_can_stop_a_run() {
    let pattern = events(&"s".repeat(PROGRESS_EVERY + 5));
    let mut told = Vec::new();
    let stop_at = |told: &mut Vec<(u64, u64)>, last: usize| {
        run(&default_scenario(), &pattern, Span::MAX, |done, total| {
            told.push((done, total));
            if told.len() == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    assert!(stop_at(&mut told, 9).is_ok());
    assert_eq!(told, [(65_536, 65_541), (65_541, 65_541)]);
    assert_eq!(stop_at(&mut Vec::new(), 1), Err(Stopped));
}

#[test]
fn the_outside_sees_the_whole_result() {
    let live = Live { setup: std::sync::Arc::new(created()), phase: Phase::Completed(std::sync::Arc::new(outcome())) };
    let shown = serde_json::to_value(SimulationResult::new("x", &live)).unwrap();
    let expected = json!({
        "id": "x",
        "scenario": { "name": "strict", "policy_order": ["calm", "alert"], "escalation_threshold": 2,
            "deescalation_thresholds": { "alert": 4 }, "dwell_s": 0.5, "metadata": { "why": "drill" } },
        "pattern": { "id": "p", "description": "two failures", "kind": "events", "events": 3 },
        "duration_s": 60, "status": "completed", "error": null,
        "transitions": [{ "from": "calm", "to": "alert", "timestamp": 1, "kind": "escalation", "reason": "2 failures in a row" }],
        "final_policy": "alert",
        "totals": { "considered": 3, "successes": 1, "failures": 2, "ignored": 0, "transitions": 1, "escalations": 1, "deescalations": 0 },
        "seconds_in_level": { "calm": 1, "alert": 59 },
        "sla_compliance_rate": 0.3333,
    });
    assert_eq!(shown, expected);
}
