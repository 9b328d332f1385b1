//! How an event changes a unit: total over lawful pairs, loud about all others (the invariants of `mod.rs`).

use crate::unit::event::{Assigned, Event, Redirected, Registered, Released, StatusChanged};
use crate::unit::state::{Availability, Duty, Phase, State, Unit};
use crate::unit::{KIND, reported};
use ionveil_kernel::{BrokenInvariant, EntityId};
use std::collections::BTreeMap;

pub(super) type Evolved<T> = Result<T, BrokenInvariant>;

pub(super) fn broken<T>(number: u16, detail: &str) -> Evolved<T> {
    Err(BrokenInvariant { kind: KIND, number, detail: detail.to_owned() })
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Evolved<State> {
    match (state, event) {
        (state, Event::AssignmentDeclined(_) | Event::RedirectDeclined(_)) => Ok(state),
        (State::Absent, Event::Registered(event)) => Ok(State::Live(Box::new(registered(event)))),
        (State::Live(_), Event::Registered(_)) => broken(1, "the unit was registered before"),
        (State::Absent, _) => broken(1, "the unit was not registered"),
        (State::Live(unit), event) => live(*unit, event).map(Box::new).map(State::Live),
    }
}

fn registered(event: &Registered) -> Unit {
    Unit {
        name: event.name.clone(),
        unit_type: event.unit_type.clone(),
        agency: event.agency.clone(),
        skills: event.skills.clone(),
        capacity: event.capacity,
        position: event.position,
        shift: event.shift.clone(),
        duty: Duty::OnDuty,
        certificates: BTreeMap::new(),
        phase: Phase::Free { status: Availability::Available },
        depth: 0,
        changed_at: event.at,
    }
}

fn live(mut unit: Unit, event: &Event) -> Evolved<Unit> {
    match event {
        Event::Registered(_) | Event::AssignmentDeclined(_) | Event::RedirectDeclined(_) => Ok(unit),
        Event::Updated(event) => Ok(event.clone().applied_to(unit)),
        Event::StatusChanged(event) => status_changed(unit, event),
        Event::DutyChanged(event) => Ok(Unit { duty: event.to, changed_at: event.at, ..unit }),
        Event::Moved(event) => Ok(Unit { position: Some(event.position), changed_at: event.at, ..unit }),
        Event::Certified(event) => {
            unit.certificates.insert(event.certificate.name.to_lowercase(), event.certificate.clone());
            Ok(Unit { changed_at: event.at, ..unit })
        }
        Event::Assigned(event) => assigned(unit, event),
        Event::AssignmentConfirmed(event) => {
            let Phase::Reserved { assignment, incident } = on(&unit, &event.assignment)?.clone() else {
                return broken(3, "an assignment is confirmed once");
            };
            if incident != event.incident {
                return broken(3, "an assignment is confirmed for its incident");
            }
            let status = Availability::Dispatched;
            Ok(Unit { phase: Phase::Engaged { status, assignment, incident, reported: false }, changed_at: event.at, ..unit })
        }
        Event::Released(event) => released(unit, event),
        Event::Redirected(event) => redirected(unit, event),
        Event::WorkReported(event) => reported::evolve(unit, event),
    }
}

fn status_changed(unit: Unit, StatusChanged { from, to, assignment, at }: &StatusChanged) -> Evolved<Unit> {
    if unit.status() != *from || !from.allows(*to) || from.is_engaged() != to.is_engaged() || unit.assignment() != assignment.as_ref() {
        return broken(4, "a change of status follows the table");
    }
    let phase = match unit.phase {
        Phase::Free { .. } => Phase::Free { status: *to },
        Phase::Engaged { assignment, incident, reported, .. } => Phase::Engaged { status: *to, assignment, incident, reported },
        Phase::Reserved { .. } => return broken(4, "a reserved unit changes nothing by hand"),
    };
    Ok(Unit { phase, changed_at: *at, ..unit })
}

fn assigned(unit: Unit, Assigned { assignment, incident, at }: &Assigned) -> Evolved<Unit> {
    if !unit.is_available() {
        return broken(2, "only an available unit is reserved");
    }
    let phase = Phase::Reserved { assignment: assignment.clone(), incident: incident.clone() };
    Ok(Unit { phase, depth: 0, changed_at: *at, ..unit })
}

/// What the unit does, if it is on this assignment.
fn on<'a>(unit: &'a Unit, assignment: &EntityId) -> Evolved<&'a Phase> {
    if unit.assignment() == Some(assignment) { Ok(&unit.phase) } else { broken(3, "the unit is not on this assignment") }
}

fn released(unit: Unit, Released { assignment, incident, to, at }: &Released) -> Evolved<Unit> {
    on(&unit, assignment)?;
    if unit.incident() != Some(incident) || to.is_engaged() {
        return broken(3, "a unit is released from its incident");
    }
    Ok(Unit { phase: Phase::Free { status: *to }, changed_at: *at, ..unit })
}

fn redirected(mut unit: Unit, Redirected { assignment, from, to, depth, at }: &Redirected) -> Evolved<Unit> {
    on(&unit, assignment)?;
    match &mut unit.phase {
        Phase::Reserved { incident, .. } | Phase::Engaged { incident, .. } if incident == from => *incident = to.clone(),
        Phase::Reserved { .. } | Phase::Engaged { .. } | Phase::Free { .. } => return broken(3, "a unit is redirected from its incident"),
    }
    Ok(Unit { depth: *depth, changed_at: *at, ..unit })
}
