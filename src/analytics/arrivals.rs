//! What arrivals tell analytics: the first one at an incident is an observed dispatch (specification of IonVeil §6.2). Whether the
//! response was in time is judged when it happened, by what was promised then, and recorded so.
//!
//! An incident says neither which unit came first nor how far it came: the unit type is `unknown`, the distance 0.

use crate::organisations::Organisations;
use ionveil_analytics::aggregator::{Command, stream};
use ionveil_analytics::{Amount, Observation, Place, RETENTION_DEFAULT, Severity, UNKNOWN};
use ionveil_dispatch::incident::{self, Arrival, Event};
use ionveil_dispatch::scale::Priority;
use ionveil_kernel::{DecodeError, EventCodec, Reaction, Reactor, Recorded, Timestamp};
use std::sync::Arc;

/// Asks the aggregators to take in first arrivals. One event is told once: the id of the observation is that of the event.
pub struct ArrivalsToAnalytics {
    /// What organisations promise.
    pub organisations: Arc<Organisations>,
}

impl Reactor for ArrivalsToAnalytics {
    fn name(&self) -> &'static str {
        "arrivals-to-analytics"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(incident::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let happened = Event::decode(&event.event_type, event.schema_version, &event.data)?;
        // What came in that late counts nowhere any more.
        let in_time = |(_, at): &(&Arrival, Timestamp)| event.recorded_at.since(*at) < RETENTION_DEFAULT;
        let Some((arrival, arrived_at)) = happened.first_arrival().filter(in_time) else { return Ok(Vec::new()) };
        let promise = self.organisations.sla(&event.stream.org);
        let sla_met = promise.is_in_time(arrival.priority, arrival.dispatched_at, arrived_at);
        let observation = observed(event, arrival, arrived_at, sla_met);
        let invalid = |error: &dyn std::fmt::Display| DecodeError::invalid(&event.event_type, error);
        let to = stream(&event.stream.org, &observation.event_id).map_err(|error| invalid(&error))?;
        let command = serde_json::to_string(&Command::Ingest { events: vec![observation] }).map_err(|error| invalid(&error))?;
        Ok(vec![Reaction::Command { to, command }])
    }
}

fn observed(event: &Recorded, arrival: &Arrival, arrived_at: Timestamp, sla_met: bool) -> Observation {
    let minutes = arrived_at.since(arrival.dispatched_at).as_secs_f64() / 60.0;
    Observation {
        event_id: event.event_id.to_string().into(),
        dispatch_id: event.stream.id.as_str().into(),
        timestamp: arrived_at,
        severity: severity(arrival.priority),
        response_time_minutes: Amount::new(minutes.min(Amount::MAX)).unwrap_or_default(),
        distance_km: Amount::default(),
        region: arrival.zone.as_ref().map_or(UNKNOWN, |zone| zone.as_str()).into(),
        unit_type: UNKNOWN.into(),
        sla_met,
        place: Place::None,
    }
}

/// They run in opposite directions (trap T05): the most urgent is the worst.
fn severity(priority: Priority) -> Severity {
    Severity::new(6 - i64::from(priority.number())).unwrap_or(Severity::MILDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_is_the_worst() {
        assert_eq!(Priority::ALL.map(|priority| severity(priority).number()), [5, 4, 3, 2, 1]);
    }
}
