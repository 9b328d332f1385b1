//! Incidents that may be the same as another.

use crate::geo::Position;
use crate::incident::state::Incident;
use ionveil_kernel::{EntityId, Timestamp};
use std::time::Duration;

/// Two reports may be of one incident within so many metres, included.
pub const DUPLICATE_METRES: f64 = 300.0;
/// Two reports may be of one incident within so many minutes, included.
pub const DUPLICATE_MINUTES: u64 = 15;

/// The open incidents that were reported near `position` and not long before or after `at`: nearest first, ties by id.
#[must_use]
pub fn possible_duplicates<'a>(
    incidents: impl IntoIterator<Item = (&'a EntityId, &'a Incident)>,
    position: Position,
    at: Timestamp,
) -> Vec<&'a EntityId> {
    let within = Duration::from_secs(DUPLICATE_MINUTES * 60);
    let is_recent = |incident: &Incident| at.since(incident.created_at).max(incident.created_at.since(at)) <= within;
    let open = incidents.into_iter().filter(|(_, incident)| !incident.has_ended() && is_recent(incident));
    let mut near: Vec<_> = open.map(|(id, incident)| (incident.position.km_to(position), id)).collect();
    near.retain(|(km, _)| km * 1_000.0 <= DUPLICATE_METRES);
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    near.into_iter().map(|(_, id)| id).collect()
}
