//! What a command leads to: at most one event, so that each change raises the version by one.

use crate::fault::Check;
use crate::incident::command::Command;
use crate::incident::event::{Archived, Arrival, Closed, Created, Event, Remarked, Transitioned, Updated};
use crate::incident::reject::Rejection;
use crate::incident::state::{Incident, State, Status};
use crate::incident::{merge, reported, units};
use crate::report::check_source;
use crate::scale::Priority;
use crate::words;
use ionveil_kernel::{DecideEnv, Timestamp};

/// The most characters of a title.
pub(crate) const TITLE_CHARS_MAX: usize = 500;
/// The most characters of a description.
pub(crate) const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// The most characters of a remark.
pub(crate) const REMARK_CHARS_MAX: usize = 2_000;
const CATEGORY_CHARS_MAX: usize = 64;
/// Of an incident about which neither caller nor texts say anything.
const PRIORITY_DEFAULT: i64 = 3;

pub(crate) fn decide(state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Option<Event>, Rejection> {
    let at = env.occurred_at;
    let incident = match (state, command) {
        (State::Absent { .. }, Command::Create { .. }) => return create(command, env).map(Some),
        (State::Live(_), Command::Create { .. }) => return Err(Rejection::DuplicateEntity),
        (state, Command::Join { primary }) => return Ok(merge::join(state.live(), primary, at)),
        (state, Command::Attach { assignment, units, replaces }) => {
            return Ok(units::attach(state.live(), assignment, units, replaces.as_ref(), at));
        }
        (State::Absent { .. }, _) => return Err(Rejection::EntityNotFound),
        (State::Live(incident), _) => incident,
    };
    match command {
        Command::Absorb { secondary, units, priority, depth } => {
            return Ok(merge::absorb(incident, (secondary, *depth), units, *priority, at));
        }
        Command::EndMerge { secondary, reason } => return Ok(merge::end(incident, secondary, *reason)),
        Command::Drop { unit, assignment } => return Ok(units::leave(incident, unit, assignment, at)),
        Command::ReportUnit { unit, assignment, stage, source } => return reported::unit(incident, unit, assignment, *stage, source, at),
        Command::ReportClosed => return reported::closed(incident, at),
        Command::Close => return close(incident, at),
        Command::Archive => return archive(incident, at),
        _ if incident.has_ended() => return Err(Rejection::TerminalIncident),
        _ => {}
    }
    match command {
        Command::Update { .. } => update(incident, command, at).map(Some),
        Command::Remark { text } => remark(text, env).map(Some),
        Command::Transition { to: Status::Closed } => close(incident, at),
        Command::Transition { to } => transition(incident, *to, at).map(Some),
        Command::Merge { secondary } => merge::begin(incident, secondary, env),
        Command::Create { .. }
        | Command::Join { .. }
        | Command::Attach { .. }
        | Command::Absorb { .. }
        | Command::EndMerge { .. }
        | Command::Drop { .. }
        | Command::ReportUnit { .. }
        | Command::ReportClosed
        | Command::Close
        | Command::Archive => Ok(None),
    }
}

fn check_priority(check: &mut Check, raw: i64) -> Option<Priority> {
    Priority::new(raw).map_err(|_| check.fault("priority", "invalid_priority", "it must be from 1 to 5")).ok()
}

fn check_title(check: &mut Check, text: &str) -> String {
    check.text("title", text, TITLE_CHARS_MAX, "it must have 1 to 500 characters and no control characters")
}

fn check_description(check: &mut Check, text: &str) -> String {
    check.text("description", text, DESCRIPTION_CHARS_MAX, "it must have 1 to 10000 characters and no control characters")
}

fn check_category(check: &mut Check, text: &str) -> String {
    check.text("category", text, CATEGORY_CHARS_MAX, "it must have 1 to 64 characters and no control characters")
}

fn create(command: &Command, env: &DecideEnv<'_>) -> Result<Event, Rejection> {
    let Command::Create { title, description, priority, latitude, longitude, category, zone, source } = command else {
        return Err(Rejection::EntityNotFound);
    };
    let mut check = Check::default();
    check_title(&mut check, title);
    check_description(&mut check, description);
    let given = check_priority(&mut check, priority.unwrap_or(PRIORITY_DEFAULT));
    let position = check.position(*latitude, *longitude);
    let given_category = category.as_deref().filter(|category| !category.is_empty() && *category != words::GENERAL);
    let texts = [title.as_str(), description.as_str()];
    // The default is truthy in the reference, so that it never looks at the texts (trap T61).
    let category = given_category.map_or_else(|| words::category(&texts).to_owned(), |category| check_category(&mut check, category));
    let source = source.as_deref().map(|source| check_source(&mut check, source));
    let zone = zone.as_deref().and_then(|zone| check.id("zone", zone));
    check.finish()?;
    let (Some(given), Some(position)) = (given, position) else { return Err(Rejection::EntityNotFound) };
    // What another system decided is taken as it was.
    let said = if source.is_some() { None } else { words::priority(&texts) };
    let (effective, by_keyword) = effective_priority(priority.is_some().then_some(given), said, given);
    Ok(Event::Created(Created {
        title: title.clone(),
        description: description.clone(),
        priority: effective,
        by_keyword,
        position,
        category,
        zone,
        by: env.caller().subject.to_string(),
        source,
        at: env.occurred_at,
    }))
}

/// The more urgent of what was given and what the texts say, and whether the texts decided.
fn effective_priority(given: Option<Priority>, said: Option<Priority>, default: Priority) -> (Priority, bool) {
    match (given, said) {
        (Some(given), Some(said)) => (given.or_more_urgent(said), said < given),
        (None, Some(said)) => (said, true),
        (_, None) => (default, false),
    }
}

fn update(incident: &Incident, command: &Command, at: Timestamp) -> Result<Event, Rejection> {
    let Command::Update { title, description, priority, category, latitude, longitude } = command else {
        return Err(Rejection::NoChange);
    };
    let mut check = Check::default();
    let position = match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => check.position(*latitude, *longitude),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            check.fault("latitude", "invalid_position", "it must come with a longitude, or neither");
            None
        }
    };
    let updated = Updated {
        title: title.as_deref().map(|text| check_title(&mut check, text)),
        description: description.as_deref().map(|text| check_description(&mut check, text)),
        priority: priority.and_then(|priority| check_priority(&mut check, priority)),
        category: category.as_deref().map(|text| check_category(&mut check, text)),
        position,
        at,
    };
    check.finish()?;
    if updated == (Updated { at, ..Updated::default() }) {
        let mut check = Check::default();
        check.fault("title", "missing_field", "something must be there to change");
        check.finish()?;
    }
    if updated.clone().applied_to(incident.clone()) == (Incident { updated_at: at, ..incident.clone() }) {
        return Err(Rejection::NoChange);
    }
    Ok(Event::Updated(updated))
}

