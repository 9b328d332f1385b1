//! The list of attempts: what a recorded event of a failover makes of a row. Data only: how it is written is the views'
//! business.

use crate::failover::{AnsweredLate, Bound, ChannelAttempted, Event, KIND, Outcome};
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Org, Recorded, Timestamp};
use serde::{Deserialize, Serialize};

/// An attempt, or a channel that was passed over, as it is known now. A later row of the same organisation, dispatch and
/// number takes the place of an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The organisation.
    pub org: Org,
    /// The attempt.
    pub attempt: Attempt,
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The dispatch.
    pub dispatch_id: EntityId,
    /// Its place in the log of the dispatch, from 1.
    pub number: u32,
    /// The channel.
    pub channel: EntityId,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it failed, was passed over, or is not known.
    pub reason: Option<String>,
    /// How long it took, if that is known, in milliseconds.
    pub latency_ms: Option<f64>,
    /// The HTTP status, if there was one.
    pub http_status: Option<u16>,
    /// Whether nothing was really sent.
    pub simulated: bool,
    /// When it began.
    pub at: Timestamp,
    /// The answer that came after it was given up.
    pub answered_late: Option<LateAnswer>,
    /// The limits of the level that cut it short.
    #[serde(default)]
    pub bound: Option<Bound>,
}

/// An answer that came after its attempt was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LateAnswer {
    /// Whether it was delivered after all.
    pub delivered: bool,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
    /// The HTTP status, if there was one.
    pub http_status: Option<u16>,
}

/// The row that `recorded` makes; none if it is no event of a failover, or of none of its channels.
///
/// # Errors
/// [`DecodeError`] if the event cannot be read: then the view stands still, it never passes over an event.
pub fn project(recorded: &Recorded) -> Result<Option<Row>, DecodeError> {
    if recorded.stream.kind.as_str() != KIND {
        return Ok(None);
    }
    let dispatch_id = recorded.stream.id.clone();
    let attempt = match Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data)? {
        Event::ChannelSkipped(event) => {
            Attempt { reason: Some(event.reason), ..Attempt::new(dispatch_id, event.number, event.channel, Outcome::Skipped, event.at) }
        }
        Event::AttemptBegun(event) => Attempt {
            simulated: event.simulated,
            reason: Some("under_way".to_owned()),
            ..Attempt::new(dispatch_id, event.number, event.channel, Outcome::Unknown, event.at)
        },
        Event::ChannelAttempted(event) => Attempt::attempted(dispatch_id, &event),
        Event::AnsweredLate(event) => Attempt { answered_late: Some(late(&event)), ..Attempt::attempted(dispatch_id, &event.attempt) },
        Event::Requested(_) | Event::RouteSelected(_) | Event::FailoverExhausted(_) => return Ok(None),
    };
    Ok(Some(Row { org: recorded.stream.org.clone(), attempt }))
}

const fn late(event: &AnsweredLate) -> LateAnswer {
    LateAnswer { delivered: event.delivered, latency_ms: event.latency_ms, http_status: event.http_status }
}

impl Attempt {
    const fn new(dispatch_id: EntityId, number: u32, channel: EntityId, outcome: Outcome, at: Timestamp) -> Self {
        Self {
            dispatch_id,
            number,
            channel,
            outcome,
            reason: None,
            latency_ms: None,
            http_status: None,
            simulated: false,
            at,
            answered_late: None,
            bound: None,
        }
    }

    fn attempted(dispatch_id: EntityId, event: &ChannelAttempted) -> Self {
        let channel = event.channel.clone();
        Self {
            reason: event.reason.clone(),
            latency_ms: event.latency_ms,
            http_status: event.http_status,
            simulated: event.simulated,
            bound: event.bound.clone(),
            ..Self::new(dispatch_id, event.number, channel, event.outcome, event.begun_at)
        }
    }
}
