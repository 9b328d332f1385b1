//! What is wanted, and the services that take part in it, in their order (`latticeforge.md` L1, rule 8). Names are data.

const CHAINS: [(&str, &[&str]); 5] = [
    ("status-refresh", &["intake", "orbit", "analytics"]),
    ("orbit-adjust", &["intake", "planner", "policy", "orbit"]),
    ("replay-window", &["intake", "policy", "resilience", "audit"]),
    ("failover-region", &["intake", "resilience", "notifications"]),
    ("firmware-patch", &["intake", "security", "policy", "mission"]),
];
/// Of an intent that nobody knows.
const UNKNOWN: &[&str] = &["intake", "policy", "audit"];
/// Those that reach regions which are well only.
const CAREFUL: [&str; 2] = ["failover-region", "replay-window"];

/// The services of an intent, in the order in which they take part; of an unknown one `intake`, `policy`, `audit`.
#[must_use]
pub fn chain(intent: &str) -> &'static [&'static str] {
    CHAINS.iter().find(|(name, _)| *name == intent).map_or(UNKNOWN, |(_, chain)| chain)
}

/// Whether there is a chain of its own for the intent.
#[must_use]
pub fn is_known(intent: &str) -> bool {
    CHAINS.iter().any(|(name, _)| *name == intent)
}

/// Whether the intent reaches only regions that are well.
#[must_use]
pub fn is_careful(intent: &str) -> bool {
    CAREFUL.contains(&intent)
}
