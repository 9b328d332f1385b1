//! The circuit breaker of the house (specification U1): a pure machine. It has no clock; who calls it brings the time. Nobody
//! else in the project makes one: `cargo xtask tidy` refuses it.
//!
//! ```
//! use ionveil_channels::breaker::{Breaker, BreakerPolicy, Profile, StateName};
//! use ionveil_kernel::Timestamp;
//!
//! let at = |ms: i64| Timestamp::from_micros(ms * 1_000);
//! let mut breaker = Breaker::new(BreakerPolicy::of(Profile::Core));
//! for second in 0..5 {
//!     breaker.allow_request(at(second * 1_000), "call").expect("closed: everything passes");
//!     breaker.record_failure(at(second * 1_000));
//! }
//! assert_eq!(breaker.state(at(4_000)), StateName::Open);
//! assert_eq!(breaker.allow_request(at(33_999), "call").unwrap_err().retry_after_ms, Some(1));
//! breaker.allow_request(at(34_000), "probe").expect("half open: one probe passes");
//! breaker.record_success(at(34_001));
//! assert_eq!(breaker.state(at(34_001)), StateName::Closed);
//! ```

mod policy;
mod state;

#[cfg(test)]
mod tests;

pub use policy::{
    BreakerPolicy, COUNT_MAX, FAILURE_THRESHOLD_DEFAULT, InvalidBreakerPolicy, LATTICE_WINDOW_MS, MIN_CALLS_DEFAULT, PolicyFault,
    PolicyForm, Profile, RESET_TIMEOUT_MS_DEFAULT, TIME_MS_MAX, WINDOW_CALLS_DEFAULT,
};
pub use state::{Change, Counted, Evidence, Forced, Mode, Phase, Probe, Reason, State, StateName, Transition};

use crate::detector::Verdict;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use state::{deadline, is_fresh};
use std::time::Duration;

/// Leave to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    /// The breaker's generation when it was given.
    pub generation: u64,
    /// The probe that it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
}

/// No leave to call (`BreakerOpen`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the breaker lets nothing through")]
pub struct Refused {
    /// In how many milliseconds, rounded up, it may be tried again; none if that is not known.
    pub retry_after_ms: Option<u64>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<'a> {
    /// The leave that it had, if it had one.
    pub permit: Option<&'a Permit>,
    /// How its outcome counts.
    pub verdict: Verdict,
    /// Whether it was slow.
    pub slow: bool,
    /// What judged it.
    pub detector: Option<&'a str>,
}

/// What [`Breaker::execute`] comes to, other than a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError<E> {
    /// Not called.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Called, and failed.
    #[error("the call failed")]
    Failed(E),
}

