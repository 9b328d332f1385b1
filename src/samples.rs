//! What channels tell routing: a call that went over a channel is a health sample of the routing node of the same name. Where
//! no such node is known there is nobody to tell.

use crate::topologies::Topologies;
use ionveil_channels::failover::{self, ChannelAttempted, Outcome};
use ionveil_kernel::{DecodeError, EventCodec, Kind, Reaction, Reactor, Recorded, StreamId};
use ionveil_routing::node;
use std::sync::Arc;

/// Asks a routing node to take in how a call went.
pub struct ChannelsToRouting {
    topologies: Arc<Topologies>,
}

impl ChannelsToRouting {
    /// Tells the nodes that `topologies` knows.
    #[must_use]
    pub const fn new(topologies: Arc<Topologies>) -> Self {
        Self { topologies }
    }
}

impl Reactor for ChannelsToRouting {
    fn name(&self) -> &'static str {
        "channels-to-routing"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(failover::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let attempt = match failover::Event::decode(&event.event_type, event.schema_version, &event.data)? {
            failover::Event::ChannelAttempted(attempt) => attempt,
            failover::Event::Requested(_)
            | failover::Event::ChannelSkipped(_)
            | failover::Event::AttemptBegun(_)
            | failover::Event::AnsweredLate(_)
            | failover::Event::RouteSelected(_)
            | failover::Event::FailoverExhausted(_) => return Ok(Vec::new()),
        };
        let known = self.topologies.knows(&event.stream.org, &attempt.channel);
        let Some(value) = value(&attempt).filter(|_| known) else { return Ok(Vec::new()) };
        let invalid = |error: &dyn std::fmt::Display| DecodeError::invalid(&event.event_type, error);
        let kind = Kind::new(node::KIND).map_err(|error| invalid(&error))?;
        let to = StreamId::new(event.stream.org.clone(), kind, attempt.channel.clone());
        let sample = node::Command::ReportHealthSample { value, at: Some(attempt.begun_at) };
        let command = serde_json::to_string(&sample).map_err(|error| invalid(&error))?;
        Ok(vec![Reaction::Command { to, command }])
    }
}

/// How it went; none if that says nothing of the other end: nothing was really sent, nobody knows, or it refused what it was
/// sent (a 4xx, which does not count in the breaker either).
fn value(attempt: &ChannelAttempted) -> Option<f64> {
    let sent = ["latency_exceeded", "unavailable", "send_failed", "timeout"];
    let refused = attempt.http_status.is_some_and(|status| (400..500).contains(&status));
    match attempt.outcome {
        _ if attempt.simulated => None,
        Outcome::Success => Some(1.0),
        Outcome::Failed => (!refused && attempt.reason.as_deref().is_some_and(|reason| sent.contains(&reason))).then_some(0.0),
        Outcome::Skipped | Outcome::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_kernel::Timestamp;

    fn attempt(outcome: Outcome, reason: Option<&str>, http_status: Option<u16>) -> ChannelAttempted {
        ChannelAttempted {
            number: 1,
            channel: "radio".parse().unwrap(),
            outcome,
            reason: reason.map(str::to_owned),
            latency_ms: None,
            http_status,
            simulated: false,
            begun_at: Timestamp::from_micros(1),
            waited_ms: None,
            bound: None,
        }
    }

    #[test]
    fn only_what_says_something_of_the_other_end_is_a_sample() {
        for (outcome, reason, status, expected) in [
            (Outcome::Success, None, Some(200), Some(1.0)),
            (Outcome::Failed, Some("latency_exceeded"), None, Some(0.0)),
            (Outcome::Failed, Some("timeout"), None, Some(0.0)),
            (Outcome::Failed, Some("unavailable"), None, Some(0.0)),
            (Outcome::Failed, Some("send_failed"), Some(500), Some(0.0)),
            (Outcome::Failed, Some("send_failed"), Some(404), None),
            (Outcome::Failed, Some("address_not_allowed"), None, None),
            (Outcome::Failed, Some("unknown_channel"), None, None),
            (Outcome::Unknown, Some("crashed"), None, None),
            (Outcome::Skipped, Some("circuit_open"), None, None),
        ] {
            assert_eq!(value(&attempt(outcome, reason, status)), expected, "{outcome:?} {reason:?}");
        }
        assert_eq!(value(&ChannelAttempted { simulated: true, ..attempt(Outcome::Success, None, None) }), None);
    }
}
