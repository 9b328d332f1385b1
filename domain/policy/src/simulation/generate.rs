//! Patterns by rule [D33]: deterministic, no randomness.

use super::events::Events;
use super::pattern::EVENTS_MAX;
use super::reject::{Fault, FaultKind, Faults};
use super::span::{SECONDS_MAX, Span};

/// What binary fractions may lack to a whole number: without it, ten times 0.1 would not make a failure.
const SLACK: f64 = 1e-9;
/// The rate of a cascade grows once in so many seconds.
const CASCADE_STEP_S: u64 = 60;

/// A pattern by rule. Bursts and cascades have one event a second, at whole seconds from 0 on.
#[derive(Clone, Debug, PartialEq)]
pub enum Generator {
    /// Failures evenly spread: event `i` of `⌊duration × events per second⌋` at second `⌊i / events per second⌋`, a failure
    /// where `⌊(i + 1) × rate⌋ > ⌊i × rate⌋`.
    Constant {
        /// The share of failures, 0 to 1.
        rate: f64,
        /// Seconds, at least 1.
        duration_s: f64,
        /// Above 0.
        events_per_s: f64,
    },
    /// Failures in bursts: where `second mod interval < size`.
    Burst {
        /// Seconds, at least 1.
        size: i64,
        /// Seconds from the start of a burst to that of the next, at least 1.
        interval_s: i64,
        /// Seconds, at least 1.
        duration_s: f64,
    },
    /// Ever more failures, until all is well: before the recovery the rate is `min(1, initial × factor^⌊second / 60⌋)`; rates
    /// add up, and each whole one is a failure.
    Cascade {
        /// The share of failures at the start, 0 to 1.
        initial_rate: f64,
        /// At least 1.
        factor: f64,
        /// From this second on there are no failures.
        recovery_at_s: f64,
        /// Seconds, at least 1.
        duration_s: f64,
    },
}

impl Generator {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Burst { .. } => "burst",
            Self::Cascade { .. } => "cascade",
        }
    }

    /// The events.
    ///
    /// # Errors
    /// All faults of the numbers, more than 10,000,000 events among them.
    pub fn events(&self) -> Result<Events, Faults> {
        let mut faults = Vec::new();
        self.check("", &mut faults);
        Faults::refuse(faults)?;
        let too_long = |kind| Faults::one(Fault::new("duration_s", kind));
        match *self {
            Self::Constant { rate, events_per_s, .. } => Events::collect(constant(rate, events_per_s, self.count())),
            Self::Burst { size, interval_s, .. } => Events::collect(burst(size, interval_s, self.count())),
            Self::Cascade { initial_rate, factor, recovery_at_s, .. } => {
                Events::collect(cascade(initial_rate, factor, recovery_at_s, self.count()))
            }
        }
        .map_err(too_long)
    }

    /// Finds what is wrong, in the order of the fields.
    pub(crate) fn check(&self, path: &str, faults: &mut Vec<Fault>) {
        let before = faults.len();
        let mut test = |field: &str, number: f64, is_lawful: bool, otherwise: FaultKind| {
            let kind = if number.is_finite() { otherwise } else { FaultKind::InvalidNumber };
            if !is_lawful || !number.is_finite() {
                faults.push(Fault::new(format!("{path}{field}"), kind));
            }
        };
        let is_share = |rate: f64| (0.0..=1.0).contains(&rate);
        let duration_s = match *self {
            Self::Constant { rate, duration_s, events_per_s } => {
                test("rate", rate, is_share(rate), FaultKind::InvalidRate);
                test("events_per_s", events_per_s, events_per_s > 0.0, FaultKind::InvalidEventRate);
                duration_s
            }
            Self::Burst { size, interval_s, duration_s } => {
                test("size", 0.0, size >= 1, FaultKind::InvalidBurstSize);
                test("interval_s", 0.0, interval_s >= 1, FaultKind::InvalidInterval);
                duration_s
            }
            Self::Cascade { initial_rate, factor, recovery_at_s, duration_s } => {
                test("initial_rate", initial_rate, is_share(initial_rate), FaultKind::InvalidRate);
                test("factor", factor, factor >= 1.0, FaultKind::InvalidFactor);
                test("recovery_at_s", recovery_at_s, (0.0..=SECONDS_MAX as f64).contains(&recovery_at_s), FaultKind::InvalidRecovery);
                duration_s
            }
        };
        test("duration_s", duration_s, (1.0..=SECONDS_MAX as f64).contains(&duration_s), FaultKind::InvalidDuration);
        if faults.len() == before && self.count() > EVENTS_MAX as u64 {
            faults.push(Fault::new(format!("{path}duration_s"), FaultKind::PatternTooLong));
        }
    }

    /// How many events there are.
    pub(crate) fn count(&self) -> u64 {
        match *self {
            Self::Constant { duration_s, events_per_s, .. } => whole(duration_s * events_per_s),
            Self::Burst { duration_s, .. } | Self::Cascade { duration_s, .. } => whole(duration_s),
        }
    }
}

/// Rounded down, but for what binary fractions lack.
fn whole(number: f64) -> u64 {
    (number + SLACK) as u64
}

fn constant(rate: f64, events_per_s: f64, count: u64) -> impl Iterator<Item = (Span, bool)> {
    let mut failures = 0;
    (0..count).map(move |event| {
        let before = failures;
        failures = whole((event + 1) as f64 * rate);
        (Span::from_whole_seconds(whole(event as f64 / events_per_s)), failures == before)
    })
}

fn burst(size: i64, interval_s: i64, count: u64) -> impl Iterator<Item = (Span, bool)> {
    let (size, interval) = (size.unsigned_abs(), interval_s.unsigned_abs().max(1));
    (0..count).map(move |second| (Span::from_whole_seconds(second), second % interval >= size))
}

/// The rate grows by multiplying, not by a power: the power's last bit differs from machine to machine.
fn cascade(initial_rate: f64, factor: f64, recovery_at_s: f64, count: u64) -> impl Iterator<Item = (Span, bool)> {
    let (mut rate, mut due) = (initial_rate, 0.0);
    (0..count).map(move |second| {
        if second > 0 && second % CASCADE_STEP_S == 0 {
            rate = (rate * factor).min(1.0);
        }
        let fails = second < recovery_at_s.ceil() as u64 && {
            due += rate;
            due >= 1.0 - SLACK
        };
        due -= f64::from(u8::from(fails));
        (Span::from_whole_seconds(second), !fails)
    })
}
