//! Where a breaker stands, and how a change moves it. Time-driven changes are changes like all others: what is folded never
//! depends on the clock of the reader.

use super::policy::BreakerPolicy;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A state by name alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// Calls pass.
    #[default]
    Closed,
    /// Some calls pass, to find out.
    HalfOpen,
    /// No call passes.
    Open,
}

impl StateName {
    /// As telemetry has it: 0 closed, 1 half open, 2 open.
    #[must_use]
    pub const fn telemetry(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }

    /// The stable name: `closed`, `half_open`, `open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// The spelling of AetherOps: `half-open`.
    #[must_use]
    pub const fn hyphenated(self) -> &'static str {
        match self {
            Self::HalfOpen => "half-open",
            Self::Closed | Self::Open => self.as_str(),
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// So many failures in scope.
    FailureThreshold,
    /// It was open for long enough.
    ResetTimeout,
    /// A probe failed.
    ProbeFailed,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// A success without a permit while open, or a reset.
    ForcedClose,
    /// Somebody asked for half-open.
    Manual,
    /// Too large a share of the calls failed.
    FailureRate,
    /// Too large a share of the calls was slow.
    SlowCallRate,
    /// A probe had no answer in time.
    ProbeTimeout,
}

/// What a transition rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Failures in scope.
    pub failures: u32,
    /// Failures that open it.
    pub threshold: u32,
    /// The window of the failures, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<u64>,
    /// Calls that the rates looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// The share of them that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<f64>,
    /// The share of them that was slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_call_rate: Option<f64>,
    /// What judged the last outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
}

/// `BreakerTransitioned` without the breaker's id, which is that of its owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// The state before.
    pub from: StateName,
    /// The state after.
    pub to: StateName,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// When it may be tried again, if it opened: jitter and growth are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What it rests on.
    pub evidence: Evidence,
}

impl Transition {
    /// The sample of telemetry that it is: stream and value.
    #[must_use]
    pub fn telemetry(&self, breaker_id: &str) -> (String, u8) {
        (format!("breaker.{breaker_id}.state"), self.to.telemetry())
    }
}

/// What a person forces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing passes.
    Open,
    /// Everything passes.
    Closed,
    /// Everything passes, and is measured.
    MetricsOnly,
}

impl Mode {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::MetricsOnly => "metrics_only",
        }
    }
}

/// A mode in force. It lies over the state and leaves it as it is: what happens meanwhile does not move the breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forced {
    /// Which.
    pub mode: Mode,
    /// When it ends by itself; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A probe that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Who has it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// A call in the window of the rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// When it ended.
    pub at: Timestamp,
    /// Whether it failed.
    pub failed: bool,
    /// Whether it was slow.
    pub slow: bool,
}

/// The state with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    /// Calls pass.
    #[default]
    Closed,
    /// No call passes.
    Open {
        /// Since when.
        opened_at: Timestamp,
        /// From when on it may be tried again.
        until: Timestamp,
    },
    /// Some calls pass.
    HalfOpen {
        /// Probes that were let in and not freed: with an answer or without.
        admitted: u32,
        /// Those of them that succeeded.
        successes: u32,
        /// Those without an answer.
        probes: Vec<Probe>,
    },
}

/// One thing that moves a breaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// An outcome counts.
    Counted {
        /// The call.
        call: Counted,
        /// The probe that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<String>,
    },
    /// A failure came after the breaker had opened.
    Late,
    /// A probe was let in.
    Admitted(Probe),
    /// A probe's outcome counts neither way: its place is free.
    Freed(String),
    /// The state is another one.
    Transitioned(Transition),
    /// What was counted is forgotten.
    Cleared,
    /// A mode is in force.
    Forced(Forced),
    /// No mode is in force any more.
    Released,
}

/// Where a breaker stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The state.
    pub phase: Phase,
    /// How many transitions there were: a permit of another generation is an old one.
    pub generation: u64,
    /// Failures in scope, by time; empty after every transition.
    pub failures: Vec<Timestamp>,
    /// The calls that the rates look at.
    pub calls: Vec<Counted>,
    /// Openings since it was last closed.
    pub trips: u32,
    /// Failures that came too late to count.
    pub late: u64,
    /// What a person forces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
}

