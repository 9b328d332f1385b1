//! The run: a scenario's ladder over a pattern's events, in virtual time. Pure: the same input gives the same outcome.

use super::events::{Events, unpack};
use super::outcome::{Outcome, Step, TRANSITIONS_MAX};
use super::reject::{Fault, FaultKind};
use super::scenario::Scenario;
use super::span::Span;
use crate::ladder::{self, Ladder};
use std::ops::ControlFlow;

/// Progress is asked after so many events.
pub const PROGRESS_EVERY: usize = 65_536;

/// The run was called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run was cancelled")]
pub struct Stopped;

/// Runs a scenario for `duration` on the events before its end: starts on the first level, at 0.
///
/// `progress` is told, after every [`PROGRESS_EVERY`] events and at the last, how many of how many are done, and says
/// whether to go on.
///
/// # Errors
/// [`Stopped`] if `progress` said so.
pub fn run(
    scenario: &Scenario,
    events: &Events,
    duration: Span,
    mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Outcome, Stopped> {
    let considered = events.before(duration);
    let total = considered.len() as u64;
    let mut course = Course::new(scenario);
    for chunk in considered.chunks(PROGRESS_EVERY) {
        course.take(chunk);
        if progress(course.done, total).is_break() {
            return Err(Stopped);
        }
    }
    Ok(course.end(scenario, duration, events.len() as u64 - total))
}

/// The level of a run at a point of it, found by running again up to there.
///
/// # Errors
/// [`FaultKind::OutsideRun`] behind the end of the run.
pub fn policy_at<'a>(scenario: &'a Scenario, events: &Events, duration: Span, at: Span) -> Result<&'a str, Fault> {
    if at > duration {
        return Err(Fault::new("at", FaultKind::OutsideRun));
    }
    // Up to and including `at`: offsets are whole microseconds.
    let end = Span::from_micros(at.micros() + 1).min(duration);
    let mut course = Course::new(scenario);
    course.take(events.before(end));
    Ok(scenario.policy_order().get(course.ladder.level).map_or("", String::as_str))
}

/// A run under way.
struct Course {
    rules: ladder::Rules,
    ladder: Ladder,
    done: u64,
    successes: u64,
    escalations: u64,
    deescalations: u64,
    in_level: Vec<u64>,
    entered: u64,
    steps: Vec<Step>,
}

impl Course {
    fn new(scenario: &Scenario) -> Self {
        let rules = scenario.rules();
        let in_level = vec![0; rules.deescalate_above.len()];
        let ladder = Ladder::default();
        Self { rules, ladder, done: 0, successes: 0, escalations: 0, deescalations: 0, in_level, entered: 0, steps: Vec::new() }
    }

    /// Takes in events. The ladder is a local meanwhile, so that it stays in registers.
    fn take(&mut self, events: &[u64]) {
        let mut ladder = self.ladder;
        for (at, success) in events.iter().copied().map(unpack) {
            self.successes += u64::from(success);
            if let Some(step) = ladder.observe(&self.rules, at, success) {
                self.record(at, step);
            }
        }
        self.ladder = ladder;
        self.done += events.len() as u64;
    }

    /// Books a step: the level before is the one that was entered last.
    fn record(&mut self, at: u64, step: ladder::Step) {
        let from = (self.escalations - self.deescalations) as usize;
        if let Some(time) = self.in_level.get_mut(from) {
            *time += at - self.entered;
        }
        self.entered = at;
        let (to, in_a_row) = match step {
            ladder::Step::Up { burst } => {
                self.escalations += 1;
                (from + 1, burst)
            }
            ladder::Step::Down { streak } => {
                self.deescalations += 1;
                (from - 1, streak)
            }
        };
        if self.steps.len() < TRANSITIONS_MAX {
            self.steps.push(Step(at, to, in_a_row));
        }
    }

    fn end(mut self, scenario: &Scenario, duration: Span, ignored: u64) -> Outcome {
        if let Some(time) = self.in_level.get_mut(self.ladder.level) {
            *time += duration.micros() - self.entered;
        }
        Outcome {
            policy_order: scenario.policy_order().to_vec(),
            duration_s: duration,
            successes: self.successes,
            failures: self.done - self.successes,
            ignored,
            escalations: self.escalations,
            deescalations: self.deescalations,
            seconds_in_level: self.in_level.into_iter().map(Span::from_micros).collect(),
            steps: self.steps,
        }
    }
}
