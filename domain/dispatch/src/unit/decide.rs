//! What a command leads to: at most one event, or two where a stage was passed over.

use crate::fault::Check;
use crate::unit::certificate::Certificate;
use crate::unit::command::{Command, Releaser};
use crate::unit::event::{
    Assigned, AssignmentConfirmed, AssignmentDeclined, Certified, DeclineReason, DutyChanged, Event, Moved, RedirectDeclined, Redirected,
    Registered, Released, StatusChanged, Updated,
};
use crate::unit::reject::Rejection;
use crate::unit::reported;
use crate::unit::state::{Availability, Duty, Phase, State, Unit};
use ionveil_kernel::{DecideEnv, EntityId, Shift, Timestamp};
use std::collections::BTreeSet;

/// The most characters of a name, a type, a skill or a text of a certificate.
pub(crate) const TEXT_CHARS_MAX: usize = 128;
/// The most skills, and the most certificates.
pub(crate) const SKILLS_MAX: usize = 64;
const TEXT: &str = "it must have 1 to 128 characters and no control characters";

pub(crate) fn decide(state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Option<Event>, Rejection> {
    let at = env.occurred_at;
    match (state, command) {
        (State::Absent, Command::Register { .. }) => register(command, at).map(Some),
        (State::Live(_), Command::Register { .. }) => Err(Rejection::DuplicateEntity),
        (_, Command::Ask { assignment, incident }) => Ok(ask(state.live(), assignment, incident, at)),
        (_, Command::Redirect { assignment, to, depth }) => Ok(redirect(state.live(), assignment, (to, *depth), at)),
        (State::Absent, _) => Err(Rejection::EntityNotFound),
        (State::Live(unit), Command::Update { name, unit_type, skills, capacity, shift }) => {
            let wish = Wish {
                name: name.as_deref(),
                unit_type: unit_type.as_deref(),
                skills: skills.as_deref(),
                capacity: *capacity,
                shift: shift.as_ref(),
            };
            update(unit, wish, at).map(Some)
        }
        (State::Live(unit), Command::SetStatus { to }) => set_status(unit, *to, at).map(Some),
        (State::Live(unit), Command::SetDuty { to }) => set_duty(unit, *to, at).map(Some),
        (State::Live(unit), Command::Move { latitude, longitude }) => relocate(unit, *latitude, *longitude, at),
        (State::Live(unit), Command::Certify { certificate }) => certify(unit, certificate, at).map(Some),
        (State::Live(unit), Command::Confirm { assignment }) => Ok(confirm(unit, assignment, at)),
        (State::Live(unit), Command::Release { by }) => release(unit, by, at),
        (State::Live(unit), Command::ReportWork { assignment, incident, stage, source }) => {
            reported::report(unit, assignment, incident, *stage, source, at).map(Some)
        }
    }
}

/// What a registration or an update says, unchecked.
struct Wish<'a> {
    name: Option<&'a str>,
    unit_type: Option<&'a str>,
    skills: Option<&'a [String]>,
    capacity: Option<i64>,
    shift: Option<&'a Shift>,
}

fn check_wish(wish: &Wish<'_>, check: &mut Check, at: Timestamp) -> Updated {
    let name = wish.name.map(|name| check.text("name", name, TEXT_CHARS_MAX, TEXT));
    let unit_type = wish.unit_type.map(|name| check.text("unit_type", name, TEXT_CHARS_MAX, TEXT));
    let skills = wish.skills.map(|skills| check_skills(skills, check));
    let capacity = wish.capacity.map(|capacity| {
        u32::try_from(capacity).unwrap_or_else(|_| {
            check.fault("capacity", "invalid_capacity", "it must be from 0 to 4294967295");
            0
        })
    });
    Updated { name, unit_type, skills, capacity, shift: wish.shift.cloned(), at }
}

fn check_skills(skills: &[String], check: &mut Check) -> BTreeSet<String> {
    if skills.len() > SKILLS_MAX {
        check.fault("skills", "too_many_skills", "it must have at most 64 entries");
        return BTreeSet::new();
    }
    skills.iter().map(|skill| check.text("skills", skill, TEXT_CHARS_MAX, TEXT).to_lowercase()).collect()
}

