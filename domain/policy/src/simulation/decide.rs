//! What a command leads to: one event, none, or a refusal. None is an acceptance: a run that completed has its result, an
//! ended simulation is not cancelled again, and what a run reports after its simulation has ended changes nothing.
//!
//! How many simulations run at once is not decided here: one entity does not see the others.

use super::command::Command;
use super::event::{Cancelled, Completed, Created, Event, Failed, Started};
use super::form::PatternForm;
use super::outcome::Outcome;
use super::reject::{Fault, FaultKind, Faults, Rejection};
use super::scenario::ScenarioBuilder;
use super::span::Span;
use super::state::{ERROR_CHARS_MAX, Live, Phase, State};
use std::sync::Arc;

/// The event that follows, if any.
pub(crate) fn decide(state: &State, command: &Command) -> Result<Option<Event>, Rejection> {
    match (state, command) {
        (State::Absent, Command::Create { scenario, pattern, duration_s }) => create(scenario, pattern, *duration_s).map(Some),
        (State::Absent, Command::Start { .. } | Command::Complete { .. } | Command::Fail { .. } | Command::Cancel) => {
            Err(Rejection::NotFound)
        }
        (State::Live(_), Command::Create { .. }) => Err(Rejection::DuplicateEntity),
        (State::Live(live), Command::Start { restarted }) => live.start(*restarted),
        (State::Live(live), Command::Complete { outcome }) => live.complete(outcome),
        (State::Live(live), Command::Fail { error }) => live.fail(error),
        (State::Live(live), Command::Cancel) => Ok(live.cancel()),
    }
}

fn create(scenario: &ScenarioBuilder, pattern: &PatternForm, duration_s: f64) -> Result<Event, Rejection> {
    let mut faults = Vec::new();
    let scenario = keep(scenario.clone().build_at("scenario."), &mut faults);
    let pattern = keep(pattern.check_at("pattern."), &mut faults);
    let duration = keep(check_duration(duration_s), &mut faults);
    Faults::refuse(faults)?;
    match (scenario, pattern, duration) {
        (Some(scenario), Some(pattern), Some(duration_s)) => Ok(Event::Created(Created { scenario, pattern, duration_s })),
        // Each that is missing has left a fault.
        _ => Err(Rejection::NotFound),
    }
}

fn keep<T>(checked: Result<T, Faults>, faults: &mut Vec<Fault>) -> Option<T> {
    checked.map_err(|found| faults.extend(found.iter().cloned())).ok()
}

fn check_duration(seconds: f64) -> Result<Span, Faults> {
    let span = Span::from_seconds(seconds, FaultKind::InvalidDuration);
    // Less than half a microsecond is rounded to none.
    let span = span.and_then(|span| if span == Span::default() { Err(FaultKind::InvalidDuration) } else { Ok(span) });
    span.map_err(|kind| Faults::one(Fault::new("duration_s", kind)))
}

impl Live {
    /// A run that is under way may only be started again where it died; and nothing but a run that was under way.
    fn start(&self, restarted: bool) -> Result<Option<Event>, Rejection> {
        match (&self.phase, restarted) {
            (Phase::Pending, false) | (Phase::Running, true) => Ok(Some(Event::Started(Started { restarted }))),
            (Phase::Pending, true) => Err(Rejection::NotRunning),
            (Phase::Running, false) => Err(Rejection::AlreadyRunning),
            (Phase::Completed(_), _) => Ok(None),
            (Phase::Failed(_) | Phase::Cancelled, _) => Err(Rejection::NotRunnable(self.phase.status())),
        }
    }

    fn complete(&self, outcome: &Arc<Outcome>) -> Result<Option<Event>, Rejection> {
        match self.phase {
            Phase::Pending => Err(Rejection::NotRunning),
            Phase::Running if !self.owns(outcome) => Err(Rejection::ForeignOutcome),
            Phase::Running => Ok(Some(Event::Completed(Completed { outcome: outcome.clone() }))),
            Phase::Completed(_) | Phase::Failed(_) | Phase::Cancelled => Ok(None),
        }
    }

    fn fail(&self, error: &str) -> Result<Option<Event>, Rejection> {
        match self.phase {
            Phase::Pending => Err(Rejection::NotRunning),
            Phase::Running => Ok(Some(Event::Failed(Failed { error: error.chars().take(ERROR_CHARS_MAX).collect() }))),
            Phase::Completed(_) | Phase::Failed(_) | Phase::Cancelled => Ok(None),
        }
    }

    fn cancel(&self) -> Option<Event> {
        match self.phase {
            Phase::Pending | Phase::Running => Some(Event::Cancelled(Cancelled {})),
            Phase::Completed(_) | Phase::Failed(_) | Phase::Cancelled => None,
        }
    }

    /// Whether the outcome is one of this scenario and this duration.
    pub(crate) fn owns(&self, outcome: &Outcome) -> bool {
        outcome.policy_order() == self.setup.scenario.policy_order() && outcome.duration() == self.setup.duration_s
    }
}
