//! Choosing among channels by latency, reliability and cost (`ionveil.md` 3.3). What is planned over the map (distances, legs,
//! transit times) is the dispatchers' and not here.

use ionveil_kernel::statistics::round;

/// The weight of reliability in a score unless told otherwise.
pub const RELIABILITY_WEIGHT: f64 = 0.6;
/// Where latency counts for nothing more, in milliseconds.
const LATENCY_SCALE_MS: f64 = 100.0;
const COST_PER_KM: f64 = 0.35;
const COST_PER_URGENCY: f64 = 0.1;

/// The channel of least latency in milliseconds, of equal ones the first by name: not one that is blocked, nor one whose
/// latency is missing, negative or not finite. 0 is a latency.
pub fn fastest<'a>(channels: impl IntoIterator<Item = (&'a str, Option<f64>)>, blocked: &[&str]) -> Option<&'a str> {
    let known = |(name, latency): (&'a str, Option<f64>)| Some((name, latency.filter(|latency| *latency >= 0.0 && latency.is_finite())?));
    let open = channels.into_iter().filter_map(known).filter(|(name, _)| !blocked.contains(name));
    open.min_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(b.0))).map(|(name, _)| name)
}

/// How good a channel is, from 0 to 1: its reliability, weighed `weight`, and its speed, which is nothing from 100 ms on.
/// Rounded to 4 places.
#[must_use]
pub fn score(reliability: f64, latency_ms: f64, weight: f64) -> f64 {
    let speed = (1.0 - latency_ms / LATENCY_SCALE_MS).max(0.0);
    round((weight * reliability + (1.0 - weight) * speed).clamp(0.0, 1.0), 4)
}

/// What a way of so many kilometres costs at an urgency, rounded to 2 places.
#[must_use]
pub fn cost(km: f64, urgency: f64) -> f64 {
    round(COST_PER_KM * km * (1.0 + COST_PER_URGENCY * urgency), 2)
}

/// The cheapest way, of equal ones the first. A cost that nobody knows is beyond all others; 0 is a cost. None of nothing.
pub fn cheapest<'a>(ways: impl IntoIterator<Item = (&'a str, Option<f64>)>) -> Option<&'a str> {
    let known = |cost: Option<f64>| cost.filter(|cost| !cost.is_nan()).unwrap_or(f64::INFINITY);
    ways.into_iter().min_by(|a, b| known(a.1).total_cmp(&known(b.1))).map(|(way, _)| way)
}
