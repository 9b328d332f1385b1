//! What an owner entity asks of the journal, and what the journal answers.

use crate::TimerChange;
use ionveil_kernel::{BodyHash, CommandId, CorrelationId, EventId, Recorded, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

/// The most events that one append may carry; a larger decision is a design fault and is refused.
pub const APPEND_EVENTS_MAX: usize = 20_000;

/// One event to be appended. The journal adds partition, position and `recorded_at`.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Names the event.
    pub event_id: EventId,
    /// A stream of the append's owner.
    pub stream: StreamId,
    /// The place in the stream that the owner claims: its last one plus 1.
    pub sequence_number: u64,
    /// Stable type name.
    pub event_type: Cow<'static, str>,
    /// Version of the type's shape, from 1.
    pub schema_version: u32,
    /// The payload: JSON text.
    pub data: String,
    /// When it happened; the owner sees to it that it never decreases within the stream.
    pub occurred_at: Timestamp,
    /// Shared by all that one outside request set off.
    pub correlation_id: CorrelationId,
    /// The command or event that caused it.
    pub causation_id: Uuid,
    /// Who asked.
    pub actor: Arc<str>,
    /// W3C trace context.
    pub traceparent: Option<Arc<str>>,
}

/// One decision of one entity: whole or absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The entity that decided. Its partition is the partition of all its streams.
    pub owner: StreamId,
    /// The incarnation of the owner's speculative state that this was decided on.
    pub generation: u64,
    /// The command that was decided.
    pub command_id: CommandId,
    /// What the client asked for, hashed.
    pub body_hash: BodyHash,
    /// The entity's version (how many events it has, over all its streams) once this is committed.
    pub version: u64,
    /// In order; dense per stream. May be empty: then only the receipt is stored.
    pub events: Vec<NewEvent>,
    /// What becomes of the owner's timers, in order; written with the events or not at all.
    pub timers: Vec<TimerChange>,
}

impl Append {
    /// The bytes that count against a batch's limit: payloads plus a flat 256 per event, timer and append.
    #[must_use]
    pub fn weight(&self) -> usize {
        256 + self.events.iter().map(|event| event.data.len() + 256).sum::<usize>() + 256 * self.timers.len()
    }

    /// One of its events as it is stored.
    pub(crate) fn recorded(&self, event: &NewEvent, partition: u16, position: u64, recorded_at: Timestamp) -> Recorded {
        Recorded {
            event_id: event.event_id,
            stream: event.stream.clone(),
            owner: self.owner.clone(),
            sequence_number: event.sequence_number,
            partition,
            position,
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            data: event.data.clone(),
            occurred_at: event.occurred_at,
            recorded_at,
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            actor: event.actor.clone(),
            traceparent: event.traceparent.clone(),
        }
    }
}

/// Proof that a command was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The accepted command.
    pub command_id: CommandId,
    /// What the client asked for, hashed; another hash under the same id is a reused id.
    pub body_hash: BodyHash,
    /// The entity's version after the command.
    pub version: u64,
    /// The entity's partition.
    pub partition: u16,
    /// Position of the append's last event; with no events, of the last event of the partition (0 if there is none).
    pub position: u64,
    /// How many events the append had; they have the positions up to `position`, without gaps.
    pub events: u32,
    /// When the journal learned of it.
    pub recorded_at: Timestamp,
}

/// What became of one append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Committed, durable.
    Accepted(Receipt),
    /// The command had been accepted before: here is the receipt of that. Nothing was stored.
    Duplicate(Receipt),
    /// A stream is not where the owner thought it was, or an earlier append of the same owner in the batch was not
    /// accepted. Nothing was stored.
    Conflict,
    /// The partition belongs to somebody else now. Nothing was stored.
    Fenced,
}
