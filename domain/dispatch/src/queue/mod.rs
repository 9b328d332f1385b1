//! The one place that says how healthy a queue is (specification of IonVeil §3.5, §5.2): depth, limit, rate and latency in,
//! a judgement out. Stateless, without clock and globals; every endpoint, metric and alert asks it, and nobody else compares a
//! utilisation.

mod thresholds;

#[cfg(test)]
mod tests;

pub use thresholds::{InvalidThresholds, RawThresholds, ThresholdFault, Thresholds};

use ionveil_kernel::statistics::{percentile, round};
use serde::{Deserialize, Serialize};

/// What is known of a queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading<'a> {
    /// How many wait; 0 or more.
    pub depth: i64,
    /// How many may; none: the hard limit of the thresholds. 0 and below: nothing may.
    pub limit: Option<i64>,
    /// How many leave in a second, if it is known.
    pub rate_per_s: Option<f64>,
    /// How long those that left had taken, if it is known.
    pub latency: Latency<'a>,
    /// Whether there is an emergency: then load is shed earlier.
    pub emergency: bool,
}

/// What is known of response times, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Latency<'a> {
    /// Nothing.
    #[default]
    Unknown,
    /// Single ones.
    Samples(&'a [f64]),
    /// Their 95th percentile.
    P95(f64),
}

/// Why a reading cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReading {
    /// Fewer than none wait.
    #[error("depth: it is 0 or more")]
    Depth,
    /// A rate or latency is infinite or no number.
    #[error("{0}: it is a finite number")]
    Number(&'static str),
}

impl InvalidReading {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Depth => "invalid_depth",
            Self::Number(_) => "invalid_number",
        }
    }
}

/// How full a queue is. Latency never changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Below the warning ratio.
    Healthy,
    /// From the warning ratio to the critical one, both included (trap T32).
    Warning,
    /// Above the critical ratio.
    Critical,
    /// From the overload ratio on.
    Overloaded,
}

/// What whoever feeds the queue should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backpressure {
    /// Go on.
    None,
    /// Slow down.
    Throttle,
    /// Send nothing.
    Shed,
}

/// How bad an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSeverity {
    /// To be watched.
    Warning,
    /// To be acted on.
    Critical,
    /// To be acted on before anything else.
    Emergency,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertCause {
    /// The queue's status.
    Utilisation,
    /// Its response times.
    Slow,
}

/// Something that somebody should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    pub cause: AlertCause,
    /// How bad it is.
    pub severity: AlertSeverity,
}

/// A wait that may never end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// So many seconds, 2 places.
    Seconds(f64),
    /// Nothing leaves.
    Unbounded,
}

/// The judgement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// How many wait.
    pub depth: i64,
    /// How many may.
    pub limit: i64,
    /// Depth over limit, 4 places, also above 1; 1 if nothing may wait.
    pub utilisation: f64,
    /// How full it is, by the unrounded utilisation.
    pub status: Status,
    /// How long the last one waits, if the rate is known.
    pub wait: Option<Wait>,
    /// The 50th, 95th and 99th percentile in milliseconds, if there are samples; without, the 95th may be known alone.
    pub p50_ms: Option<f64>,
    /// See [`Self::p50_ms`].
    pub p95_ms: Option<f64>,
    /// See [`Self::p50_ms`].
    pub p99_ms: Option<f64>,
    /// Whether the 95th percentile lies above the threshold.
    pub slow: bool,
    /// Whether load is to be refused.
    pub shed: bool,
    /// What whoever feeds it should do.
    pub backpressure: Backpressure,
    /// What somebody should know.
    pub alerts: Vec<Alert>,
}

/// Whether one more is to be refused: the limit is reached (trap T31) or there is none, or in an emergency four fifths of it
/// are (whole numbers, and at least one: an empty queue is not shed, decision D11).
#[must_use]
pub const fn is_shed(depth: i64, limit: i64, emergency: bool) -> bool {
    if limit <= 0 || depth >= limit {
        return true;
    }
    // Without the overflow that 4 × limit could have.
    let four_fifths = limit / 5 * 4 + limit % 5 * 4 / 5;
    let floor = if four_fifths < 1 { 1 } else { four_fifths };
    emergency && depth >= floor
}

