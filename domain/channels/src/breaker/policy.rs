//! What a breaker is told: thresholds, times and windows, validated at once (specification U1).

use serde::{Deserialize, Serialize};
use std::fmt;

/// The most failures, probes and calls that a policy may count: what is counted is kept.
pub const COUNT_MAX: u32 = 1_000;
/// The longest time of a policy, in milliseconds: 30 days.
pub const TIME_MS_MAX: u64 = 30 * 86_400_000;
/// The default of `failure_threshold`.
pub const FAILURE_THRESHOLD_DEFAULT: u32 = 5;
/// The default of `reset_timeout_ms`; also the time of a probe where there is no other.
pub const RESET_TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// The window of the profile `lattice`, in milliseconds.
pub const LATTICE_WINDOW_MS: u64 = 60_000;
/// Calls that a rate looks at, unless a window says otherwise.
pub const WINDOW_CALLS_DEFAULT: u32 = 100;
/// Calls that a rate needs before it counts.
pub const MIN_CALLS_DEFAULT: u32 = 10;

/// A named set of defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Five failures in a row, 30 s, one probe.
    #[default]
    Core,
    /// Five failures within a minute, whatever succeeded meanwhile.
    Lattice,
    /// Three probes, all of which must succeed. Its detector ignores timeouts.
    Http,
}

/// A policy as it is written: what is absent is the profile's default. Numbers are signed and wide so that each can be judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyForm {
    /// Where the defaults come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Failures that open the breaker, 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<i64>,
    /// Successes of probes that close it, 1 to `probe_count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_threshold: Option<i64>,
    /// Probes that half-open admits, 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_count: Option<i64>,
    /// How long it stays open, in milliseconds, 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_timeout_ms: Option<i64>,
    /// Only failures (and calls) younger than this count, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<i64>,
    /// Whether a success clears the failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_on_success: Option<bool>,
    /// After so many milliseconds a probe without an answer has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_timeout_ms: Option<i64>,
    /// Whether a success that nobody had a permit for closes an open breaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permitless_success_closes_open: Option<bool>,
    /// The share of failed calls, above 0 up to 1, that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<f64>,
    /// The share of slow calls, above 0 up to 1, that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_call_rate: Option<f64>,
    /// A call that takes longer is slow, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_call_ms: Option<i64>,
    /// Calls that the rates need before they count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_calls: Option<i64>,
    /// The rates look at so many of the last calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_calls: Option<i64>,
    /// By this factor, 1 to 10, each further opening without a closing in between lasts longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_factor: Option<f64>,
    /// The longest opening, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_timeout_max_ms: Option<i64>,
    /// By up to this share, 0 to 1, an opening is longer or shorter by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
}

/// A validated policy. Only [`PolicyForm::check`] makes one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PolicyForm", into = "PolicyForm")]
pub struct BreakerPolicy {
    form: PolicyForm,
    pub(super) failure_threshold: u32,
    pub(super) success_threshold: u32,
    pub(super) probe_count: u32,
    pub(super) reset_timeout_ms: u64,
    pub(super) window_ms: Option<u64>,
    pub(super) reset_on_success: bool,
    pub(super) probe_timeout_ms: u64,
    pub(super) permitless_success_closes_open: bool,
    pub(super) rates: Option<Rates>,
    pub(super) growth: Growth,
}

/// Further conditions that open the breaker, over a window of calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) failure: Option<f64>,
    pub(super) slow: Option<f64>,
    pub(super) slow_call_ms: Option<u64>,
    pub(super) min_calls: u32,
    pub(super) window_calls: u32,
}

/// How the time of an opening grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Growth {
    pub(super) factor: f64,
    pub(super) max_ms: u64,
    pub(super) jitter: f64,
}

/// One thing that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    /// The field.
    pub field: &'static str,
    /// What it must be.
    pub detail: String,
}

/// A policy that cannot be: everything that is wrong with it, in the order of the specification's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBreakerPolicy {
    /// At least one.
    pub faults: Vec<PolicyFault>,
}

