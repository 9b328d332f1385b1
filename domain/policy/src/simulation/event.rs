//! What can happen to a simulation, and the stored form of it: stable type names, one schema version each, and the chain
//! that lifts older forms.
//!
//! A stored form never changes. Another shape is another schema version and a link in [`UPCASTERS`], and the golden
//! file of the old version stays.

use super::outcome::Outcome;
use super::pattern::Pattern;
use super::scenario::Scenario;
use super::span::Span;
use ionveil_kernel::{DecodeError, EventCodec, Upcaster, upcast};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

/// Reads a payload, lifted to `newest` through the chain.
fn read<T: DeserializeOwned>(chain: &[Upcaster], event_type: &str, version: u32, newest: u32, data: &str) -> Result<T, DecodeError> {
    let parsed = match upcast(chain, event_type, version, newest, data)? {
        None => serde_json::from_str(data),
        Some(value) => serde_json::from_value(value),
    };
    parsed.map_err(|error| DecodeError::invalid(event_type, error))
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
