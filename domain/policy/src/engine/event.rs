//! What can happen to an engine: stable type names, one schema version each. Events say what the state becomes, because the
//! thresholds may be others when they are read.

use crate::level::AlertSeverity;
use ionveil_kernel::{EntityId, PolicyLevel, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// An outcome was taken in.
        OutcomeRecorded = "outcome_recorded" v 1,
        /// Failures in a row led one level up.
        Escalated = "escalated" v 1,
        /// Successes in a row led one level down.
        Deescalated = "deescalated" v 1,
        /// The tree put the engine on a level.
        Reset = "reset" v 1,
        /// A level above normal was reached.
        AlertRaised = "alert_raised" v 1,
        /// Normal was reached.
        AlertCleared = "alert_cleared" v 1,
    }
}

/// The policy that an outcome came under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyInForce {
    /// The level in force.
    pub level: PolicyLevel,
    /// The node of the tree that decided it, if there is a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<EntityId>,
    /// The version of the tree.
    pub version: u64,
}

/// Payload of [`Event::OutcomeRecorded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRecorded {
    /// Whether it was a success.
    pub success: bool,
    /// Successes in a row after it; 0 after a step down.
    pub streak: u64,
    /// Failures in a row after it; 0 when they were long enough for a step.
    pub burst: u64,
    /// The policy in force.
    pub policy: PolicyInForce,
}

/// Payload of [`Event::Escalated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalated {
    /// The level before.
    pub from: PolicyLevel,
    /// The level after, the next one up.
    pub to: PolicyLevel,
    /// The failures in a row that led to it.
    pub burst: u64,
    /// Why, in words.
    pub reason: String,
    /// The term that the engine is in.
    pub term: u64,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Deescalated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deescalated {
    /// The level before.
    pub from: PolicyLevel,
    /// The level after, the next one down.
    pub to: PolicyLevel,
    /// The successes in a row that led to it.
    pub streak: u64,
    /// Why, in words.
    pub reason: String,
    /// The term that the engine is in.
    pub term: u64,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Reset`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The level that the engine is on now; its counters are 0.
    pub level: PolicyLevel,
    /// The term that it begins.
    pub term: u64,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::AlertRaised`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRaised {
    /// How bad the level is.
    pub severity: AlertSeverity,
    /// The level that was reached.
    pub level: PolicyLevel,
}

/// Payload of [`Event::AlertCleared`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertCleared {
    /// The level that was left.
    pub from: PolicyLevel,
}