/// How long the last of `depth` waits.
#[must_use]
pub fn wait(depth: i64, rate_per_s: f64) -> Wait {
    if rate_per_s > 0.0 { Wait::Seconds(round(depth as f64 / rate_per_s, 2)) } else { Wait::Unbounded }
}

/// Judges queues by one set of thresholds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Monitor {
    thresholds: Thresholds,
}

impl Monitor {
    /// A monitor of these thresholds.
    #[must_use]
    pub const fn new(thresholds: Thresholds) -> Self {
        Self { thresholds }
    }

    /// The thresholds.
    #[must_use]
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Judges a reading.
    ///
    /// # Errors
    /// [`InvalidReading`] for the first field that cannot be.
    pub fn judge(&self, reading: &Reading<'_>) -> Result<Health, InvalidReading> {
        check(reading)?;
        let limit = reading.limit.unwrap_or(self.thresholds.hard_limit());
        let utilisation = if limit > 0 { reading.depth as f64 / limit as f64 } else { 1.0 };
        let status = if limit > 0 { self.thresholds.status(utilisation) } else { Status::Overloaded };
        let [p50_ms, p95_ms, p99_ms] = percentiles(reading.latency);
        let slow = p95_ms.is_some_and(|p95| self.thresholds.is_slow(p95));
        let shed = is_shed(reading.depth, limit, reading.emergency);
        Ok(Health {
            depth: reading.depth,
            limit,
            utilisation: round(utilisation, 4),
            status,
            wait: reading.rate_per_s.map(|rate| wait(reading.depth, rate)),
            p50_ms,
            p95_ms,
            p99_ms,
            slow,
            shed,
            backpressure: backpressure(shed, status, slow),
            alerts: alerts(status, slow),
        })
    }
}

fn check(reading: &Reading<'_>) -> Result<(), InvalidReading> {
    if reading.depth < 0 {
        return Err(InvalidReading::Depth);
    }
    if reading.rate_per_s.is_some_and(|rate| !rate.is_finite()) {
        return Err(InvalidReading::Number("rate_per_s"));
    }
    let is_finite = match reading.latency {
        Latency::Unknown => true,
        Latency::Samples(samples) => samples.iter().all(|sample| sample.is_finite()),
        Latency::P95(p95) => p95.is_finite(),
    };
    if is_finite { Ok(()) } else { Err(InvalidReading::Number("latency")) }
}

fn percentiles(latency: Latency<'_>) -> [Option<f64>; 3] {
    match latency {
        Latency::Unknown | Latency::Samples([]) => [None; 3],
        Latency::Samples(samples) => [50.0, 95.0, 99.0].map(|percent| Some(percentile(samples, percent))),
        Latency::P95(p95) => [None, Some(p95), None],
    }
}

const fn backpressure(shed: bool, status: Status, slow: bool) -> Backpressure {
    match status {
        _ if shed => Backpressure::Shed,
        Status::Critical | Status::Overloaded => Backpressure::Throttle,
        Status::Healthy | Status::Warning if slow => Backpressure::Throttle,
        Status::Healthy | Status::Warning => Backpressure::None,
    }
}

fn alerts(status: Status, slow: bool) -> Vec<Alert> {
    let severity = match status {
        Status::Healthy => None,
        Status::Warning => Some(AlertSeverity::Warning),
        Status::Critical => Some(AlertSeverity::Critical),
        Status::Overloaded => Some(AlertSeverity::Emergency),
    };
    let full = severity.map(|severity| Alert { cause: AlertCause::Utilisation, severity });
    let slow = slow.then_some(Alert { cause: AlertCause::Slow, severity: AlertSeverity::Warning });
    full.into_iter().chain(slow).collect()
}
