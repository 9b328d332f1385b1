//! Which region takes over.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a degraded region's priority is behind others by.
const DEGRADED_PRIORITY: f64 = 10.0;

/// The state of a region's breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionState {
    /// Everything passes.
    Closed,
    /// Nothing passes.
    Open,
    /// A few probes pass.
    HalfOpen,
}

/// The region that is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region<'a> {
    /// Its name.
    pub region: &'a str,
    /// No candidate was well, so this is the primary again, whatever its own state.
    pub fallback: bool,
}

/// The first of `candidates` that is neither the primary nor degraded; else the primary.
pub fn select_region<'a>(primary: &'a str, candidates: impl IntoIterator<Item = &'a str>, degraded: &BTreeSet<&str>) -> Region<'a> {
    let well = candidates.into_iter().find(|region| *region != primary && !degraded.contains(region));
    Region { region: well.unwrap_or(primary), fallback: well.is_none() }
}

/// The regions that count as degraded: those that are known to be, and those whose breaker is open.
pub fn degraded_regions<'a>(
    known: impl IntoIterator<Item = &'a str>,
    breakers: impl IntoIterator<Item = (&'a str, RegionState)>,
) -> BTreeSet<&'a str> {
    let open = breakers.into_iter().filter(|(_, state)| *state == RegionState::Open).map(|(region, _)| region);
    known.into_iter().chain(open).collect()
}

/// Where a region stands among those that could take over, the lower the earlier: its latency in seconds, and 10 if degraded.
#[must_use]
pub fn failover_priority(latency_ms: f64, degraded: bool) -> f64 {
    latency_ms / 1_000.0 + if degraded { DEGRADED_PRIORITY } else { 0.0 }
}
