//! What follows outside of the entity: how incidents, units, assignments and the desk keep in step, as data.
//!
//! Deliveries may be late and out of order; a command that was delivered is not delivered again (its id is that of the event
//! that caused it). Whoever is asked answers by an event, so that nothing here waits for a reply.
//!
//! | event | asks |
//! |---|---|
//! | assignment `begun`, `unit_skipped` | units: `ask` |
//! | unit `assigned`, `assignment_declined` | assignment: `unit_took`, `unit_declined` |
//! | assignment `attach_asked` | incident: `attach` |
//! | incident `units_attached`, `attach_declined` | assignment: `incident_attached`, `incident_declined`; the unit that was replaced: `release` |
//! | assignment `attached` | desk: `issue` |
//! | desk `number_issued` | assignment: `numbered` |
//! | assignment `completed`, `undone`, `unit_returned` | units: `confirm`, `release`, `release` |
//! | unit `assignment_confirmed`, `status_changed`, `released` | its workflow: `register`, `transition`, `cancel` |
//! | what another system reported (`unit_reported`, `work_reported`, `reported`) | nobody: it was |
//! | unit `released`, `redirect_declined` | incident: `drop` |
//! | incident `closed`, `archived` | units: `release` |
//! | incident `merge_begun`, `merged`, `join_declined`, `absorbed` | secondary: `join`; primary: `absorb`, `end_merge`; units: `redirect` |

use crate::unit::{Availability, Releaser};
use crate::{assignment, desk, incident, unit};
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Kind, Reaction, Reactor, Recorded, StreamId, derive_uuid};
use serde::Serialize;
use serde_json::{Value, json};

/// The kind of a unit's work as a workflow. Its commands belong to another context and are known here by their stored form.
const WORKFLOW_KIND: &str = "workflow";
/// The id of an organisation's desk.
pub const DESK_ID: &str = "dispatch";

/// Gathers what follows from one event.
struct Asks<'a> {
    event: &'a Recorded,
    asks: Vec<Reaction>,
}

impl<'a> Asks<'a> {
    const fn of(event: &'a Recorded) -> Self {
        Self { event, asks: Vec::new() }
    }

    /// Asks the entity of this kind and id, in the event's own organisation.
    fn ask(&mut self, kind: &str, id: &EntityId, command: &impl Serialize) -> Result<(), DecodeError> {
        let invalid = |error: &dyn std::fmt::Display| DecodeError::invalid(&self.event.event_type, error);
        let kind = Kind::new(kind).map_err(|error| invalid(&error))?;
        let command = serde_json::to_string(command).map_err(|error| invalid(&error))?;
        self.asks.push(Reaction::Command { to: StreamId::new(self.event.stream.org.clone(), kind, id.clone()), command });
        Ok(())
    }

    fn release(&mut self, unit: &EntityId, assignment: &EntityId) -> Result<(), DecodeError> {
        self.ask(unit::KIND, unit, &unit::Command::Release { by: Releaser::Assignment(assignment.clone()) })
    }

    fn workflow(&mut self, assignment: &EntityId, command: &Value) -> Result<(), DecodeError> {
        let id = workflow_id(assignment, &self.event.stream.id);
        self.ask(WORKFLOW_KIND, &id, command)
    }
}

/// The id of the workflow that a unit's work on an assignment is.
#[must_use]
pub fn workflow_id(assignment: &EntityId, unit: &EntityId) -> EntityId {
    let derived = || derive_uuid(&["dispatch", assignment.as_str(), unit.as_str()]).to_string();
    let id = EntityId::new(&format!("{assignment}.{unit}")).or_else(|_| EntityId::new(&derived()));
    // A UUID is a lawful id; the assignment's own is one as well.
    id.unwrap_or_else(|_| assignment.clone())
}

/// What follows from a unit's events.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromUnits;

impl Reactor for FromUnits {
    fn name(&self) -> &'static str {
        "dispatch-from-units"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(unit::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        use unit::Event;
        let id = event.stream.id.clone();
        let mut asks = Asks::of(event);
        match Event::decode(&event.event_type, event.schema_version, &event.data)? {
            Event::Assigned(of) => asks.ask(assignment::KIND, &of.assignment, &assignment::Command::UnitTook { unit: id })?,
            Event::AssignmentDeclined(of) => {
                asks.ask(assignment::KIND, &of.assignment, &assignment::Command::UnitDeclined { unit: id, reason: of.reason })?;
            }
            Event::AssignmentConfirmed(of) => {
                let attributes = json!({"assignment": of.assignment, "incident": of.incident, "unit": id});
                let register = json!({"type": "register", "machine": "dispatch", "initial_state": "allocated", "attributes": attributes});
                asks.workflow(&of.assignment, &register)?;
            }
            Event::StatusChanged(of) => {
                if let (Some(to), Some(assignment)) = (stage(of.to), &of.assignment) {
                    asks.workflow(assignment, &json!({"type": "transition", "to": to}))?;
                }
            }
            Event::Released(of) => {
                asks.workflow(&of.assignment, &json!({"type": "cancel", "reason": "the unit was released"}))?;
                asks.ask(incident::KIND, &of.incident, &incident::Command::Drop { unit: id, assignment: of.assignment })?;
            }
            Event::RedirectDeclined(of) => {
                asks.ask(incident::KIND, &of.to, &incident::Command::Drop { unit: id, assignment: of.assignment })?;
            }
            Event::Registered(_)
            | Event::Updated(_)
            | Event::DutyChanged(_)
            | Event::Moved(_)
            | Event::Certified(_)
            | Event::Redirected(_)
            | Event::WorkReported(_) => {}
        }
        Ok(asks.asks)
    }
}