fn register(command: &Command, at: Timestamp) -> Result<Event, Rejection> {
    let Command::Register { name, unit_type, agency, skills, capacity, latitude, longitude, shift } = command else {
        return Err(Rejection::EntityNotFound);
    };
    let mut check = Check::default();
    let wish =
        Wish { name: Some(name), unit_type: Some(unit_type), skills: Some(skills), capacity: Some(*capacity), shift: shift.as_ref() };
    let checked = check_wish(&wish, &mut check, at);
    let agency = agency.as_deref().and_then(|agency| check.id("agency", agency));
    let position = match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => check.position(*latitude, *longitude),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            check.fault("latitude", "invalid_position", "it must come with a longitude, or neither");
            None
        }
    };
    check.finish()?;
    Ok(Event::Registered(Registered {
        name: checked.name.unwrap_or_default(),
        unit_type: checked.unit_type.unwrap_or_default(),
        agency,
        skills: checked.skills.unwrap_or_default(),
        capacity: checked.capacity.unwrap_or_default(),
        position,
        shift: checked.shift,
        at,
    }))
}

fn update(unit: &Unit, wish: Wish<'_>, at: Timestamp) -> Result<Event, Rejection> {
    let mut check = Check::default();
    let updated = check_wish(&wish, &mut check, at);
    if updated == (Updated { at, ..Updated::default() }) {
        check.fault("name", "missing_field", "something must be there to change");
    }
    check.finish()?;
    if updated.clone().applied_to(unit.clone()) == (Unit { changed_at: at, ..unit.clone() }) {
        return Err(Rejection::NoChange);
    }
    Ok(Event::Updated(updated))
}

impl Updated {
    /// The unit with what changed.
    pub(crate) fn applied_to(self, unit: Unit) -> Unit {
        Unit {
            name: self.name.unwrap_or(unit.name),
            unit_type: self.unit_type.unwrap_or(unit.unit_type),
            skills: self.skills.unwrap_or(unit.skills),
            capacity: self.capacity.unwrap_or(unit.capacity),
            shift: self.shift.or(unit.shift),
            changed_at: self.at,
            ..unit
        }
    }
}

fn set_status(unit: &Unit, to: Availability, at: Timestamp) -> Result<Event, Rejection> {
    let from = unit.status();
    if matches!(unit.phase, Phase::Reserved { .. }) {
        return Err(Rejection::AssignmentPending);
    }
    if from == to {
        return Err(Rejection::NoChange);
    }
    if !from.allows(to) {
        return Err(Rejection::InvalidTransition { from, to });
    }
    Ok(match &unit.phase {
        Phase::Engaged { assignment, incident, .. } if !to.is_engaged() => released(assignment, incident, to, at),
        Phase::Engaged { .. } | Phase::Free { .. } | Phase::Reserved { .. } => {
            Event::StatusChanged(StatusChanged { from, to, assignment: unit.assignment().cloned(), at })
        }
    })
}

/// The event, with the stage that it passes over before it.
pub(crate) fn stage_by_stage(event: Event) -> Vec<Event> {
    match event {
        Event::StatusChanged(of) if (of.from, of.to) == (Availability::Dispatched, Availability::OnScene) => {
            let first = StatusChanged { to: Availability::EnRoute, ..of.clone() };
            vec![Event::StatusChanged(first), Event::StatusChanged(StatusChanged { from: Availability::EnRoute, ..of })]
        }
        other => vec![other],
    }
}

fn released(assignment: &EntityId, incident: &EntityId, to: Availability, at: Timestamp) -> Event {
    Event::Released(Released { assignment: assignment.clone(), incident: incident.clone(), to, at })
}

fn set_duty(unit: &Unit, to: Duty, at: Timestamp) -> Result<Event, Rejection> {
    if unit.duty == to {
        return Err(Rejection::NoChange);
    }
    Ok(Event::DutyChanged(DutyChanged { from: unit.duty, to, at }))
}

/// A position that is the same is accepted and tells nobody: units report where they are all the time.
fn relocate(unit: &Unit, latitude: f64, longitude: f64, at: Timestamp) -> Result<Option<Event>, Rejection> {
    let mut check = Check::default();
    let position = check.position(latitude, longitude);
    check.finish()?;
    Ok(position.filter(|position| unit.position != Some(*position)).map(|position| Event::Moved(Moved { position, at })))
}