impl Updated {
    /// The incident with what changed.
    pub(crate) fn applied_to(self, incident: Incident) -> Incident {
        Incident {
            title: self.title.unwrap_or(incident.title),
            description: self.description.unwrap_or(incident.description),
            priority: self.priority.unwrap_or(incident.priority),
            category: self.category.unwrap_or(incident.category),
            position: self.position.unwrap_or(incident.position),
            updated_at: self.at,
            ..incident
        }
    }
}

fn remark(text: &str, env: &DecideEnv<'_>) -> Result<Event, Rejection> {
    let mut check = Check::default();
    let text = check.text("text", text, REMARK_CHARS_MAX, "it must have 1 to 2000 characters and no control characters");
    check.finish()?;
    Ok(Event::Remarked(Remarked { text, by: env.caller().subject.to_string(), at: env.occurred_at }))
}

fn transition(incident: &Incident, to: Status, at: Timestamp) -> Result<Event, Rejection> {
    let from = incident.status;
    if !from.targets().contains(&to) {
        return Err(Rejection::InvalidTransition { from, to });
    }
    let arrival = if to == Status::OnScene { first_arrival(incident) } else { None };
    Ok(Event::Transitioned(Transitioned { from, to, at, arrival }))
}

/// What the response is judged by, if units were sent and none is known to have come.
pub(super) fn first_arrival(incident: &Incident) -> Option<Arrival> {
    let dispatched_at = incident.dispatched_at.filter(|_| !incident.reached)?;
    Some(Arrival { priority: incident.priority, dispatched_at, zone: incident.zone.clone() })
}

/// From resolved, reported and triaged (decision D19).
fn close(incident: &Incident, at: Timestamp) -> Result<Option<Event>, Rejection> {
    let from = incident.status;
    match from {
        Status::Closed => Ok(None),
        Status::Merged => Err(Rejection::TerminalIncident),
        _ if incident.archived => Err(Rejection::TerminalIncident),
        _ if !from.targets().contains(&Status::Closed) => Err(Rejection::MustResolveFirst(from)),
        _ if !incident.merging.is_empty() => Err(Rejection::MergePending),
        _ => Ok(Some(Event::Closed(Closed { from, units: incident.units.clone(), reported: false, at }))),
    }
}

fn archive(incident: &Incident, at: Timestamp) -> Result<Option<Event>, Rejection> {
    if incident.archived {
        return Ok(None);
    }
    if !incident.merging.is_empty() {
        return Err(Rejection::MergePending);
    }
    Ok(Some(Event::Archived(Archived { units: incident.units.clone(), at })))
}