/// Where a unit's workflow goes with it: one stage for each event, because commands that one event leads to have no order. A
/// workflow that has arrived ends there, and is not called off when the unit leaves: it refuses that.
const fn stage(to: Availability) -> Option<&'static str> {
    match to {
        Availability::EnRoute => Some("departed"),
        Availability::OnScene => Some("arrived"),
        Availability::Available | Availability::Dispatched | Availability::Returning | Availability::OutOfService => None,
    }
}

/// What follows from an incident's events.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromIncidents;

impl Reactor for FromIncidents {
    fn name(&self) -> &'static str {
        "dispatch-from-incidents"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(incident::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        use incident::{Command, Event};
        let id = event.stream.id.clone();
        let mut asks = Asks::of(event);
        match Event::decode(&event.event_type, event.schema_version, &event.data)? {
            Event::UnitsAttached(of) => {
                asks.ask(assignment::KIND, &of.assignment, &assignment::Command::IncidentAttached)?;
                of.replaced.iter().try_for_each(|old| asks.release(&old.unit, &old.assignment))?;
            }
            Event::AttachDeclined(of) => {
                asks.ask(assignment::KIND, &of.assignment, &assignment::Command::IncidentDeclined { reason: of.reason })?;
            }
            Event::Closed(incident::Closed { units, .. }) | Event::Archived(incident::Archived { units, .. }) => {
                units.iter().try_for_each(|assigned| asks.release(&assigned.unit, &assigned.assignment))?;
            }
            Event::MergeBegun(of) => asks.ask(incident::KIND, &of.secondary, &Command::Join { primary: id })?,
            Event::Merged(of) => {
                let absorb = Command::Absorb { secondary: id, units: of.units, priority: of.priority, depth: of.depth };
                asks.ask(incident::KIND, &of.into, &absorb)?;
            }
            Event::JoinDeclined(of) => {
                asks.ask(incident::KIND, &of.primary, &Command::EndMerge { secondary: id, reason: of.reason })?;
            }
            Event::Absorbed(of) => {
                for assigned in of.units {
                    let redirect = unit::Command::Redirect { assignment: assigned.assignment, to: id.clone(), depth: of.depth };
                    asks.ask(unit::KIND, &assigned.unit, &redirect)?;
                }
            }
            Event::Created(_)
            | Event::Updated(_)
            | Event::Remarked(_)
            | Event::Transitioned(_)
            | Event::MergeEnded(_)
            | Event::UnitLeft(_)
            | Event::UnitReported(_) => {}
        }
        Ok(asks.asks)
    }
}

/// What follows from an assignment's events.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromAssignments;

impl Reactor for FromAssignments {
    fn name(&self) -> &'static str {
        "dispatch-from-assignments"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(assignment::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        use assignment::Event;
        let id = event.stream.id.clone();
        let mut asks = Asks::of(event);
        let ask = |incident: &EntityId| unit::Command::Ask { assignment: id.clone(), incident: incident.clone() };
        match Event::decode(&event.event_type, event.schema_version, &event.data)? {
            Event::Begun(of) => of.first().iter().try_for_each(|unit| asks.ask(unit::KIND, unit, &ask(&of.incident)))?,
            Event::UnitSkipped(of) => of.next.iter().try_for_each(|unit| asks.ask(unit::KIND, unit, &ask(&of.incident)))?,
            Event::AttachAsked(of) => {
                let attach = incident::Command::Attach { assignment: id.clone(), units: of.units, replaces: of.replaces };
                asks.ask(incident::KIND, &of.incident, &attach)?;
            }
            Event::Attached(_) => {
                let desk = EntityId::new(DESK_ID).map_err(|error| DecodeError::invalid(&event.event_type, error))?;
                asks.ask(desk::KIND, &desk, &desk::Command::Issue { assignment: id.clone() })?;
            }
            Event::Completed(of) => {
                let confirm = unit::Command::Confirm { assignment: id.clone() };
                of.units.iter().try_for_each(|unit| asks.ask(unit::KIND, unit, &confirm))?;
            }
            Event::Undone(of) => of.release.iter().try_for_each(|unit| asks.release(unit, &id))?,
            Event::UnitReturned(of) => asks.release(&of.unit, &id)?,
            Event::UnitTook(_) | Event::Reported(_) => {}
        }
        Ok(asks.asks)
    }
}

/// What follows from a desk's events.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromDesk;

impl Reactor for FromDesk {
    fn name(&self) -> &'static str {
        "dispatch-from-desk"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(desk::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let desk::Event::NumberIssued(of) = desk::Event::decode(&event.event_type, event.schema_version, &event.data)?;
        let mut asks = Asks::of(event);
        asks.ask(assignment::KIND, &of.assignment, &assignment::Command::Numbered { number: of.number })?;
        Ok(asks.asks)
    }
}

#[cfg(test)]
mod tests;
