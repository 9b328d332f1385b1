//! What came of a run: every step on the ladder that is kept, counts, and the time in each level.

use super::reject::{Fault, FaultKind};
use super::span::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// So many transitions of a run are kept, the first ones.
pub const TRANSITIONS_MAX: usize = 10_000;

/// What came of a run. Its serde form is compact, and refused if it contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Outcome {
    pub(crate) policy_order: Vec<String>,
    pub(crate) duration_s: Span,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    /// At or after the duration.
    pub(crate) ignored: u64,
    pub(crate) escalations: u64,
    pub(crate) deescalations: u64,
    /// In the order of the levels.
    pub(crate) seconds_in_level: Vec<Span>,
    /// The first [`TRANSITIONS_MAX`].
    pub(crate) steps: Vec<Step>,
}

/// The stored form of a transition, `[microsecond, index of the level reached, outcomes in a row]`. A step is one level, so
/// that the level before follows from the steps before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step(pub(crate) u64, pub(crate) usize, pub(crate) u64);

/// Which way a transition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the stricter level.
    Escalation,
    /// To the milder level.
    Deescalation,
}

/// A step from a level to its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition<'a> {
    /// The level before.
    pub from: &'a str,
    /// The level after.
    pub to: &'a str,
    /// When, from the start of the run.
    pub at: Span,
    /// Which way.
    pub kind: Direction,
    /// So many failures (up) or successes (down) in a row led to it.
    pub in_a_row: u64,
}

impl Transition<'_> {
    /// Why, as a person reads it.
    #[must_use]
    pub fn reason(&self) -> String {
        match (self.kind, self.in_a_row) {
            (Direction::Escalation, 1) => "1 failure".to_owned(),
            (Direction::Escalation, count) => format!("{count} failures in a row"),
            (Direction::Deescalation, count) => format!("{count} successes in a row"),
        }
    }
}

impl Outcome {
    /// The levels, the mildest first.
    #[must_use]
    pub fn policy_order(&self) -> &[String] {
        &self.policy_order
    }

    /// How long the run was.
    #[must_use]
    pub const fn duration(&self) -> Span {
        self.duration_s
    }

    /// Outcomes that counted and were successes.
    #[must_use]
    pub const fn successes(&self) -> u64 {
        self.successes
    }

    /// Outcomes that counted and were failures.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// Outcomes that did not count: at or after the end of the run (decision D38).
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Outcomes that counted.
    #[must_use]
    pub const fn considered(&self) -> u64 {
        self.successes.saturating_add(self.failures)
    }

    /// Steps up.
    #[must_use]
    pub const fn escalations(&self) -> u64 {
        self.escalations
    }

    /// Steps down.
    #[must_use]
    pub const fn deescalations(&self) -> u64 {
        self.deescalations
    }

    /// All steps, also those that are not kept.
    #[must_use]
    pub const fn transition_count(&self) -> u64 {
        self.escalations.saturating_add(self.deescalations)
    }