/// A breaker: a policy, a state, and the changes since they were last taken.
#[derive(Clone, Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    draw: f64,
    changes: Vec<Change>,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        Self::at(policy, State::default(), 0.5)
    }

    /// One that stands where `state` says. `draw`, from 0 up to 1, is the chance in the jitter; 0.5 means none.
    #[must_use]
    pub const fn at(policy: BreakerPolicy, state: State, draw: f64) -> Self {
        Self { policy, state, draw, changes: Vec::new() }
    }

    /// Everything that changed since this was last called, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Where it stands, as it was last moved.
    #[must_use]
    pub const fn standing(&self) -> &State {
        &self.state
    }

    /// The state at `now`, without what is forced.
    pub fn state(&mut self, now: Timestamp) -> StateName {
        self.tick(now);
        self.state.name()
    }

    /// Lets time pass: what is due happens, its borders included.
    pub fn tick(&mut self, now: Timestamp) {
        if self.state.forced.as_ref().and_then(|forced| forced.until).is_some_and(|until| until <= now) {
            self.change(Change::Released);
        }
        // Going half open leaves no probe, so this ends.
        loop {
            match &self.state.phase {
                Phase::Open { until, .. } if *until <= now => self.transition(StateName::HalfOpen, Reason::ResetTimeout, now, None),
                Phase::HalfOpen { probes, .. } if probes.iter().any(|probe| deadline(&self.policy, probe) <= now) => {
                    self.transition(StateName::Open, Reason::ProbeTimeout, now, None);
                }
                Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { .. } => return,
            }
        }
    }

    /// Asks for leave to call; `by` names the probe, should it become one.
    ///
    /// # Errors
    /// [`Refused`] while it is open, or as many probes as may are under way.
    pub fn allow_request(&mut self, now: Timestamp, by: &str) -> Result<Permit, Refused> {
        self.tick(now);
        let refused = |until: Option<Timestamp>| Refused { retry_after_ms: until.map(|until| millis_up(until.since(now))) };
        let granted = Permit { generation: self.state.generation, probe: None };
        if let Some(forced) = &self.state.forced {
            return if forced.mode == Mode::Open { Err(refused(forced.until)) } else { Ok(granted) };
        }
        match &self.state.phase {
            Phase::Closed => Ok(granted),
            Phase::Open { until, .. } => Err(refused(Some(*until))),
            Phase::HalfOpen { admitted, probes, .. } if *admitted >= self.policy.probe_count => {
                Err(refused(probes.iter().map(|probe| deadline(&self.policy, probe)).min()))
            }
            Phase::HalfOpen { .. } => {
                self.change(Change::Admitted(Probe { by: by.to_owned(), at: now }));
                Ok(Permit { probe: Some(by.to_owned()), ..granted })
            }
        }
    }

    /// Takes in an outcome. That of a permit of another generation moves nothing; a failure of one is counted as late.
    pub fn record(&mut self, now: Timestamp, report: &Report<'_>) {
        self.tick(now);
        if self.state.forced.is_some() {
            return self.give_back(report);
        }
        let is_old = report.permit.is_some_and(|permit| permit.generation != self.state.generation);
        match (self.state.name(), report.verdict) {
            (_, Verdict::Ignored) => self.give_back(report),
            (StateName::Open, Verdict::Failure) => self.change(Change::Late),
            (_, Verdict::Failure) if is_old => self.change(Change::Late),
            (StateName::Open, Verdict::Success) => {
                if report.permit.is_none() && self.policy.permitless_success_closes_open {
                    self.transition(StateName::Closed, Reason::ForcedClose, now, report.detector);
                }
            }
            (_, Verdict::Success) if is_old => {}
            (StateName::Closed, Verdict::Success | Verdict::Failure) => self.record_closed(now, report),
            (StateName::HalfOpen, Verdict::Failure) => self.transition(StateName::Open, Reason::ProbeFailed, now, report.detector),
            (StateName::HalfOpen, Verdict::Success) => self.record_probe(now, report),
        }
    }

    /// A success that nobody had a permit for.
    pub fn record_success(&mut self, now: Timestamp) {
        self.record(now, &Report { permit: None, verdict: Verdict::Success, slow: false, detector: None });
    }

    /// A failure that nobody had a permit for.
    pub fn record_failure(&mut self, now: Timestamp) {
        self.record(now, &Report { permit: None, verdict: Verdict::Failure, slow: false, detector: None });
    }

    /// Calls `call` if it may; its error counts as a failure.
    ///
    /// # Errors
    /// [`ExecuteError`].
    pub fn execute<T, E>(&mut self, now: Timestamp, call: impl FnOnce() -> Result<T, E>) -> Result<T, ExecuteError<E>> {
        let permit = self.allow_request(now, "execute")?;
        let result = call();
        let verdict = if result.is_ok() { Verdict::Success } else { Verdict::Failure };
        self.record(now, &Report { permit: Some(&permit), verdict, slow: false, detector: None });
        result.map_err(ExecuteError::Failed)
    }

    /// Lets probes through now, if it is open.
    pub fn force_half_open(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state.name() == StateName::Open {
            self.transition(StateName::HalfOpen, Reason::Manual, now, None);
        }
    }

    /// Closes it, and forgets what was counted.
    pub fn reset(&mut self, now: Timestamp) {
        self.tick(now);
        match self.state.name() {
            StateName::Closed if self.state.failures.is_empty() && self.state.calls.is_empty() => {}
            StateName::Closed => self.change(Change::Cleared),
            StateName::Open | StateName::HalfOpen => self.transition(StateName::Closed, Reason::ForcedClose, now, None),
        }
    }

    /// Puts a mode in force, or takes it away.
    pub fn force(&mut self, now: Timestamp, forced: Option<Forced>) {
        self.tick(now);
        match forced {
            Some(forced) => self.change(Change::Forced(forced)),
            None if self.state.forced.is_some() => self.change(Change::Released),
            None => {}
        }
    }

    /// Failures that count at `now`.
    #[must_use]
    pub fn failure_count(&self, now: Timestamp) -> u32 {
        self.state.failure_count(&self.policy, now)
    }

    fn give_back(&mut self, report: &Report<'_>) {
        let Phase::HalfOpen { probes, .. } = &self.state.phase else { return };
        let by = report.permit.and_then(|permit| permit.probe.as_deref());
        if let Some(by) = by.filter(|by| probes.iter().any(|probe| probe.by == *by)) {
            self.change(Change::Freed(by.to_owned()));
        }
    }

    fn record_closed(&mut self, now: Timestamp, report: &Report<'_>) {
        let failed = report.verdict == Verdict::Failure;
        if !failed && self.state.is_quiet(&self.policy) {
            return;
        }
        self.change(Change::Counted { call: Counted { at: now, failed, slow: report.slow }, probe: None });
        let tripped = if failed && self.state.failure_count(&self.policy, now) >= self.policy.failure_threshold {
            Some(Reason::FailureThreshold)
        } else {
            self.rate_exceeded(now)
        };
        if let Some(reason) = tripped {
            self.transition(StateName::Open, reason, now, report.detector);
        }
    }

    fn record_probe(&mut self, now: Timestamp, report: &Report<'_>) {
        let probe = report.permit.and_then(|permit| permit.probe.clone());
        self.change(Change::Counted { call: Counted { at: now, failed: false, slow: report.slow }, probe });
        if matches!(self.state.phase, Phase::HalfOpen { successes, .. } if successes >= self.policy.success_threshold) {
            self.transition(StateName::Closed, Reason::ProbesSucceeded, now, report.detector);
        }
    }

    fn rate_exceeded(&self, now: Timestamp) -> Option<Reason> {
        let rates = self.policy.rates?;
        let (calls, failure, slow) = self.shares(now)?;
        if calls < rates.min_calls {
            return None;
        }
        let over = |limit: Option<f64>, share: f64| limit.is_some_and(|limit| share >= limit);
        if over(rates.failure, failure) { Some(Reason::FailureRate) } else { over(rates.slow, slow).then_some(Reason::SlowCallRate) }
    }

    /// How many calls are in the window, and the shares of those that failed and that were slow.
    fn shares(&self, now: Timestamp) -> Option<(u32, f64, f64)> {
        let fresh: Vec<_> = self.state.calls.iter().filter(|call| is_fresh(&self.policy, call.at, now)).collect();
        let count = |wanted: &dyn Fn(&Counted) -> bool| u32::try_from(fresh.iter().filter(|call| wanted(call)).count()).unwrap_or(u32::MAX);
        let all = count(&|_| true);
        (all > 0).then(|| {
            let share = |part: u32| f64::from(part) / f64::from(all);
            (all, share(count(&|call| call.failed)), share(count(&|call| call.slow)))
        })
    }

    fn transition(&mut self, to: StateName, reason: Reason, now: Timestamp, detector: Option<&str>) {
        let shares = self.shares(now);
        let evidence = Evidence {
            failures: self.state.failure_count(&self.policy, now),
            threshold: self.policy.failure_threshold,
            window_ms: self.policy.window_ms,
            calls: shares.map(|(calls, _, _)| calls),
            failure_rate: shares.map(|(_, failure, _)| failure),
            slow_call_rate: shares.map(|(_, _, slow)| slow),
            detector: detector.map(str::to_owned),
        };
        let until = (to == StateName::Open).then(|| now.after(self.break_time()));
        self.change(Change::Transitioned(Transition { from: self.state.name(), to, at: now, reason, until, evidence }));
    }

    /// How long the next opening lasts.
    fn break_time(&self) -> Duration {
        let growth = self.policy.growth;
        let exponent = i32::try_from(self.state.trips).unwrap_or(i32::MAX);
        let (base, max) = (self.policy.reset_timeout_ms as f64, growth.max_ms as f64);
        let grown = (base * growth.factor.powi(exponent)).min(max);
        let moved = grown * (1.0 + growth.jitter * (2.0 * self.draw - 1.0));
        Duration::try_from_secs_f64(moved / 1_000.0)
            .map_or(Duration::from_millis(growth.max_ms), |time| Duration::from_micros(micros(time)))
    }

    fn change(&mut self, change: Change) {
        let follows = self.state.apply(&self.policy, &change);
        debug_assert!(follows, "a change of its own cannot follow: {change:?}");
        self.changes.push(change);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis_up(time: Duration) -> u64 {
    micros(time).div_ceil(1_000)
}
