//! Stable event types and schema versions: how an event becomes text and comes back, also years later.

use std::fmt::Display;

/// Turns a stored payload of one schema version into the next one. Pure and total over payloads of its version; stored
/// bytes stay untouched.
pub struct Upcaster {
    /// The stable event type.
    pub event_type: &'static str,
    /// The version that it reads; it yields `from_version + 1`.
    pub from_version: u32,
    /// The conversion.
    pub convert: fn(serde_json::Value) -> serde_json::Value,
}

/// Why a stored event cannot be read. Never skipped: a reader that skips an event decides on a lie.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No reader knows the type.
    #[error("unknown event type {0:?}")]
    UnknownEventType(String),
    /// Written by a newer release.
    #[error("event {event_type:?} has schema version {version}, this release reads up to {newest}")]
    UnsupportedEventVersion {
        /// The type.
        event_type: String,
        /// The stored version.
        version: u32,
        /// The newest that is known here.
        newest: u32,
    },
    /// A link of the chain to the present version is missing.
    #[error("no upcaster for event {event_type:?} from schema version {version}")]
    MissingUpcaster {
        /// The type.
        event_type: String,
        /// The version that cannot be lifted.
        version: u32,
    },
    /// The payload does not have the shape that its type and version promise.
    #[error("payload of event {event_type:?} cannot be read: {detail}")]
    InvalidData {
        /// The type.
        event_type: String,
        /// What the parser said.
        detail: String,
    },
}

impl DecodeError {
    /// [`Self::InvalidData`] from a parser's error.
    pub fn invalid(event_type: &str, detail: impl Display) -> Self {
        Self::InvalidData { event_type: event_type.to_owned(), detail: detail.to_string() }
    }
}

/// How the events of one kind of entity are stored.
pub trait EventCodec: Sized {
    /// The stable type name, such as `transitioned`.
    fn event_type(&self) -> &'static str;

    /// The version of the shape that [`Self::encode`] writes, from 1.
    fn schema_version(&self) -> u32;

    /// The payload as JSON text.
    ///
    /// # Errors
    /// [`DecodeError::InvalidData`] if it has no JSON form (a NaN, say); such an event is never stored.
    fn encode(&self) -> Result<String, DecodeError>;

    /// Reads a stored payload, lifted to the present version first.
    ///
    /// # Errors
    /// See [`DecodeError`]; unknown types and newer versions are errors, never skipped.
    fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, DecodeError>;
}

/// Lifts a payload from `version` to `newest` through the chain of `upcasters`; `None` if it is there already, so that
/// the caller can parse the stored text without a detour.
///
/// # Errors
/// [`DecodeError::UnsupportedEventVersion`] for a version above `newest` or 0, [`DecodeError::MissingUpcaster`] for a
/// hole in the chain, [`DecodeError::InvalidData`] if the text is not JSON.
pub fn upcast(
    upcasters: &[Upcaster],
    event_type: &str,
    version: u32,
    newest: u32,
    data: &str,
) -> Result<Option<serde_json::Value>, DecodeError> {
    if version == newest {
        return Ok(None);
    }
    if version > newest || version == 0 {
        return Err(DecodeError::UnsupportedEventVersion { event_type: event_type.to_owned(), version, newest });
    }
    let mut value = serde_json::from_str(data).map_err(|error| DecodeError::invalid(event_type, error))?;
    for from in version..newest {
        let link = upcasters.iter().find(|link| link.event_type == event_type && link.from_version == from);
        let link = link.ok_or_else(|| DecodeError::MissingUpcaster { event_type: event_type.to_owned(), version: from })?;
        value = (link.convert)(value);
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CHAIN: [Upcaster; 2] = [
        Upcaster { event_type: "moved", from_version: 1, convert: |v| json!({ "to": v }) },
        Upcaster { event_type: "moved", from_version: 2, convert: |v| json!({ "to": v["to"], "why": null }) },
    ];

    #[test]
    fn the_chain_is_applied_link_by_link() {
        assert_eq!(upcast(&CHAIN, "moved", 3, 3, "anything").unwrap(), None);
        assert_eq!(upcast(&CHAIN, "moved", 1, 3, "\"x\"").unwrap(), Some(json!({ "to": "x", "why": null })));
    }

    #[test]
    fn holes_newer_versions_and_bad_text_are_errors() {
        let code = |version, newest, data: &str| match upcast(&CHAIN[..1], "moved", version, newest, data).unwrap_err() {
            DecodeError::UnknownEventType(_) => "type",
            DecodeError::UnsupportedEventVersion { .. } => "newer",
            DecodeError::MissingUpcaster { version: 2, .. } => "missing 2",
            DecodeError::MissingUpcaster { .. } => "missing",
            DecodeError::InvalidData { .. } => "data",
        };
        assert_eq!(code(4, 3, "1"), "newer");
        assert_eq!(code(0, 3, "1"), "newer");
        assert_eq!(code(1, 3, "1"), "missing 2");
        assert_eq!(code(1, 2, "{"), "data");
    }
}
