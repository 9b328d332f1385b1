//! How units come and go.

use crate::incident::event::{AttachDeclineReason, AttachDeclined, Event, UnitLeft, UnitsAttached};
use crate::incident::state::Incident;
use ionveil_kernel::{EntityId, Timestamp};

/// A repeat of an assignment that was answered with units changes nothing.
pub(crate) fn attach(
    incident: Option<&Incident>,
    assignment: &EntityId,
    units: &[EntityId],
    replaces: Option<&EntityId>,
    at: Timestamp,
) -> Option<Event> {
    let declined = |reason| Some(Event::AttachDeclined(AttachDeclined { assignment: assignment.clone(), reason }));
    let Some(incident) = incident else { return declined(AttachDeclineReason::Unknown) };
    if incident.units.iter().any(|assigned| assigned.assignment == *assignment) {
        return None;
    }
    if incident.archived || !incident.status.takes_units() {
        return declined(AttachDeclineReason::TerminalIncident);
    }
    let replaced = replaces.map(|unit| incident.units.iter().find(|assigned| assigned.unit == *unit));
    match replaced {
        Some(None) => declined(AttachDeclineReason::NotOnIncident),
        None | Some(Some(_)) => Some(Event::UnitsAttached(UnitsAttached {
            assignment: assignment.clone(),
            units: units.to_vec(),
            replaced: replaced.flatten().cloned(),
            status: incident.status.with_units(),
            at,
        })),
    }
}

pub(crate) fn leave(incident: &Incident, unit: &EntityId, assignment: &EntityId, at: Timestamp) -> Option<Event> {
    let is_there = incident.units.iter().any(|assigned| assigned.unit == *unit && assigned.assignment == *assignment);
    is_there.then(|| Event::UnitLeft(UnitLeft { unit: unit.clone(), assignment: assignment.clone(), at }))
}
