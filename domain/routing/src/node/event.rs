//! What can happen to a node. Events say what the state becomes, because the settings may be others when they are read.

use super::state::{Load, Warmup};
use crate::Sample;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Event {
        /// The node came to be, active.
        NodeRegistered = "node_registered" v 1,
        /// Its load is another.
        LoadReported = "load_reported" v 1,
        /// Something went there as it says.
        HealthSampled = "health_sampled" v 1,
        /// Its health fell below the limit: it gets nothing.
        NodeExcluded = "node_excluded" v 1,
        /// Its health is at the limit or above it again.
        NodeReadmitted = "node_readmitted" v 1,
        /// It gets little first, and more by and by.
        WarmupStarted = "warmup_started" v 1,
        /// It gets its full share.
        WarmupCompleted = "warmup_completed" v 1,
        /// Something came between; the next warm-up begins at the beginning.
        WarmupCancelled = "warmup_cancelled" v 1,
        /// It became dear.
        NodeDegraded = "node_degraded" v 1,
        /// It was taken out.
        MaintenanceEntered = "maintenance_entered" v 1,
        /// It is neither degraded nor in maintenance any more.
        NodeRecovered = "node_recovered" v 1,
    }
}

/// Payload of [`Event::NodeRegistered`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRegistered {
    /// The service that it belongs to.
    pub service: EntityId,
    /// Its load.
    pub load: Load,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::LoadReported`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadReported {
    /// Its load.
    pub load: Load,
}

/// Payload of [`Event::HealthSampled`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthSampled {
    /// What was seen.
    pub sample: Sample,
    /// When it was heard of.
    pub heard_at: Timestamp,
}

/// Payload of [`Event::NodeExcluded`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeExcluded {
    /// Its health then.
    pub health: f64,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::NodeReadmitted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeReadmitted {
    /// Its health then.
    pub health: f64,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::WarmupStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmupStarted {
    /// Since when, and how long it takes.
    pub warmup: Warmup,
}

macro_rules! at {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// When.
            pub at: Timestamp,
        }
    )*};
}

at! {
    /// Payload of [`Event::WarmupCompleted`].
    WarmupCompleted,
    /// Payload of [`Event::WarmupCancelled`].
    WarmupCancelled,
    /// Payload of [`Event::NodeDegraded`].
    NodeDegraded,
    /// Payload of [`Event::MaintenanceEntered`].
    MaintenanceEntered,
    /// Payload of [`Event::NodeRecovered`].
    NodeRecovered,
}