impl fmt::Display for InvalidBreakerPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = self.faults.iter().map(|fault| format!("{} {}", fault.field, fault.detail)).collect();
        write!(f, "invalid breaker policy: {}", faults.join("; "))
    }
}

impl std::error::Error for InvalidBreakerPolicy {}

/// Judges one number after the other and remembers what is wrong.
#[derive(Default)]
struct Judge(Vec<PolicyFault>);

impl Judge {
    fn fault(&mut self, field: &'static str, detail: String) {
        self.0.push(PolicyFault { field, detail });
    }

    fn count(&mut self, field: &'static str, given: Option<i64>, default: u32, max: u32) -> u32 {
        let Some(given) = given else { return default };
        let lawful = u32::try_from(given).ok().filter(|count| (1..=max).contains(count));
        lawful.unwrap_or_else(|| {
            self.fault(field, format!("must be a whole number from 1 to {max}, not {given}"));
            default
        })
    }

    fn time(&mut self, field: &'static str, given: Option<i64>, least: u64) -> Option<u64> {
        let given = given?;
        let lawful = u64::try_from(given).ok().filter(|time| (least..=TIME_MS_MAX).contains(time));
        if lawful.is_none() {
            self.fault(field, format!("must be {least} to {TIME_MS_MAX} milliseconds, not {given}"));
        }
        lawful
    }

    fn rate(&mut self, field: &'static str, given: Option<f64>) -> Option<f64> {
        let given = given?;
        let lawful = given > 0.0 && given <= 1.0;
        if !lawful {
            self.fault(field, format!("must be above 0 and at most 1, not {given}"));
        }
        lawful.then_some(given)
    }

    fn between(&mut self, field: &'static str, given: Option<f64>, (least, most): (f64, f64)) -> f64 {
        let Some(given) = given else { return least };
        if !(given >= least && given <= most) {
            self.fault(field, format!("must be {least} to {most}, not {given}"));
        }
        given
    }
}

impl PolicyForm {
    /// Checks everything and makes a policy of it.
    ///
    /// # Errors
    /// [`InvalidBreakerPolicy`] with all faults.
    pub fn check(self) -> Result<BreakerPolicy, InvalidBreakerPolicy> {
        let mut judge = Judge::default();
        let profile = self.profile.unwrap_or_default();
        let failure_threshold = judge.count("failure_threshold", self.failure_threshold, FAILURE_THRESHOLD_DEFAULT, COUNT_MAX);
        let probes = if profile == Profile::Http { 3 } else { 1 };
        let probe_count = judge.count("probe_count", self.probe_count, probes, COUNT_MAX);
        let success_threshold = judge.count("success_threshold", self.success_threshold, probes.min(probe_count), probe_count);
        let reset_timeout_ms = judge.time("reset_timeout_ms", self.reset_timeout_ms, 0).unwrap_or(RESET_TIMEOUT_MS_DEFAULT);
        let window_ms = judge.time("window_ms", self.window_ms, 1).or((profile == Profile::Lattice).then_some(LATTICE_WINDOW_MS));
        let probe_default = if reset_timeout_ms == 0 { RESET_TIMEOUT_MS_DEFAULT } else { reset_timeout_ms };
        let probe_timeout_ms = judge.time("probe_timeout_ms", self.probe_timeout_ms, 1).unwrap_or(probe_default);
        let rates = self.rates(&mut judge);
        let growth = self.growth(&mut judge, reset_timeout_ms);
        if !judge.0.is_empty() {
            return Err(InvalidBreakerPolicy { faults: judge.0 });
        }
        let reset_on_success = self.reset_on_success.unwrap_or(profile != Profile::Lattice);
        let permitless_success_closes_open = self.permitless_success_closes_open.unwrap_or(true);
        Ok(BreakerPolicy {
            form: self,
            failure_threshold,
            success_threshold,
            probe_count,
            reset_timeout_ms,
            window_ms,
            reset_on_success,
            probe_timeout_ms,
            permitless_success_closes_open,
            rates,
            growth,
        })
    }

