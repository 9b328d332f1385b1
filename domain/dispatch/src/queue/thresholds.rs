//! The thresholds of queue health: one structure, checked when it is made, so that nonsense stops the start and not a
//! dispatcher.

use crate::queue::Status;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Thresholds as somebody configured them (specification of IonVeil §5.2, decision D23).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawThresholds {
    /// From here on it is a warning; above 0.
    pub warn_ratio: f64,
    /// Above here it is critical; above the warning.
    pub critical_ratio: f64,
    /// From here on it is overloaded; not below critical.
    pub overload_ratio: f64,
    /// Above here a queue is slow, in milliseconds; above 0.
    pub slow_p95_ms: f64,
    /// The limit of queues that name none; above 0.
    pub hard_limit: i64,
}

impl Default for RawThresholds {
    fn default() -> Self {
        Self { warn_ratio: 0.6, critical_ratio: 0.8, overload_ratio: 1.0, slow_p95_ms: 100.0, hard_limit: 1_000 }
    }
}

/// Thresholds that make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds(RawThresholds);

/// What is wrong with thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", self.field(), self.must())]
pub enum ThresholdFault {
    /// The warning is not above 0.
    Warn,
    /// Critical is not above the warning.
    Critical,
    /// Overload is below critical.
    Overload,
    /// The latency is not above 0.
    Slow,
    /// The limit is not above 0.
    Limit,
}

impl ThresholdFault {
    /// The setting.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Warn => "warn_ratio",
            Self::Critical => "critical_ratio",
            Self::Overload => "overload_ratio",
            Self::Slow => "slow_p95_ms",
            Self::Limit => "hard_limit",
        }
    }

    /// What it must be.
    #[must_use]
    pub const fn must(self) -> &'static str {
        match self {
            Self::Warn | Self::Limit => "it is above 0",
            Self::Critical => "it is above warn_ratio",
            Self::Overload => "it is finite and not below critical_ratio",
            Self::Slow => "it is finite and above 0",
        }
    }
}

/// Thresholds that make no sense; at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidThresholds(pub Vec<ThresholdFault>);

impl InvalidThresholds {
    /// The stable code.
    pub const CODE: &'static str = "invalid_thresholds";
}

impl fmt::Display for InvalidThresholds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl std::error::Error for InvalidThresholds {}

impl Thresholds {
    /// Checks and takes thresholds.
    ///
    /// # Errors
    /// Every fault; a number that is none (NaN) is a fault wherever it stands.
    pub fn new(raw: RawThresholds) -> Result<Self, InvalidThresholds> {
        let rules = [
            (raw.warn_ratio > 0.0, ThresholdFault::Warn),
            (raw.critical_ratio > raw.warn_ratio, ThresholdFault::Critical),
            (raw.overload_ratio >= raw.critical_ratio && raw.overload_ratio.is_finite(), ThresholdFault::Overload),
            (raw.slow_p95_ms > 0.0 && raw.slow_p95_ms.is_finite(), ThresholdFault::Slow),
            (raw.hard_limit > 0, ThresholdFault::Limit),
        ];
        let faults: Vec<_> = rules.into_iter().filter(|(holds, _)| !holds).map(|(_, fault)| fault).collect();
        if faults.is_empty() { Ok(Self(raw)) } else { Err(InvalidThresholds(faults)) }
    }

    /// The limit of queues that name none.
    #[must_use]
    pub const fn hard_limit(&self) -> i64 {
        self.0.hard_limit
    }

    /// How full a queue of this unrounded utilisation is.
    pub(crate) fn status(&self, utilisation: f64) -> Status {
        if utilisation >= self.0.overload_ratio {
            Status::Overloaded
        } else if utilisation > self.0.critical_ratio {
            Status::Critical
        } else if utilisation >= self.0.warn_ratio {
            Status::Warning
        } else {
            Status::Healthy
        }
    }

    pub(crate) fn is_slow(&self, p95_ms: f64) -> bool {
        p95_ms > self.0.slow_p95_ms
    }
}
