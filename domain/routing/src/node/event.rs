//! What can happen to a node, and the stored form of it: stable type names, one schema version each, and the chain that lifts
//! older forms. Events say what the state becomes, because the settings may be others when they are read.
//!
//! A stored form never changes. Another shape is another schema version and a link in [`UPCASTERS`], and the golden file of
//! the old version stays.

use super::state::{Load, Warmup};
use crate::Sample;
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Timestamp, Upcaster, upcast};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Lifts old stored forms, one schema version at a time. Every form so far is the first.
const UPCASTERS: &[Upcaster] = &[];

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $type:literal v $version:literal,)*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event { $($(#[$doc])* $name($name),)* }

        impl Event {
            /// Every type with the schema version that is written today.
            pub const TYPES: &'static [(&'static str, u32)] = &[$(($type, $version),)*];
        }

        impl EventCodec for Event {
            fn event_type(&self) -> &'static str {
                match self { $(Self::$name(_) => $type,)* }
            }

            fn schema_version(&self) -> u32 {
                match self { $(Self::$name(_) => $version,)* }
            }

            fn encode(&self) -> Result<String, DecodeError> {
                match self { $(Self::$name(event) => serde_json::to_string(event),)* }
                    .map_err(|error| DecodeError::invalid(self.event_type(), error))
            }

            fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, DecodeError> {
                match event_type {
                    $($type => read(UPCASTERS, $type, schema_version, $version, data).map(Self::$name),)*
                    _ => Err(DecodeError::UnknownEventType(event_type.to_owned())),
                }
            }
        }
    };
}

events! {
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

/// Reads a payload, lifted to `newest` through the chain.
fn read<T: DeserializeOwned>(chain: &[Upcaster], event_type: &str, version: u32, newest: u32, data: &str) -> Result<T, DecodeError> {
    let parsed = match upcast(chain, event_type, version, newest, data)? {
        None => serde_json::from_str(data),
        Some(value) => serde_json::from_value(value),
    };
    parsed.map_err(|error| DecodeError::invalid(event_type, error))
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
