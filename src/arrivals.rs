//! What arrivals tell policy: the first one at an incident is a success of the zone that it is in, or a failure if it came later
//! than was promised (§2.2, §5.1). One event is told once: the command's id is that of the event.

use crate::organisations::Organisations;
use crate::trees::Trees;
use ionveil_dispatch::incident::{self, Event};
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Kind, Org, Reaction, Reactor, Recorded, StreamId};
use ionveil_policy::engine;
use std::sync::Arc;
use std::time::Duration;

const HISTORY: Duration = Duration::from_secs(3_600);

/// Asks the engine of a zone to take in how a response went.
#[derive(Clone)]
pub struct ArrivalsToPolicy {
    /// Which zones there are.
    pub trees: Arc<Trees>,
    /// What organisations promise.
    pub organisations: Arc<Organisations>,
}

impl ArrivalsToPolicy {
    /// Where an outcome in `zone` counts: a zone that the tree does not have is the root's, and without a tree nothing counts.
    fn node(&self, org: &Org, zone: Option<&EntityId>) -> Option<EntityId> {
        let tree = self.trees.of(org);
        let known = zone.and_then(|zone| tree.resolve(zone)).or_else(|| tree.all().next());
        known.map(|node| node.id().clone())
    }
}

/// What another system reports so much later than it happened is history, and says nothing of how the zone does now.
fn is_history(happened: &Event, event: &Recorded) -> bool {
    matches!(happened, Event::UnitReported(_)) && event.recorded_at.since(event.occurred_at) > HISTORY
}

impl Reactor for ArrivalsToPolicy {
    fn name(&self) -> &'static str {
        "arrivals-to-policy"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(incident::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let happened = Event::decode(&event.event_type, event.schema_version, &event.data)?;
        let Some((arrival, arrived_at)) = happened.first_arrival().filter(|_| !is_history(&happened, event)) else {
            return Ok(Vec::new());
        };
        let org = &event.stream.org;
        let Some(node) = self.node(org, arrival.zone.as_ref()) else { return Ok(Vec::new()) };
        let success = self.organisations.sla(org).is_in_time(arrival.priority, arrival.dispatched_at, arrived_at);
        let invalid = |error: &dyn std::fmt::Display| DecodeError::invalid(&event.event_type, error);
        let kind = Kind::new(engine::KIND).map_err(|error| invalid(&error))?;
        let command = serde_json::to_string(&engine::Command::Observe { success }).map_err(|error| invalid(&error))?;
        Ok(vec![Reaction::Command { to: StreamId::new(org.clone(), kind, node), command }])
    }
}
