//! The stored form of this crate's events: stable type names, one schema version each, and the chain that lifts older
//! forms.
//!
//! A stored form never changes. Another shape is another schema version and a link in the chain, and the golden file of
//! the old version stays.

use ionveil_kernel::{DecodeError, Upcaster, upcast};
use serde::de::DeserializeOwned;

/// Lifts old stored forms, one schema version at a time. Every form so far is the first.
pub(crate) const UPCASTERS: &[Upcaster] = &[];

/// Makes `Event` of payload types, with their stable names and versions.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $type:literal v $version:literal,)*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event { $($(#[$doc])* $name($name),)* }

        impl Event {
            /// Every type with the schema version that is written today.
            pub const TYPES: &'static [(&'static str, u32)] = &[$(($type, $version),)*];
        }

        impl ionveil_kernel::EventCodec for Event {
            fn event_type(&self) -> &'static str {
                match self { $(Self::$name(_) => $type,)* }
            }

            fn schema_version(&self) -> u32 {
                match self { $(Self::$name(_) => $version,)* }
            }

            fn encode(&self) -> Result<String, ionveil_kernel::DecodeError> {
                match self { $(Self::$name(event) => serde_json::to_string(event),)* }
                    .map_err(|error| ionveil_kernel::DecodeError::invalid(self.event_type(), error))
            }

            fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, ionveil_kernel::DecodeError> {
                match event_type {
                    $($type => {
                        crate::codec::read(crate::codec::UPCASTERS, $type, schema_version, $version, data).map(Self::$name)
                    })*
                    _ => Err(ionveil_kernel::DecodeError::UnknownEventType(event_type.to_owned())),
                }
            }
        }
    };
}

pub(crate) use events;

/// Reads a payload, lifted to `newest` through the chain.
pub(crate) fn read<T: DeserializeOwned>(
    chain: &[Upcaster],
    event_type: &str,
    version: u32,
    newest: u32,
    data: &str,
) -> Result<T, DecodeError> {
    let parsed = match upcast(chain, event_type, version, newest, data)? {
        None => serde_json::from_str(data),
        Some(value) => serde_json::from_value(value),
    };
    parsed.map_err(|error| DecodeError::invalid(event_type, error))
}
