//! What a node costs: the lower, the better (`latticeforge.md` L1, rules 1, 5 and 7).

use crate::node::Load;
use crate::{Health, Settings};

/// What a node costs more while it is degraded.
pub const DEGRADED_PENALTY: f64 = 500.0;
const QUEUE_WEIGHT: f64 = 3.4;
const SATURATION_WEIGHT: f64 = 120.0;
/// A score counts as at least that in a weight.
const SCORE_MIN: f64 = 1.0;

/// By load alone: `latency_ms + 3.4 · queue_depth + 120 · saturation`, and 500 more if degraded. About 45 of a healthy node,
/// above 600 of a bad one. Degraded is dearer, not out: the node still wins where all others are dearer yet.
#[must_use]
pub fn base_score(load: &Load, degraded: bool) -> f64 {
    let penalty = if degraded { DEGRADED_PENALTY } else { 0.0 };
    f64::from(load.latency_ms) + QUEUE_WEIGHT * f64::from(load.queue_depth) + SATURATION_WEIGHT * load.saturation + penalty
}

/// With what is missing of health, and a trend that falls. Without samples it is the base.
#[must_use]
pub fn adjusted_score(base: f64, health: &Health, settings: &Settings) -> f64 {
    base + (1.0 - health.health) * settings.health_weight + (-health.trend).max(0.0) * settings.trend_weight
}

/// What a node weighs when traffic is split, before warm-up: `health / max(score, 1)`.
#[must_use]
pub fn weight(health: f64, score: f64) -> f64 {
    health / score.max(SCORE_MIN)
}