    fn rates(&self, judge: &mut Judge) -> Option<Rates> {
        let (failure, slow) = (judge.rate("failure_rate", self.failure_rate), judge.rate("slow_call_rate", self.slow_call_rate));
        let slow_call_ms = judge.time("slow_call_ms", self.slow_call_ms, 0);
        let asked = self.failure_rate.is_some() || self.slow_call_rate.is_some();
        let window_calls = judge.count("window_calls", self.window_calls, WINDOW_CALLS_DEFAULT, COUNT_MAX);
        let min_calls = judge.count("min_calls", self.min_calls, MIN_CALLS_DEFAULT.min(window_calls), window_calls);
        for (field, given) in [("window_calls", self.window_calls), ("min_calls", self.min_calls)] {
            if given.is_some() && !asked {
                judge.fault(field, "needs failure_rate or slow_call_rate".to_owned());
            }
        }
        if self.slow_call_rate.is_some() != self.slow_call_ms.is_some() {
            judge.fault("slow_call_ms", "and slow_call_rate need each other".to_owned());
        }
        asked.then_some(Rates { failure, slow, slow_call_ms, min_calls, window_calls })
    }

    fn growth(&self, judge: &mut Judge, reset_timeout_ms: u64) -> Growth {
        let factor = judge.between("backoff_factor", self.backoff_factor, (1.0, 10.0));
        let max_ms = judge.time("reset_timeout_max_ms", self.reset_timeout_max_ms, 0);
        if max_ms.is_some_and(|max| max < reset_timeout_ms) {
            judge.fault("reset_timeout_max_ms", format!("must not be below reset_timeout_ms, which is {reset_timeout_ms}"));
        }
        let jitter = judge.between("jitter", self.jitter, (0.0, 1.0));
        Growth { factor, max_ms: max_ms.unwrap_or(TIME_MS_MAX), jitter }
    }
}

impl BreakerPolicy {
    /// The defaults of a profile.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        let form = PolicyForm { profile: Some(profile), ..PolicyForm::default() };
        form.check().unwrap_or_else(|_| unreachable!("a profile is lawful"))
    }

    /// The policy as it was written.
    #[must_use]
    pub const fn form(&self) -> &PolicyForm {
        &self.form
    }

    /// The profile that the defaults came from.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.form.profile.unwrap_or_default()
    }

    /// Failures that open the breaker.
    #[must_use]
    pub const fn failure_threshold(&self) -> u32 {
        self.failure_threshold
    }

    /// Probes that half-open admits.
    #[must_use]
    pub const fn probe_count(&self) -> u32 {
        self.probe_count
    }

    /// Whether only failures of a window count.
    #[must_use]
    pub const fn has_window(&self) -> bool {
        self.window_ms.is_some()
    }

    /// Whether a success clears the failures.
    #[must_use]
    pub const fn resets_on_success(&self) -> bool {
        self.reset_on_success
    }

    /// Whether every call counts, also one that succeeds.
    #[must_use]
    pub const fn counts_calls(&self) -> bool {
        self.rates.is_some()
    }

    /// Whether a call of this latency is slow.
    #[must_use]
    pub fn is_slow(&self, latency_ms: Option<f64>) -> bool {
        let limit = self.rates.and_then(|rates| rates.slow_call_ms);
        limit.zip(latency_ms).is_some_and(|(limit, latency)| latency > limit as f64)
    }
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self::of(Profile::Core)
    }
}

impl TryFrom<PolicyForm> for BreakerPolicy {
    type Error = InvalidBreakerPolicy;

    fn try_from(form: PolicyForm) -> Result<Self, InvalidBreakerPolicy> {
        form.check()
    }
}

impl From<BreakerPolicy> for PolicyForm {
    fn from(policy: BreakerPolicy) -> Self {
        policy.form
    }
}
