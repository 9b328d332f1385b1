//! Scenarios side by side, and which one is recommended.

use super::*;
use ionveil_kernel::Rejection as _;

fn scenario(name: &str, up: i64) -> Scenario {
    Scenario::builder(name).policy_order(["calm", "alert"]).escalate_at(up).deescalate_above("alert", 1).build().unwrap()
}

#[test]
fn a_comparison_has_each_scenario_by_name() {
    let pattern = events("ffffss");
    let mut told = Vec::new();
    let both = [scenario("a", 1), scenario("b", 9)];
    let outcomes = compare(&both, &pattern, seconds(10), |done, total| {
        told.push((done, total));
        ControlFlow::Continue(())
    });
    let outcomes = outcomes.unwrap();
    assert_eq!(outcomes.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(outcomes["a"], ran(&both[0], &pattern, 10));
    assert_eq!(told, [(6, 12), (12, 12)]);
    assert_eq!(compare(&both, &pattern, seconds(10), |_, _| ControlFlow::Break(())), Err(NotCompared::Stopped(Stopped)));
}

#[test]
fn comparisons_that_are_refused() {
    let many: Vec<_> = (0..=SCENARIOS_MAX).map(|number| scenario(&number.to_string(), 1)).collect();
    let table =
        [(vec![scenario("a", 1), scenario("a", 2)], "scenarios[1].name duplicate_scenario"), (many, "scenarios too_many_scenarios")];
    for (scenarios, expected) in table {
        let Err(NotCompared::Refused(faults)) = compare(&scenarios, &events(""), seconds(1), |_, _| ControlFlow::Continue(())) else {
            panic!("{expected}")
        };
        let found: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.kind.code())).collect();
        assert_eq!(found, [expected]);
    }
}

/// Each rule decides once; the worse one always has the name that comes first.
#[test]
fn the_better_is_recommended_and_the_last_reason_says_why() {
    let table = [
        ("compliance", (2, "sss", 10), (2, "sff", 10), "100.00 % of its outcomes were successes, in \"a\" only 33.33 %."),
        (
            "time in the last level",
            (3, "fffs", 10),
            (1, "fffs", 10),
            "It spent 80.00 % of the time in \"alert\", its strictest level, \"a\" spent 100.00 % of the time in \"alert\".",
        ),
        (
            "share, not seconds",
            (1, "sf", 5),
            (1, "fs", 4),
            "It spent 80.00 % of the time in \"alert\", its strictest level, \"a\" spent 100.00 % of the time in \"alert\".",
        ),
    ];
    for (name, best, worse, reason) in table {
        let run_of = |name, (up, outcomes, duration): (i64, &str, u64)| {
            let scenario = scenario(name, up);
            let outcome = ran(&scenario, &events(outcomes), duration);
            (scenario, outcome)
        };
        let (best, worse) = (run_of("b", best), run_of("a", worse));
        let found = recommend([(&worse.0, Some(&worse.1)), (&best.0, Some(&best.1)), (&worse.0, None)]).unwrap();
        assert_eq!((found.scenario.as_str(), found.considered), ("b", 2), "{name}");
        assert_eq!(found.reasons.last().map(String::as_str), Some(reason), "{name}");
    }
}

#[test]
fn ties_go_to_fewer_transitions_then_to_the_first_name() {
    // Two seconds of alert each: at a stretch for b, in two halves for a.
    let calm = |name: &str| scenario(name, 1);
    let (a, b) = (calm("a"), calm("b"));
    let restless = ran(&a, &events("fsssfsss"), 8);
    let steady = Events::collect(
        [(0, false), (1, false), (2, true), (4, true), (5, true), (6, true), (7, true), (7, true)].map(|(at, ok)| (seconds(at), ok)),
    );
    let steady = ran(&b, &steady.unwrap(), 8);
    assert_eq!((restless.transition_count(), steady.transition_count()), (4, 2));
    let found = recommend([(&a, Some(&restless)), (&b, Some(&steady))]).unwrap();
    assert_eq!(found.scenario, "b");
    assert_eq!(found.reasons.last().unwrap(), "It changed its level 2 times, \"a\" did so 4 times.");
    let found = recommend([(&b, Some(&steady)), (&a, Some(&steady))]).unwrap();
    assert_eq!((found.scenario.as_str(), found.escalation_threshold, found.deescalation_thresholds["alert"]), ("a", 1, 1));
    assert_eq!(found.reasons.last().unwrap(), "Nothing else sets it apart from \"b\", so its name, which comes first, decided.");
}

#[test]
fn one_alone_and_none() {
    let a = scenario("a", 1);
    let outcome = ran(&a, &events("f"), 1);
    let found = recommend([(&a, Some(&outcome))]).unwrap();
    assert_eq!((found.considered, found.reasons.len()), (1, 1));
    assert_eq!(recommend([(&a, None)]).unwrap_err().code(), "no_completed_results");
}
