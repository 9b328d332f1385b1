//! The one way in which a context lists its events: payload types, their stable names and schema versions.

use crate::{DecodeError, Upcaster, upcast};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes an event enum of payload types, its `TYPES` and its [`EventCodec`](crate::EventCodec).
///
/// A stored form never changes. Another shape is another schema version with a link in the chain (`lifted by`), and the
/// golden file of the old version stays. A form that only adds optional fields needs no link (`read like`), and what makes no
/// use of them can still be written in the older form (`in form`, a function of the payload that gives the version).
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// pub struct Opened { by: String }
///
/// ionveil_kernel::events! {
///     /// What happened.
///     #[derive(Clone, Debug, PartialEq)]
///     pub enum Event {
///         /// It was opened.
///         Opened = "opened" v 1,
///     }
/// }
/// assert_eq!(Event::TYPES, [("opened", 1)]);
/// ```
#[macro_export]
macro_rules! events {
    (
        $(#[$attribute:meta])* $visible:vis enum $enum:ident $(lifted by $chain:path)? {
            $($(#[$doc:meta])* $name:ident = $type:literal v $version:literal $(read like $older:literal)? $(in form $form:path)?,)*
        }
    ) => {
        $(#[$attribute])*
        $visible enum $enum { $($(#[$doc])* $name($name),)* }

        impl $enum {
            /// Every type with the newest schema version that is written today.
            $visible const TYPES: &'static [(&'static str, u32)] = &[$(($type, $version),)*];
            const CHAIN: &'static [$crate::Upcaster] = $crate::events!(@chain $($chain)?);
        }

        impl $crate::EventCodec for $enum {
            fn event_type(&self) -> &'static str {
                match self { $(Self::$name(_) => $type,)* }
            }

            fn schema_version(&self) -> u32 {
                match self { $(Self::$name(_event) => $crate::events!(@form _event, $version $(, $form)?),)* }
            }

            fn encode(&self) -> Result<String, $crate::DecodeError> {
                match self { $(Self::$name(event) => $crate::write_event($type, event),)* }
            }

            fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, $crate::DecodeError> {
                match event_type {
                    $($type => {
                        let version = $(if ($older..$version).contains(&schema_version) { $version } else)? { schema_version };
                        $crate::read_event(Self::CHAIN, $type, version, $version, data).map(Self::$name)
                    })*
                    _ => Err($crate::DecodeError::UnknownEventType(event_type.to_owned())),
                }
            }
        }
    };
    (@chain) => { &[] };
    (@chain $chain:path) => { $chain };
    (@form $event:ident, $version:literal) => { $version };
    (@form $event:ident, $version:literal, $form:path) => { $form($event) };
}

/// A payload as JSON text.
///
/// # Errors
/// [`DecodeError::InvalidData`] if it has no JSON form.
pub fn write_event(event_type: &str, event: &impl Serialize) -> Result<String, DecodeError> {
    serde_json::to_string(event).map_err(|error| DecodeError::invalid(event_type, error))
}

/// Reads a payload, lifted to `newest` through the chain.
///
/// # Errors
/// Those of [`upcast`]; [`DecodeError::InvalidData`] if the payload has another shape.
pub fn read_event<T: DeserializeOwned>(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventCodec;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Moved {
        to: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    }

    fn oldest_form(moved: &Moved) -> u32 {
        if moved.why.is_some() { 3 } else { 2 }
    }

    const CHAIN: &[Upcaster] = &[
        Upcaster { event_type: "moved", from_version: 1, convert: |v| json!({ "to": v }) },
        Upcaster { event_type: "moved", from_version: 2, convert: |v| v },
    ];

    events! {
        /// What happened.
        #[derive(Clone, Debug, PartialEq)]
        enum Event lifted by CHAIN {
            /// It moved.
            Moved = "moved" v 3 read like 2 in form oldest_form,
        }
    }

    fn moved(why: Option<&str>) -> Event {
        Event::Moved(Moved { to: "x".into(), why: why.map(str::to_owned) })
    }

    #[test]
    fn older_forms_are_lifted_or_read_like_the_newest() {
        assert_eq!(Event::decode("moved", 1, r#""x""#).unwrap(), moved(None));
        assert_eq!(Event::decode("moved", 2, r#"{"to":"x"}"#).unwrap(), moved(None));
        assert_eq!(Event::decode("moved", 3, r#"{"to":"x","why":"y"}"#).unwrap(), moved(Some("y")));
    }

    #[test]
    fn each_is_written_in_the_form_that_it_names() {
        let written = |event: Event| (event.event_type(), event.schema_version(), event.encode().unwrap());
        assert_eq!(Event::TYPES, [("moved", 3)]);
        assert_eq!(written(moved(None)), ("moved", 2, r#"{"to":"x"}"#.to_owned()));
        assert_eq!(written(moved(Some("y"))), ("moved", 3, r#"{"to":"x","why":"y"}"#.to_owned()));
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        assert!(matches!(Event::decode("teleported", 1, "{}"), Err(DecodeError::UnknownEventType(_))));
        assert!(matches!(Event::decode("moved", 4, "{}"), Err(DecodeError::UnsupportedEventVersion { .. })));
        assert!(matches!(Event::decode("moved", 3, "{}"), Err(DecodeError::InvalidData { .. })));
    }
}