fn certify(unit: &Unit, certificate: &Certificate, at: Timestamp) -> Result<Event, Rejection> {
    let mut check = Check::default();
    check.text("name", &certificate.name, TEXT_CHARS_MAX, TEXT);
    for (field, text) in [("level", &certificate.level), ("authority", &certificate.authority)] {
        if !text.is_empty() {
            check.text(field, text, TEXT_CHARS_MAX, TEXT);
        }
    }
    if certificate.expires <= certificate.issued {
        check.fault("expires", "invalid_range", "it must be after issued");
    }
    let is_new = !unit.certificates.contains_key(&certificate.name.to_lowercase());
    if is_new && unit.certificates.len() >= SKILLS_MAX {
        check.fault("name", "too_many_skills", "it must renew one of the 64 certificates that are there");
    }
    check.finish()?;
    Ok(Event::Certified(Certified { certificate: certificate.clone(), at }))
}

fn ask(unit: Option<&Unit>, assignment: &EntityId, incident: &EntityId, at: Timestamp) -> Option<Event> {
    let declined = |reason| Some(Event::AssignmentDeclined(AssignmentDeclined { assignment: assignment.clone(), reason }));
    let Some(unit) = unit else { return declined(DeclineReason::Unknown) };
    match unit.status() {
        _ if unit.assignment() == Some(assignment) => None,
        Availability::OutOfService => declined(DeclineReason::OutOfService),
        Availability::Dispatched | Availability::EnRoute | Availability::OnScene | Availability::Returning => declined(DeclineReason::Busy),
        Availability::Available if unit.duty != Duty::OnDuty => declined(DeclineReason::OffDuty),
        Availability::Available => Some(Event::Assigned(Assigned { assignment: assignment.clone(), incident: incident.clone(), at })),
    }
}

fn confirm(unit: &Unit, assignment: &EntityId, at: Timestamp) -> Option<Event> {
    let Phase::Reserved { assignment: waiting, incident } = &unit.phase else { return None };
    let confirmed = AssignmentConfirmed { assignment: waiting.clone(), incident: incident.clone(), at };
    (waiting == assignment).then_some(Event::AssignmentConfirmed(confirmed))
}

fn release(unit: &Unit, by: &Releaser, at: Timestamp) -> Result<Option<Event>, Rejection> {
    let free = |assignment, incident| Some(released(assignment, incident, Availability::Available, at));
    match (&unit.phase, by) {
        (Phase::Reserved { assignment, incident } | Phase::Engaged { assignment, incident, .. }, Releaser::Assignment(wanted)) => {
            Ok(free(assignment, incident).filter(|_| assignment == wanted))
        }
        (Phase::Free { .. }, Releaser::Assignment(_)) => Ok(None),
        (Phase::Engaged { assignment, incident, .. }, Releaser::Person(from)) if incident == from => Ok(free(assignment, incident)),
        (Phase::Reserved { incident, .. }, Releaser::Person(from)) if incident == from => Err(Rejection::AssignmentPending),
        (Phase::Engaged { .. } | Phase::Reserved { .. } | Phase::Free { .. }, Releaser::Person(_)) => Err(Rejection::NotOnIncident),
    }
}

/// Of two merges in a row, word of the first may come last.
fn redirect(unit: Option<&Unit>, assignment: &EntityId, (to, depth): (&EntityId, u32), at: Timestamp) -> Option<Event> {
    let on = unit.filter(|unit| unit.assignment() == Some(assignment));
    match on.and_then(|unit| Some((unit.incident()?, unit.depth))) {
        Some((incident, _)) if incident == to => None,
        Some((_, reached)) if depth > 0 && depth <= reached => None,
        Some((from, _)) => {
            let (assignment, from, to) = (assignment.clone(), from.clone(), to.clone());
            Some(Event::Redirected(Redirected { assignment, from, to, depth, at }))
        }
        None => Some(Event::RedirectDeclined(RedirectDeclined { assignment: assignment.clone(), to: to.clone() })),
    }
}
