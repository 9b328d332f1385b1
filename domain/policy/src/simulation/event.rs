//! What can happen to a simulation.

use super::outcome::Outcome;
use super::pattern::Pattern;
use super::scenario::Scenario;
use super::span::Span;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Event {
        /// The simulation was set up.
        Created = "created" v 1,
        /// A run began.
        Started = "started" v 1,
        /// The run came to its end.
        Completed = "completed" v 1,
        /// The run failed.
        Failed = "failed" v 1,
        /// The simulation was called off.
        Cancelled = "cancelled" v 1,
    }
}

/// Payload of [`Event::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// What is tried.
    pub scenario: Scenario,
    /// On what.
    pub pattern: Pattern,
    /// How long a run is.
    pub duration_s: Span,
}

/// Payload of [`Event::Started`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Whether the run before died with its process.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restarted: bool,
}

/// Payload of [`Event::Completed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completed {
    /// What came of the run.
    pub outcome: Arc<Outcome>,
}

/// Payload of [`Event::Failed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// Why.
    pub error: String,
}

/// Payload of [`Event::Cancelled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {}