    /// The first [`TRANSITIONS_MAX`] transitions, in order.
    pub fn transitions(&self) -> impl ExactSizeIterator<Item = Transition<'_>> {
        let mut level = 0;
        self.steps.iter().map(move |Step(at, to, in_a_row)| {
            let from = std::mem::replace(&mut level, *to);
            let kind = if *to > from { Direction::Escalation } else { Direction::Deescalation };
            Transition { from: self.level(from), to: self.level(*to), at: Span::from_micros(*at), kind, in_a_row: *in_a_row }
        })
    }

    /// The level at the end.
    #[must_use]
    pub fn final_policy(&self) -> &str {
        let index = self.escalations.saturating_sub(self.deescalations);
        self.level(usize::try_from(index).unwrap_or(usize::MAX))
    }

    /// Each level with the time spent in it, in order; 0 where it was not visited. They sum to the duration exactly.
    pub fn time_in_levels(&self) -> impl ExactSizeIterator<Item = (&str, Span)> {
        self.policy_order.iter().map(String::as_str).zip(self.seconds_in_level.iter().copied())
    }

    /// The share of successes among the outcomes that counted, 4 decimals, ties to even on the exact binary value; 0 if
    /// none counted (decision D30).
    #[must_use]
    pub fn sla_compliance_rate(&self) -> f64 {
        match self.considered() {
            0 => 0.0,
            considered => round4(self.successes as f64 / considered as f64),
        }
    }

    /// The level at a point of the run: after all that happened up to and including `at`. None if it is behind the last
    /// transition that is kept; [`policy_at`](super::policy_at) then finds it.
    ///
    /// # Errors
    /// [`FaultKind::OutsideRun`] behind the end of the run.
    pub fn policy_at(&self, at: Span) -> Result<Option<&str>, Fault> {
        if at > self.duration_s {
            return Err(Fault::new("at", FaultKind::OutsideRun));
        }
        let passed = self.steps.partition_point(|Step(step_at, ..)| *step_at <= at.micros());
        let is_known = passed < self.steps.len() || self.steps.len() as u64 == self.transition_count();
        let level = passed.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0, |Step(_, level, _)| *level);
        if at == self.duration_s { Ok(Some(self.final_policy())) } else { Ok(is_known.then(|| self.level(level))) }
    }

    /// The name of a level. An index is checked when an outcome is read.
    fn level(&self, index: usize) -> &str {
        self.policy_order.get(index).map_or("", String::as_str)
    }
}

/// Rounds to 4 decimals: the exact binary value, ties to even.
fn round4(number: f64) -> f64 {
    format!("{number:.4}").parse().unwrap_or(number)
}

/// [`Outcome`] as it is stored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    policy_order: Vec<String>,
    duration_s: Span,
    successes: u64,
    failures: u64,
    ignored: u64,
    escalations: u64,
    deescalations: u64,
    seconds_in_level: Vec<Span>,
    steps: Vec<Step>,
}

/// An outcome that no run has.
#[derive(Debug)]
struct Contradiction;

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outcome contradicts itself")
    }
}

impl TryFrom<Unchecked> for Outcome {
    type Error = Contradiction;

    fn try_from(raw: Unchecked) -> Result<Self, Contradiction> {
        let Unchecked { policy_order, duration_s, successes, failures, ignored, escalations, deescalations, seconds_in_level, steps } = raw;
        let outcome = Self { policy_order, duration_s, successes, failures, ignored, escalations, deescalations, seconds_in_level, steps };
        if outcome.is_sound() { Ok(outcome) } else { Err(Contradiction) }
    }
}

impl Outcome {
    fn is_sound(&self) -> bool {
        let levels = self.policy_order.len();
        let distinct = self.policy_order.iter().collect::<BTreeSet<_>>().len();
        let spent: u64 = self.seconds_in_level.iter().fold(0, |sum, span| sum.saturating_add(span.micros()));
        let kept = self.steps.len() as u64;
        levels >= 2
            && distinct == levels
            && self.seconds_in_level.len() == levels
            && spent == self.duration_s.micros()
            && kept == self.transition_count().min(TRANSITIONS_MAX as u64)
            && self.escalations.checked_sub(self.deescalations).is_some_and(|last| last < levels as u64)
            && self.walks_up(levels).is_some_and(|ups| self.fits(ups, kept))
    }

    /// How many of the kept steps lead up; none if they are not one walk, in order of time, within the levels.
    fn walks_up(&self, levels: usize) -> Option<u64> {
        let (mut before, mut level, mut ups) = (0, 0_usize, 0);
        for Step(at, to, _) in &self.steps {
            let is_lawful = *to < levels && to.abs_diff(level) == 1 && (before..self.duration_s.micros()).contains(at);
            ups += u64::from(*to > level);
            (before, level) = (*at, *to);
            is_lawful.then_some(())?;
        }
        Some(ups)
    }

    /// Where all steps are kept they are as many, each way, as were counted.
    fn fits(&self, ups: u64, kept: u64) -> bool {
        let downs = kept - ups;
        match kept == self.transition_count() {
            true => (ups, downs) == (self.escalations, self.deescalations),
            false => ups <= self.escalations && downs <= self.deescalations,
        }
    }
}
