//! An event as clients see it.

use crate::time::Rfc3339;
use ionveil_kernel::Recorded;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// An event as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// Names the event for ever.
    #[schema(example = "0196f0c1-7c00-7000-8000-000000000000")]
    pub event_id: String,
    /// `<kind>:<organisation>:<id>`.
    #[schema(example = "workflow:default:163664036-AM30")]
    pub stream: String,
    /// Place in the stream, from 1, without gaps.
    #[schema(minimum = 1)]
    pub sequence_number: u64,
    /// Place in the journal; opaque.
    pub position: String,
    /// Stable type name.
    #[schema(example = "transitioned")]
    pub r#type: String,
    /// Version of the type's shape.
    #[schema(minimum = 1)]
    pub schema_version: u32,
    /// The payload.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Rfc3339,
    /// When the journal learned of it.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Rfc3339,
    /// Shared by everything that one request set off.
    #[schema(example = "0196f0c1-7c00-7000-8000-000000000000")]
    pub correlation_id: String,
    /// The command or event that caused it.
    #[schema(example = "0196f0c1-7c00-7000-8000-000000000000")]
    pub causation_id: String,
    /// Who asked.
    #[schema(example = "user:jane")]
    pub actor: String,
    /// W3C trace context of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// A page of events.
#[derive(Serialize, ToSchema)]
pub struct EventList {
    /// The events, in order.
    pub items: Vec<EventBody>,
    /// Asks for the next page; absent when there is nothing behind this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl EventBody {
    /// The public form of `event`.
    #[must_use]
    pub fn new(event: &Recorded) -> Self {
        Self {
            event_id: event.event_id.to_string(),
            stream: event.stream.to_string(),
            sequence_number: event.sequence_number,
            position: position(event.partition, event.position),
            r#type: event.event_type.to_string(),
            schema_version: event.schema_version,
            // What the journal holds was checked before it was stored; a damaged payload shows as null.
            data: RawValue::from_string(event.data.clone()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
            occurred_at: Rfc3339(event.occurred_at),
            recorded_at: Rfc3339(event.recorded_at),
            correlation_id: event.correlation_id.to_string(),
            causation_id: event.causation_id.to_string(),
            actor: event.actor.to_string(),
            traceparent: event.traceparent.as_deref().map(str::to_owned),
        }
    }
}

/// The opaque text of a place in the journal, as `position` of an event and as `after` of a read.
#[must_use]
pub fn position(partition: u16, position: u64) -> String {
    format!("{partition}-{position}")
}

/// Reads what [`position`] wrote.
#[must_use]
pub fn parse_position(text: &str) -> Option<(u16, u64)> {
    let (partition, position) = text.split_once('-')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(partition) && digits(position))
        .then_some((partition.parse().ok()?, position.parse().ok().filter(|n| i64::try_from(*n).is_ok())?))
}
