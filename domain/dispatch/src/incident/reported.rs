//! What another system reported of units on an incident, and of its end.

use crate::fault::Check;
use crate::incident::decide::first_arrival;
use crate::incident::event::{Closed, Event, UnitReported};
use crate::incident::evolve::{Evolved, broken};
use crate::incident::reject::Rejection;
use crate::incident::state::{AssignedUnit, Incident, Status};
use crate::report::{Stage, check_source};
use ionveil_kernel::{EntityId, Timestamp};

/// The status after a report: it only goes forward, and past stages that nobody reported.
fn after(status: Status, stage: Stage) -> Status {
    stage.status().map_or(status, |reported| status.max(reported))
}

pub(super) fn unit(
    incident: &Incident,
    unit: &EntityId,
    assignment: &EntityId,
    stage: Stage,
    source: &str,
    at: Timestamp,
) -> Result<Option<Event>, Rejection> {
    if incident.has_ended() {
        return Err(Rejection::TerminalIncident);
    }
    let mut check = Check::default();
    let source = check_source(&mut check, source);
    check.finish()?;
    let status = after(incident.status, stage);
    let arrival = if stage == Stage::OnScene { first_arrival(incident) } else { None };
    Ok(Some(Event::UnitReported(UnitReported { unit: unit.clone(), assignment: assignment.clone(), stage, status, source, at, arrival })))
}

/// Whatever its status: it is over.
pub(super) fn closed(incident: &Incident, at: Timestamp) -> Result<Option<Event>, Rejection> {
    let from = incident.status;
    match from {
        Status::Closed => Ok(None),
        Status::Merged => Err(Rejection::TerminalIncident),
        _ if incident.archived => Err(Rejection::TerminalIncident),
        _ if !incident.merging.is_empty() => Err(Rejection::MergePending),
        _ => Ok(Some(Event::Closed(Closed { from, units: incident.units.clone(), reported: true, at }))),
    }
}

/// A unit is there from the first word of it to that of its being free.
pub(super) fn evolve(mut incident: Incident, event: &UnitReported) -> Evolved<Incident> {
    if event.status != after(incident.status, event.stage) {
        return broken(7, "a reported status only goes forward");
    }
    let assigned = AssignedUnit { unit: event.unit.clone(), assignment: event.assignment.clone() };
    if event.stage == Stage::Available {
        incident.units.retain(|there| *there != assigned);
    } else if !incident.units.contains(&assigned) {
        incident.units.push(assigned);
    }
    let dispatched_at = incident.dispatched_at.or_else(|| (event.stage == Stage::Dispatched).then_some(event.at));
    let reached = incident.reached || event.stage == Stage::OnScene;
    Ok(Incident { status: event.status, updated_at: event.at, dispatched_at, reached, ..incident })
}
