//! How health is learned and what it weighs. The defaults are the specification's (`latticeforge.md` L1, `LbConfig`).

use ionveil_kernel::statistics::Alpha;
use std::time::Duration;

/// The settings of routing. Whoever makes one keeps to the ranges that are named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The weight of the newest sample; 0.35.
    pub alpha: Alpha,
    /// How long a sample counts, above zero; 300 s.
    pub window: Duration,
    /// A node whose health is below it gets nothing, above 0 and at most 1; 0.3.
    pub exclude_below: f64,
    /// How long a node that comes back is warmed up; zero: not at all; 300 s.
    pub warmup: Duration,
    /// The health from which a node counts as stable again, 0 to 1; 0.7.
    pub stable_at: f64,
    /// What the health that is missing adds to a score, at least 0; 200.
    pub health_weight: f64,
    /// What a falling trend adds to a score, at least 0; 100.
    pub trend_weight: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let alpha = Alpha::new(0.35).unwrap_or_else(|_| unreachable!("0.35 is a lawful weight"));
        Self {
            alpha,
            window: Duration::from_secs(300),
            exclude_below: 0.3,
            warmup: Duration::from_secs(300),
            stable_at: 0.7,
            health_weight: 200.0,
            trend_weight: 100.0,
        }
    }
}
