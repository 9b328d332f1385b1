//! What travels with a command, and what is recorded with an event.

use crate::{CommandId, CorrelationId, EventId, Org, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// What a caller may do; each role may do all that a lower one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, and reports steps.
    Operator,
    /// Moves workflows.
    Dispatcher,
    /// Pulls brakes.
    Supervisor,
    /// Configures and repairs.
    Admin,
}

impl Role {
    /// All roles, lowest first.
    pub const ALL: [Self; 4] = [Self::Operator, Self::Dispatcher, Self::Supervisor, Self::Admin];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Dispatcher => "dispatcher",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asks: recorded as `actor` with every event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The organisation, always from the credential.
    pub org: Org,
    /// Who, such as `user:jane`, `key:cad-bridge` or `system:import`.
    pub subject: Arc<str>,
    /// What they may do.
    pub role: Role,
}

/// SHA-256 of what the client asked for; tells a repeat from a reused id. Its serde form is lowercase hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BodyHash(pub [u8; 32]);

impl BodyHash {
    /// Hashes the length-prefixed `parts`.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Why a text is no [`BodyHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a body hash has 64 lowercase hexadecimal digits")]
pub struct InvalidBodyHash;

impl From<BodyHash> for String {
    fn from(hash: BodyHash) -> Self {
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
        hash.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }
}

impl TryFrom<String> for BodyHash {
    type Error = InvalidBodyHash;

    fn try_from(text: String) -> Result<Self, InvalidBodyHash> {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(InvalidBodyHash),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(InvalidBodyHash) };
        let bytes = pairs.iter().map(|[high, low]| Ok(nibble(*high)? << 4 | nibble(*low)?)).collect::<Result<Vec<u8>, _>>()?;
        bytes.try_into().map(Self).map_err(|_| InvalidBodyHash)
    }
}

/// What travels with a command. Its serde form is kept with dead letters: fields may be added, with a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The same id is never carried out twice on one entity.
    pub command_id: CommandId,
    /// What the client asked for, hashed.
    pub body_hash: BodyHash,
    /// Shared by all that the outside request sets off.
    pub correlation_id: CorrelationId,
    /// The event or command that caused this command, if one did. Events record it, else the command's own id.
    pub causation_id: Option<Uuid>,
    /// Who asks.
    pub caller: Caller,
    /// When it happened, if the client says so; else when it is recorded.
    pub occurred_at: Option<Timestamp>,
    /// The version that the client has seen; another one is a `version_conflict`.
    pub expected_version: Option<u64>,
    /// W3C trace context of the request.
    pub traceparent: Option<Arc<str>>,
}

/// An event as the journal holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Names the event.
    pub event_id: EventId,
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// The entity that owns the stream (the same, unless the entity has parts).
    pub owner: StreamId,
    /// Place in the stream, from 1, without gaps.
    pub sequence_number: u64,
    /// The partition of the owner.
    pub partition: u16,
    /// Place in the partition, from 1, without gaps.
    pub position: u64,
    /// Stable type name.
    pub event_type: Cow<'static, str>,
    /// Version of the type's shape.
    pub schema_version: u32,
    /// The payload: JSON text.
    pub data: String,
    /// When it happened; never decreases within the stream.
    pub occurred_at: Timestamp,
    /// When the journal learned of it; never decreases within the partition.
    pub recorded_at: Timestamp,
    /// Shared by all that one outside request set off.
    pub correlation_id: CorrelationId,
    /// The command or event that caused it.
    pub causation_id: Uuid,
    /// Who asked: [`Caller::subject`].
    pub actor: Arc<str>,
    /// W3C trace context.
    pub traceparent: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        Meta {
            command_id: CommandId(Uuid::from_u128(1)),
            body_hash: BodyHash::of(&[b"body"]),
            correlation_id: CorrelationId(Uuid::from_u128(2)),
            causation_id: Some(Uuid::from_u128(3)),
            caller: Caller { org: Org::new("acme").unwrap(), subject: "user:jane".into(), role: Role::Dispatcher },
            occurred_at: Some(Timestamp::from_micros(-1)),
            expected_version: Some(u64::MAX),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        }
    }

    #[test]
    fn metadata_reads_back_from_its_text() {
        let spare = Meta { causation_id: None, occurred_at: None, expected_version: None, traceparent: None, ..meta() };
        for (name, meta) in [("all", meta()), ("what must be", spare)] {
            let text = serde_json::to_string(&meta).unwrap();
            assert_eq!(serde_json::from_str::<Meta>(&text).unwrap(), meta, "{name}: {text}");
        }
    }

    #[test]
    fn a_body_hash_is_lowercase_hex() {
        let mut bytes = [0; 32];
        bytes[..3].copy_from_slice(&[0x0a, 0xf9, 0x10]);
        let text = format!("0af910{}", "0".repeat(58));
        assert_eq!(String::from(BodyHash(bytes)), text);
        assert_eq!(BodyHash::try_from(text.clone()), Ok(BodyHash(bytes)));
        for (name, unlawful) in
            [("capitals", text.to_uppercase()), ("short", text[2..].to_owned()), ("odd", format!("{text}0")), ("empty", String::new())]
        {
            assert_eq!(BodyHash::try_from(unlawful), Err(InvalidBodyHash), "{name}");
        }
    }
}
