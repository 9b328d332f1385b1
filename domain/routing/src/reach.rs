//! Which regions an intent reaches, and which ground station is taken (`latticeforge.md` L1, rules 10 and 11).

use crate::intent;

/// What a latency that nobody knows counts as, in milliseconds.
pub const LATENCY_MS_UNKNOWN: u32 = 10_000;

/// The regions of `regions` that an intent reaches, in their order: a careful one (`failover-region`, `replay-window`) those
/// that are `healthy` or `warm`, any other all that are not `offline`. Of a region without a status nothing is known: a
/// careful intent leaves it out.
pub fn fan_out<'a>(intent: &str, regions: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Vec<&'a str> {
    let careful = intent::is_careful(intent);
    let reaches = |state: Option<&str>| match state {
        Some(state) if careful => ["healthy", "warm"].contains(&state),
        None => !careful,
        Some(state) => state != "offline",
    };
    regions.into_iter().filter(|(_, state)| reaches(*state)).map(|(region, _)| region).collect()
}

/// The ground station of least latency in milliseconds, of equal ones the first by name, outside of `blackout`; an unknown
/// latency counts as [`LATENCY_MS_UNKNOWN`]. None if no station is left.
pub fn station<'a>(stations: impl IntoIterator<Item = (&'a str, Option<u32>)>, blackout: &[&str]) -> Option<&'a str> {
    let lit = stations.into_iter().filter(|(name, _)| !blackout.contains(name));
    lit.min_by_key(|(name, latency)| (latency.unwrap_or(LATENCY_MS_UNKNOWN), *name)).map(|(name, _)| name)
}
