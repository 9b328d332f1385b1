//! Tests of the simulator, by subject. Shared here: scenarios and patterns in few words.

mod choices;
mod generators;
mod golden;
mod laws;
mod lifecycle;
mod refusals;
mod runs;

use super::*;
use std::ops::ControlFlow;

fn seconds(seconds: u64) -> Span {
    Span::from_whole_seconds(seconds)
}

/// One event a second: `s` for success, `f` for failure.
fn events(outcomes: &str) -> Events {
    Events::collect((0..).map(seconds).zip(outcomes.chars().map(|outcome| outcome == 's'))).expect("not too many")
}

fn default_scenario() -> Scenario {
    Scenario::builder("default").build().expect("lawful")
}

fn ran(scenario: &Scenario, events: &Events, duration_s: u64) -> Outcome {
    run(scenario, events, seconds(duration_s), |_, _| ControlFlow::Continue(())).expect("not cancelled")
}

/// The lifecycle's simulation: calm and alert, up after 2 failures.
fn strict() -> ScenarioBuilder {
    Scenario::builder("strict")
        .policy_order(["calm", "alert"])
        .escalate_at(2)
        .deescalate_above("alert", 4)
        .dwell_s(0.5)
        .metadata("why", "drill")
}

fn two_failures() -> PatternForm {
    let source = SourceForm::Given(vec![(0.5, true), (1.0, false), (1.0, false)]);
    PatternForm { id: Some("p".into()), description: Some("two failures".into()), source }
}

fn created() -> Created {
    Created { scenario: strict().build().expect("lawful"), pattern: two_failures().check().expect("lawful"), duration_s: seconds(60) }
}

fn outcome() -> Outcome {
    let setup = created();
    ran(&setup.scenario, &setup.pattern.events().expect("lawful").expect("given"), 60)
}
