//! What part of its share a node gets (`latticeforge.md` L1, rule 6).

use crate::Settings;
use crate::node::Phase;
use ionveil_kernel::Timestamp;

/// What part a node begins with when it comes back.
pub const START_FRACTION: f64 = 0.1;

/// The part of its full share that a node of this phase and health gets at `now`, from 0 to 1. While it warms up, for a time
/// `T`, it grows exponentially, `0.1^(1 − t/T)`; after that it is the node's health, at least 0.1, until that is stable.
#[must_use]
pub fn fraction(phase: Phase, health: f64, now: Timestamp, settings: &Settings) -> f64 {
    let Phase::Warming(warmup) = phase else { return 1.0 };
    let (elapsed, period) = (now.since(warmup.since), warmup.period());
    if elapsed < period {
        return START_FRACTION.powf(1.0 - elapsed.as_secs_f64() / period.as_secs_f64());
    }
    if health >= settings.stable_at { 1.0 } else { health.clamp(START_FRACTION, 1.0) }
}
