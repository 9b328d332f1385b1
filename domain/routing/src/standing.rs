//! Where a node stands at an instant: what it costs, what it weighs, and whether it is out.

use crate::node::{Node, Phase};
use crate::{Health, Settings, adjusted_score, base_score, weight};
use ionveil_kernel::{EntityId, Timestamp};
use std::collections::BTreeSet;
use std::fmt;

/// Where the risk is high, a node that is busier than that gets nothing (`latticeforge.md` L1, rule 9).
pub const SATURATION_LIMIT: f64 = 0.5;

/// Why a candidate is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// Whoever asks does not want it.
    Blocked,
    /// The risk is high, and it is busier than [`SATURATION_LIMIT`].
    Saturated,
    /// It is in maintenance.
    Maintenance,
    /// Its health is below the limit, or was and is not judged to be back.
    Unhealthy,
}

impl Out {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Saturated => "saturated",
            Self::Maintenance => "maintenance",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => "it is blocked by the request",
            Self::Saturated => "the risk is high and it is more than half busy",
            Self::Maintenance => "it is in maintenance",
            Self::Unhealthy => "its health is below the limit",
        })
    }
}

/// Whom a request does not want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate<'a> {
    /// By name.
    pub(crate) blocked: &'a BTreeSet<EntityId>,
    /// Those that are busier than [`SATURATION_LIMIT`].
    pub(crate) saturated: bool,
}

impl Gate<'_> {
    /// Everybody is wanted.
    pub(crate) const OPEN: Gate<'static> = Gate { blocked: &BTreeSet::new(), saturated: false };

    /// Why it does not want a node, if so.
    pub(crate) fn keeps_out(&self, endpoint: &EntityId, node: &Node) -> Option<Out> {
        if self.blocked.contains(endpoint) {
            return Some(Out::Blocked);
        }
        (self.saturated && node.load.saturation > SATURATION_LIMIT).then_some(Out::Saturated)
    }
}

/// What is made of a node's state once, and holds until a sample ages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) health: Health,
    pub(crate) base: f64,
    pub(crate) score: f64,
    /// Before warm-up; 0 if it is out.
    pub(crate) weight: f64,
    /// By itself.
    pub(crate) out: Option<Out>,
    /// When it has to be made anew.
    pub(crate) until: Timestamp,
}

impl Standing {
    pub(crate) fn of(node: &Node, now: Timestamp, settings: &Settings) -> Self {
        let health = node.samples.health(now, settings);
        let base = base_score(&node.load, node.phase == Phase::Degraded);
        let score = adjusted_score(base, &health, settings);
        let out = match node.phase {
            Phase::Maintenance => Some(Out::Maintenance),
            Phase::Excluded => Some(Out::Unhealthy),
            Phase::Active | Phase::Degraded | Phase::Warming(_) => (health.health < settings.exclude_below).then_some(Out::Unhealthy),
        };
        let weight = if out.is_none() { weight(health.health, score) } else { 0.0 };
        Self { health, base, score, weight, out, until: node.samples.until(now, settings.window) }
    }
}
