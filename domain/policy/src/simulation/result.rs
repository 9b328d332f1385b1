//! A simulation as the outside sees it. It only shows; nothing is read back from it.

use super::outcome::{Direction, Outcome, Transition};
use super::scenario::Scenario;
use super::span::Span;
use super::state::{Live, Phase, Status};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// What is shown of a simulation. The figures of a run are those of an unrun one (0, no transitions, no final level) until
/// it has completed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimulationResult<'a> {
    /// The simulation.
    pub id: &'a str,
    /// What was tried.
    pub scenario: &'a Scenario,
    /// On what.
    pub pattern: PatternSummary<'a>,
    /// How long a run is.
    pub duration_s: Span,
    /// How far it came.
    pub status: Status,
    /// Why it failed, if it did.
    pub error: Option<&'a str>,
    /// The first 10,000 transitions, in order.
    pub transitions: Vec<TransitionView<'a>>,
    /// The level at the end.
    pub final_policy: Option<&'a str>,
    /// Counts.
    pub totals: Totals,
    /// Each level with the time in it, in order; they sum to the duration.
    pub seconds_in_level: InOrder<'a>,
    /// The share of successes among the outcomes that counted, 4 decimals.
    pub sla_compliance_rate: f64,
}

/// A pattern without its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PatternSummary<'a> {
    /// Its name.
    pub id: &'a str,
    /// What it is.
    pub description: &'a str,
    /// `events`, `constant`, `burst`, `cascade` or `history`.
    pub kind: &'static str,
    /// How many events it has; unknown of a history.
    pub events: Option<u64>,
}

/// A transition by names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransitionView<'a> {
    /// The level before.
    pub from: &'a str,
    /// The level after.
    pub to: &'a str,
    /// Seconds from the start of the run.
    pub timestamp: Span,
    /// Which way.
    pub kind: Direction,
    /// Why.
    pub reason: String,
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Outcomes that counted.
    pub considered: u64,
    /// Of these, successes.
    pub successes: u64,
    /// Of these, failures.
    pub failures: u64,
    /// Outcomes that did not count, at or after the end of the run.
    pub ignored: u64,
    /// All transitions, also those that are not shown.
    pub transitions: u64,
    /// Of these, up.
    pub escalations: u64,
    /// Of these, down.
    pub deescalations: u64,
}

/// Levels with spans, shown as one object in their own order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InOrder<'a>(pub Vec<(&'a str, Span)>);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(level, span)| map.serialize_entry(level, span))?;
        map.end()
    }
}

impl<'a> SimulationResult<'a> {
    /// Shows a simulation.
    #[must_use]
    pub fn new(id: &'a str, live: &'a Live) -> Self {
        let (scenario, pattern) = (&live.setup.scenario, &live.setup.pattern);
        let source = pattern.source();
        let outcome = live.outcome().map(AsRef::as_ref);
        Self {
            id,
            scenario,
            pattern: PatternSummary { id: pattern.id(), description: pattern.description(), kind: source.name(), events: source.count() },
            duration_s: live.setup.duration_s,
            status: live.phase.status(),
            error: if let Phase::Failed(error) = &live.phase { Some(error) } else { None },
            transitions: outcome.into_iter().flat_map(Outcome::transitions).map(TransitionView::from).collect(),
            final_policy: outcome.map(Outcome::final_policy),
            totals: outcome.map(Totals::from).unwrap_or_default(),
            seconds_in_level: seconds_in_level(scenario, outcome),
            sla_compliance_rate: outcome.map(Outcome::sla_compliance_rate).unwrap_or_default(),
        }
    }
}

fn seconds_in_level<'a>(scenario: &'a Scenario, outcome: Option<&'a Outcome>) -> InOrder<'a> {
    let unvisited = || scenario.policy_order().iter().map(|level| (level.as_str(), Span::default())).collect();
    InOrder(outcome.map_or_else(unvisited, |outcome| outcome.time_in_levels().collect()))
}

impl<'a> From<Transition<'a>> for TransitionView<'a> {
    fn from(transition: Transition<'a>) -> Self {
        let Transition { from, to, at, kind, .. } = transition;
        Self { from, to, timestamp: at, kind, reason: transition.reason() }
    }
}

impl From<&Outcome> for Totals {
    fn from(outcome: &Outcome) -> Self {
        Self {
            considered: outcome.considered(),
            successes: outcome.successes(),
            failures: outcome.failures(),
            ignored: outcome.ignored(),
            transitions: outcome.transition_count(),
            escalations: outcome.escalations(),
            deescalations: outcome.deescalations(),
        }
    }
}
