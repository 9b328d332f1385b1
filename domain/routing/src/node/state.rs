//! What is known of a node.

use crate::Samples;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The state. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never registered.
    #[default]
    Absent,
    /// Registered.
    Live(Node),
}

/// A node that was registered. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The service that it belongs to.
    pub service: EntityId,
    /// Its load.
    pub load: Load,
    /// How it stands.
    pub phase: Phase,
    /// What was seen of it.
    pub samples: Samples,
    /// When it was last heard of: phase and samples are as they were then.
    pub as_of: Timestamp,
}

/// The most that a saturation can be.
pub const SATURATION_MAX: f64 = 1_000_000.0;
/// So many decimal places of numbers from outside are kept. With more than 15 digits in all, a number is not sure to come out
/// of its text as it went in, and a state would not be that of its snapshot.
pub(crate) const PLACES: u8 = 9;

/// The load of a node.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How long it takes to answer, in milliseconds.
    pub latency_ms: u32,
    /// How many wait there.
    pub queue_depth: u32,
    /// How busy it is: 1 is fully, more is possible; 0 to [`SATURATION_MAX`], with at most 9 decimal places.
    pub saturation: f64,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It gets its full share.
    Active,
    /// It is dear, and gets what is left.
    Degraded,
    /// It gets nothing until it recovers.
    Maintenance,
    /// It gets nothing until its health is at the limit again.
    Excluded,
    /// It gets little first, and more by and by.
    Warming(Warmup),
}

/// How a node comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warmup {
    /// Since when.
    pub since: Timestamp,
    /// How long it takes, in milliseconds.
    pub period_ms: u64,
}

impl Warmup {
    /// How long it takes.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_millis(self.period_ms)
    }

    /// When it is over, if the node is stable then.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.since.after(self.period())
    }
}

impl State {
    /// The node, if it was registered.
    #[must_use]
    pub const fn live(&self) -> Option<&Node> {
        match self {
            Self::Absent => None,
            Self::Live(node) => Some(node),
        }
    }
}

impl Phase {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Degraded => "degraded",
            Self::Maintenance => "maintenance",
            Self::Excluded => "excluded",
            Self::Warming(_) => "warming",
        }
    }
}
