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

/// SHA-256 of what the client asked for; tells a repeat from a reused id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What travels with a command.
#[derive(Clone, Debug, PartialEq)]
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
