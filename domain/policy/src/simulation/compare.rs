//! Several scenarios on one pattern.

use super::events::Events;
use super::outcome::Outcome;
use super::reject::{Fault, FaultKind, Faults};
use super::run::{Stopped, run};
use super::scenario::Scenario;
use super::span::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The most scenarios that are compared at once.
pub const SCENARIOS_MAX: usize = 100;

/// Why there is no comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCompared {
    /// Scenarios of the same name, each under the field of the second, or more than [`SCENARIOS_MAX`].
    #[error(transparent)]
    Refused(#[from] Faults),
    /// It was called off.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Runs each scenario on the same events, one after another; the outcomes by the scenarios' names. `progress` is told of
/// the events of all runs together, as by [`run`].
///
/// # Errors
/// See [`NotCompared`].
pub fn compare(
    scenarios: &[Scenario],
    events: &Events,
    duration: Span,
    mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<BTreeMap<String, Outcome>, NotCompared> {
    check(scenarios)?;
    let runs = scenarios.len() as u64;
    let one = |(before, scenario): (u64, &Scenario)| {
        let outcome = run(scenario, events, duration, |done, total| progress(before * total + done, runs * total))?;
        Ok((scenario.name().to_owned(), outcome))
    };
    (0..).zip(scenarios).map(one).collect::<Result<_, Stopped>>().map_err(NotCompared::Stopped)
}

fn check(scenarios: &[Scenario]) -> Result<(), Faults> {
    if scenarios.len() > SCENARIOS_MAX {
        return Err(Faults::one(Fault::new("scenarios", FaultKind::TooManyScenarios)));
    }
    let mut names = BTreeSet::new();
    let repeated = scenarios.iter().enumerate().filter(|(_, scenario)| !names.insert(scenario.name()));
    Faults::refuse(repeated.map(|(place, _)| Fault::new(format!("scenarios[{place}].name"), FaultKind::DuplicateScenario)).collect())
}