impl State {
    /// The state by name, without what is forced.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self.phase {
            Phase::Closed => StateName::Closed,
            Phase::Open { .. } => StateName::Open,
            Phase::HalfOpen { .. } => StateName::HalfOpen,
        }
    }

    /// When it may be tried again, while it is open.
    #[must_use]
    pub const fn next_probe_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Open { until, .. } => Some(until),
            Phase::Closed | Phase::HalfOpen { .. } => None,
        }
    }

    /// Failures that count at `now`.
    #[must_use]
    pub fn failure_count(&self, policy: &BreakerPolicy, now: Timestamp) -> u32 {
        let fresh = self.failures.iter().filter(|at| is_fresh(policy, **at, now)).count();
        u32::try_from(fresh).unwrap_or(u32::MAX)
    }

    /// Whether a success of a call that had a permit changes nothing.
    #[must_use]
    pub fn is_quiet(&self, policy: &BreakerPolicy) -> bool {
        let quiet_closed = !policy.counts_calls() && (self.failures.is_empty() || !policy.reset_on_success);
        self.forced.is_some() || (self.phase == Phase::Closed && quiet_closed)
    }

    /// The instants at which time alone changes something, with a name for each.
    #[must_use]
    pub fn dues(&self, policy: &BreakerPolicy) -> Vec<(&'static str, Timestamp)> {
        let forced = self.forced.as_ref().and_then(|forced| forced.until).map(|until| ("force", until));
        let phase = match &self.phase {
            Phase::Closed => None,
            Phase::Open { until, .. } => Some(("half_open", *until)),
            Phase::HalfOpen { probes, .. } => probes.iter().map(|probe| deadline(policy, probe)).min().map(|due| ("probe", due)),
        };
        forced.into_iter().chain(phase).collect()
    }

    /// Moves by a change, which [`super::Breaker`] or a stored history brings. Says whether it could follow.
    #[must_use]
    pub fn apply(&mut self, policy: &BreakerPolicy, change: &Change) -> bool {
        match change {
            Change::Counted { call, probe } => self.count(policy, *call, probe.as_deref()),
            Change::Late => self.late += 1,
            Change::Admitted(probe) => return self.admit(probe),
            Change::Freed(by) => self.free(by),
            Change::Transitioned(transition) => return self.transition(transition),
            Change::Cleared => self.clear(),
            Change::Forced(forced) => self.forced = Some(forced.clone()),
            Change::Released => self.forced = None,
        }
        true
    }

    fn count(&mut self, policy: &BreakerPolicy, call: Counted, probe: Option<&str>) {
        if let Phase::HalfOpen { successes, probes, .. } = &mut self.phase {
            *successes += u32::from(!call.failed);
            probes.retain(|open| Some(open.by.as_str()) != probe);
            return;
        }
        self.failures.retain(|at| is_fresh(policy, *at, call.at));
        if call.failed {
            self.failures.push(call.at);
            let over = self.failures.len().saturating_sub(usize::try_from(policy.failure_threshold).unwrap_or(usize::MAX));
            self.failures.drain(..over);
        } else if policy.reset_on_success {
            self.failures.clear();
        }
        if let Some(rates) = policy.rates {
            self.calls.retain(|old| is_fresh(policy, old.at, call.at));
            self.calls.push(call);
            let over = self.calls.len().saturating_sub(usize::try_from(rates.window_calls).unwrap_or(usize::MAX));
            self.calls.drain(..over);
        }
    }

    fn admit(&mut self, probe: &Probe) -> bool {
        let Phase::HalfOpen { admitted, probes, .. } = &mut self.phase else { return false };
        *admitted += 1;
        probes.push(probe.clone());
        true
    }

    fn free(&mut self, by: &str) {
        if let Phase::HalfOpen { admitted, probes, .. } = &mut self.phase {
            let before = probes.len();
            probes.retain(|probe| probe.by != by);
            *admitted = admitted.saturating_sub(u32::from(probes.len() < before));
        }
    }

    fn transition(&mut self, to: &Transition) -> bool {
        if self.name() != to.from || to.from == to.to {
            return false;
        }
        self.clear();
        self.generation += 1;
        self.phase = match to.to {
            StateName::Closed => Phase::Closed,
            StateName::Open => Phase::Open { opened_at: to.at, until: to.until.unwrap_or(to.at) },
            StateName::HalfOpen => Phase::HalfOpen { admitted: 0, successes: 0, probes: Vec::new() },
        };
        match to.to {
            StateName::Closed => self.trips = 0,
            StateName::Open => self.trips = self.trips.saturating_add(1),
            StateName::HalfOpen => {}
        }
        true
    }

    fn clear(&mut self) {
        self.failures.clear();
        self.calls.clear();
    }
}

/// Whether what was at `at` still counts at `now`: younger than the window, if there is one.
pub(super) fn is_fresh(policy: &BreakerPolicy, at: Timestamp, now: Timestamp) -> bool {
    policy.window_ms.is_none_or(|window| now.since(at) < Duration::from_millis(window))
}

/// When a probe without an answer has failed.
pub(super) fn deadline(policy: &BreakerPolicy, probe: &Probe) -> Timestamp {
    probe.at.after(Duration::from_millis(policy.probe_timeout_ms))
}
