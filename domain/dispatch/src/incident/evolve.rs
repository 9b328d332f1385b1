//! How an event changes an incident: total over lawful pairs, loud about all others (the invariants of `mod.rs`).

use crate::incident::KIND;
use crate::incident::event::{Absorbed, Closed, Created, Event, Merged, Transitioned, UnitLeft, UnitsAttached};
use crate::incident::reported;
use crate::incident::state::{AssignedUnit, Incident, State, Status};
use ionveil_kernel::{BrokenInvariant, EntityId};
use std::collections::BTreeSet;

pub(super) type Evolved<T> = Result<T, BrokenInvariant>;

pub(super) fn broken<T>(number: u16, detail: &str) -> Evolved<T> {
    Err(BrokenInvariant { kind: KIND, number, detail: detail.to_owned() })
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Evolved<State> {
    match (state, event) {
        (state, Event::JoinDeclined(_) | Event::AttachDeclined(_)) => Ok(state),
        (State::Absent { id }, Event::Created(event)) => Ok(State::Live(Box::new(created(id, event)))),
        (State::Live(_), Event::Created(_)) => broken(1, "the incident was reported before"),
        (State::Absent { .. }, _) => broken(1, "the incident was not reported"),
        (State::Live(incident), event) => live(*incident, event).map(Box::new).map(State::Live),
    }
}

fn created(id: EntityId, event: &Created) -> Incident {
    Incident {
        id,
        title: event.title.clone(),
        description: event.description.clone(),
        priority: event.priority,
        status: Status::Reported,
        position: event.position,
        category: event.category.clone(),
        zone: event.zone.clone(),
        units: Vec::new(),
        merged_from: Vec::new(),
        depth: 0,
        merged_into: None,
        merging: BTreeSet::new(),
        remarks: 0,
        archived: false,
        created_by: event.by.clone(),
        created_at: event.at,
        updated_at: event.at,
        closed_at: None,
        dispatched_at: None,
        reached: false,
    }
}

fn live(mut incident: Incident, event: &Event) -> Evolved<Incident> {
    match event {
        Event::Created(_) | Event::JoinDeclined(_) | Event::AttachDeclined(_) => Ok(incident),
        Event::UnitLeft(event) => unit_left(incident, event),
        Event::MergeEnded(event) => {
            begun(&mut incident, &event.secondary)?;
            Ok(incident)
        }
        Event::Archived(_) if incident.archived => broken(3, "the incident was put away before"),
        Event::Archived(event) => {
            leave_all(&mut incident, &event.units)?;
            Ok(Incident { archived: true, updated_at: event.at, closed_at: incident.closed_at.or(Some(event.at)), ..incident })
        }
        _ if incident.has_ended() => broken(3, "the incident has ended"),
        Event::Updated(event) => Ok(event.clone().applied_to(incident)),
        Event::Remarked(event) => Ok(Incident { remarks: incident.remarks + 1, updated_at: event.at, ..incident }),
        Event::Transitioned(event) => transitioned(incident, event),
        Event::Closed(event) => closed(incident, event),
        Event::MergeBegun(event) => {
            incident.merging.insert(event.secondary.clone());
            Ok(Incident { updated_at: event.at, ..incident })
        }
        Event::Merged(event) => merged(incident, event),
        Event::Absorbed(event) => absorbed(incident, event),
        Event::UnitsAttached(event) => attached(incident, event),
        Event::UnitReported(event) => reported::evolve(incident, event),
    }
}

fn transitioned(mut incident: Incident, Transitioned { from, to, at, .. }: &Transitioned) -> Evolved<Incident> {
    if incident.status != *from || !from.targets().contains(to) || *to == Status::Closed {
        return broken(2, "a move follows the table");
    }
    incident.reached |= *to == Status::OnScene;
    let dispatched_at = incident.dispatched_at.or_else(|| (*to == Status::Dispatched).then_some(*at));
    Ok(Incident { status: *to, updated_at: *at, dispatched_at, ..incident })
}

/// Takes all units away, which must be these; nothing ends in the middle of a merge.
fn leave_all(incident: &mut Incident, units: &[AssignedUnit]) -> Evolved<()> {
    if incident.units != units || !incident.merging.is_empty() {
        return broken(6, "an incident ends with all its units, and in no merge");
    }
    incident.units.clear();
    Ok(())
}

fn closed(mut incident: Incident, Closed { from, units, reported, at }: &Closed) -> Evolved<Incident> {
    if incident.status != *from || !(*reported || from.targets().contains(&Status::Closed)) {
        return broken(2, "a close follows the table");
    }
    leave_all(&mut incident, units)?;
    Ok(Incident { status: Status::Closed, updated_at: *at, closed_at: Some(*at), ..incident })
}

fn merged(mut incident: Incident, Merged { into, units, at, .. }: &Merged) -> Evolved<Incident> {
    leave_all(&mut incident, units)?;
    Ok(Incident { status: Status::Merged, merged_into: Some(into.clone()), updated_at: *at, closed_at: Some(*at), ..incident })
}

fn begun(incident: &mut Incident, secondary: &EntityId) -> Evolved<()> {
    if incident.merging.remove(secondary) { Ok(()) } else { broken(4, "the merge was not begun") }
}

fn absorbed(mut incident: Incident, Absorbed { secondary, units, priority, depth, at }: &Absorbed) -> Evolved<Incident> {
    begun(&mut incident, secondary)?;
    incident.merged_from.push(secondary.clone());
    incident.units.extend(units.iter().cloned());
    let depth = incident.depth.max(*depth);
    Ok(Incident { priority: *priority, depth, updated_at: *at, ..incident })
}

fn attached(mut incident: Incident, event: &UnitsAttached) -> Evolved<Incident> {
    if event.status != incident.status.with_units() || !incident.status.takes_units() {
        return broken(2, "units come to an incident that is open");
    }
    if let Some(replaced) = &event.replaced {
        take_away(&mut incident, replaced)?;
    }
    // A unit that comes again has left, though word of that may still be on its way.
    incident.units.retain(|assigned| !event.units.contains(&assigned.unit));
    let assigned = |unit: &EntityId| AssignedUnit { unit: unit.clone(), assignment: event.assignment.clone() };
    incident.units.extend(event.units.iter().map(assigned));
    let dispatched_at = incident.dispatched_at.or(Some(event.at));
    Ok(Incident { status: event.status, updated_at: event.at, dispatched_at, ..incident })
}

fn take_away(incident: &mut Incident, unit: &AssignedUnit) -> Evolved<()> {
    let Some(place) = incident.units.iter().position(|assigned| assigned == unit) else {
        return broken(5, "the unit is not on the incident by this assignment");
    };
    incident.units.remove(place);
    Ok(())
}

fn unit_left(mut incident: Incident, UnitLeft { unit, assignment, at }: &UnitLeft) -> Evolved<Incident> {
    take_away(&mut incident, &AssignedUnit { unit: unit.clone(), assignment: assignment.clone() })?;
    Ok(Incident { updated_at: *at, ..incident })
}
