//! How much of what was missed is replayed, how, and where. [`build_replay_plan`] only puts the others together.

use super::failover::select_region;
use ionveil_kernel::statistics::round;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What passes in a second of the timeout.
const EVENTS_PER_TIMEOUT_S: i64 = 12;
/// Of which nine tenths are planned with.
const NINE: i64 = 9;
const TENTHS: i64 = 10;
const BATCH_MAX: i64 = 64;
const RETRIES_MAX: i64 = 12;
/// So many events stand for one service that is out.
const EVENTS_PER_SERVICE: i64 = 16;
/// Events per second that are replayed, one after the other and side by side.
const RATE: f64 = 8.0;
const RATE_PARALLEL: f64 = 15.0;

/// How bad an outage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutageClass {
    /// Hardly noticed.
    Minor,
    /// From 40 service minutes on.
    Degraded,
    /// From 120 service minutes on.
    Major,
    /// From 240 service minutes on.
    Critical,
}

/// How much of what was missed is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing.
    Skip,
    /// Half or less.
    Sampled,
    /// More than half.
    Partial,
    /// Nine tenths or more.
    Full,
}

/// What a plan is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayRequest<'a> {
    /// How many events were missed.
    pub events: i64,
    /// How long the replay may take, in seconds.
    pub timeout_s: i64,
    /// Whether it is replayed side by side.
    pub parallel: bool,
    /// The region that missed them.
    pub primary: &'a str,
    /// The regions that could take over, best first.
    pub candidates: Vec<&'a str>,
    /// Regions that count as degraded, those with an open breaker included ([`super::degraded_regions`]).
    pub degraded: BTreeSet<&'a str>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayPlan<'a> {
    /// How many events are replayed; 0: none, and all other figures are 0.
    pub budget: i64,
    /// How many at a time.
    pub batch_size: i64,
    /// How often a batch is tried again.
    pub retries: i64,
    /// Where.
    pub region: &'a str,
    /// No candidate was well, so the region is the primary.
    pub fallback: bool,
    /// How bad the outage is.
    pub outage_class: OutageClass,
    /// How much of what was missed it is.
    pub mode: Mode,
    /// The same as a part, from 0 to 1, rounded to 4 places.
    pub coverage: f64,
    /// How long it takes, in seconds, rounded to 2 places.
    pub est_duration_s: f64,
}

/// A plan for a replay. With nothing to replay, or no time for it, every figure is 0, the region is the primary, the class
/// minor and the mode skip.
#[must_use]
pub fn build_replay_plan<'a>(request: &ReplayRequest<'a>) -> ReplayPlan<'a> {
    let ReplayRequest { events, timeout_s, parallel, primary, .. } = *request;
    let budget = budget(events, timeout_s);
    if budget == 0 {
        return nothing(primary);
    }
    let region = select_region(primary, request.candidates.iter().copied(), &request.degraded);
    ReplayPlan {
        budget,
        batch_size: batch_size(budget),
        retries: retries(timeout_s),
        region: region.region,
        fallback: region.fallback,
        outage_class: outage_class(outage_minutes(timeout_s), outage_services(events)),
        mode: mode(budget, events),
        coverage: coverage(budget, events),
        est_duration_s: duration_s(budget, parallel),
    }
}

const fn nothing(primary: &str) -> ReplayPlan<'_> {
    ReplayPlan {
        budget: 0,
        batch_size: 0,
        retries: 0,
        region: primary,
        fallback: true,
        outage_class: OutageClass::Minor,
        mode: Mode::Skip,
        coverage: 0.0,
        est_duration_s: 0.0,
    }
}

/// How many events are replayed: nine tenths of what the timeout lets through, at least 1; 0 without events or time.
#[must_use]
pub fn budget(events: i64, timeout_s: i64) -> i64 {
    if events <= 0 || timeout_s <= 0 {
        return 0;
    }
    let most = events.min(timeout_s.saturating_mul(EVENTS_PER_TIMEOUT_S));
    // The same as 9 · most / 10, without the overflow of large counts.
    (most / TENTHS * NINE + most % TENTHS * NINE / TENTHS).max(1)
}

/// How many events go at a time: a tenth, 1 to 64.
#[must_use]
pub fn batch_size(budget: i64) -> i64 {
    (budget / TENTHS).clamp(1, BATCH_MAX)
}

/// How often a batch is tried again: once for every two seconds of the timeout, 1 to 12.
#[must_use]
pub fn retries(timeout_s: i64) -> i64 {
    (timeout_s / 2).clamp(1, RETRIES_MAX)
}

/// How bad it is that `services` (at least 1) are out for so many minutes.
#[must_use]
pub fn outage_class(minutes: i64, services: i64) -> OutageClass {
    match minutes.saturating_mul(services.max(1)) {
        240.. => OutageClass::Critical,
        120.. => OutageClass::Major,
        40.. => OutageClass::Degraded,
        _ => OutageClass::Minor,
    }
}

/// Half the timeout's seconds, taken for minutes: so it is specified.
fn outage_minutes(timeout_s: i64) -> i64 {
    (timeout_s / 2).max(1)
}

fn outage_services(events: i64) -> i64 {
    (events / EVENTS_PER_SERVICE).max(1)
}

/// How much of `events` a budget is. Budgets are rounded down, so that full takes multiples of 10: of 15 events 13 are partial.
#[must_use]
pub fn mode(budget: i64, events: i64) -> Mode {
    let (budget, events) = (i128::from(budget), i128::from(events));
    if budget <= 0 || events <= 0 {
        Mode::Skip
    } else if budget * 10 >= events * 9 {
        Mode::Full
    } else if budget * 2 > events {
        Mode::Partial
    } else {
        Mode::Sampled
    }
}

/// The same as a part, rounded to 4 places; 0 of nothing.
#[must_use]
pub fn coverage(budget: i64, events: i64) -> f64 {
    if events <= 0 { 0.0 } else { round(budget as f64 / events as f64, 4) }
}

/// How long it takes to replay so many events, in seconds, rounded to 2 places.
#[must_use]
pub fn duration_s(budget: i64, parallel: bool) -> f64 {
    round(budget as f64 / if parallel { RATE_PARALLEL } else { RATE }, 2)
}

/// A batch has no place for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a batch has room for at least one event")]
pub struct InvalidBatchSize;

/// `items` in batches of `size`, in their order; the last one may be shorter. Of nothing there are none.
///
/// # Errors
/// [`InvalidBatchSize`] for a size below 1.
pub fn partition<T>(items: &[T], size: i64) -> Result<std::slice::Chunks<'_, T>, InvalidBatchSize> {
    let size = usize::try_from(size).ok().filter(|size| *size > 0).ok_or(InvalidBatchSize)?;
    Ok(items.chunks(size))
}
