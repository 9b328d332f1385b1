//! What a command leads to: the answer taken in, and the next step if it was the last that was waited for.

use crate::assignment::command::Command;
use crate::assignment::event::Reported;
use crate::assignment::event::{AttachAsked, Attached, Begun, Completed, Event, Step, Undone, UnitReturned, UnitSkipped, UnitTook};
use crate::assignment::reject::Rejection;
use crate::assignment::state::{Asking, State};
use crate::assignment::{ANSWER_WITHIN, CANDIDATES_MAX};
use crate::fault::Check;
use crate::report::check_source;
use crate::unit::DeclineReason;
use ionveil_kernel::{DecideEnv, EntityId};
use std::collections::BTreeSet;

pub(crate) fn decide(state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (State::Absent, Command::Begin { incident, zone, candidates, wanted, replaces }) => {
            check(candidates, *wanted, env)?;
            Ok(vec![Event::Begun(Begun {
                incident: incident.clone(),
                zone: zone.clone(),
                candidates: candidates.clone(),
                wanted: (*wanted).min(candidates.len()),
                replaces: replaces.clone(),
                due: env.now.after(ANSWER_WITHIN),
            })])
        }
        (State::Absent, Command::Report { incident, unit, source }) => report(incident, unit, source).map(|event| vec![event]),
        (State::Absent, _) => Err(Rejection::EntityNotFound),
        (_, Command::Begin { .. } | Command::Report { .. }) => Err(Rejection::DuplicateEntity),
        (State::Asking(asking), Command::UnitTook { unit }) => Ok(took(asking, unit)),
        (State::Asking(asking), Command::UnitDeclined { unit, reason }) => Ok(declined(asking, unit, *reason)),
        (State::Asking(asking), Command::GiveUp { due }) => Ok(if *due == asking.due { give_up(asking) } else { Vec::new() }),
        (State::Attaching(taken) | State::Numbering(taken), Command::UnitTook { unit }) => Ok(late(&taken.units, unit)),
        (State::Ended(outcome), Command::UnitTook { unit }) => Ok(late(&outcome.assigned, unit)),
        (State::Attaching(taken), Command::IncidentAttached) => Ok(vec![Event::Attached(Attached { incident: taken.incident.clone() })]),
        (State::Attaching(taken), Command::IncidentDeclined { reason }) => Ok(vec![undone(Step::Attach(*reason), &taken.units)]),
        (State::Numbering(taken), Command::Numbered { number }) => {
            let (incident, units) = (taken.incident.clone(), taken.units.clone());
            Ok(vec![Event::Completed(Completed { number: *number, incident, units })])
        }
        // Repeats, and answers that nobody waits for any more.
        (State::Asking(_) | State::Attaching(_) | State::Numbering(_) | State::Ended(_) | State::Reported(_), _) => Ok(Vec::new()),
    }
}

/// Policy has no say in what was.
fn report(incident: &EntityId, unit: &EntityId, source: &str) -> Result<Event, Rejection> {
    let mut check = Check::default();
    let source = check_source(&mut check, source);
    check.finish()?;
    Ok(Event::Reported(Reported { incident: incident.clone(), unit: unit.clone(), source }))
}

fn check(candidates: &[EntityId], wanted: usize, env: &DecideEnv<'_>) -> Result<(), Rejection> {
    if candidates.is_empty() || candidates.len() > CANDIDATES_MAX {
        return Err(Rejection::InvalidCandidates);
    }
    if candidates.iter().collect::<BTreeSet<_>>().len() < candidates.len() {
        return Err(Rejection::DuplicateUnit);
    }
    if wanted == 0 {
        return Err(Rejection::InvalidWanted);
    }
    env.policy.halt().map_or(Ok(()), |halt| Err(Rejection::PolicyHalted(halt)))
}

fn took(asking: &Asking, unit: &EntityId) -> Vec<Event> {
    if !asking.asked.contains(unit) {
        return late(&asking.taken, unit);
    }
    let mut taken = asking.taken.clone();
    taken.push(unit.clone());
    let event = Event::UnitTook(UnitTook { unit: unit.clone() });
    std::iter::once(event).chain(next_step(asking, asking.asked.len() - 1, &taken)).collect()
}

/// A unit that took the assignment when nobody asked it any more; one that has it already repeats itself.
fn late(taken: &[EntityId], unit: &EntityId) -> Vec<Event> {
    if taken.contains(unit) { Vec::new() } else { vec![Event::UnitReturned(UnitReturned { unit: unit.clone() })] }
}

fn skipped(asking: &Asking, unit: &EntityId, reason: DeclineReason, next: Option<EntityId>) -> Event {
    Event::UnitSkipped(UnitSkipped { unit: unit.clone(), reason, next, incident: asking.incident.clone() })
}

fn declined(asking: &Asking, unit: &EntityId, reason: DeclineReason) -> Vec<Event> {
    if !asking.asked.contains(unit) {
        return Vec::new();
    }
    let next = asking.left.first().cloned();
    let waiting = asking.asked.len() - 1 + usize::from(next.is_some());
    let event = skipped(asking, unit, reason, next);
    std::iter::once(event).chain(next_step(asking, waiting, &asking.taken)).collect()
}

/// Whoever has not answered is passed over, and nobody else is asked: the dispatcher waits.
fn give_up(asking: &Asking) -> Vec<Event> {
    let silent = asking.asked.iter().map(|unit| skipped(asking, unit, DeclineReason::NoAnswer, None));
    silent.chain(next_step(asking, 0, &asking.taken)).collect()
}

/// The next step, once nobody is waited for.
fn next_step(asking: &Asking, waiting: usize, taken: &[EntityId]) -> Option<Event> {
    match (waiting, taken) {
        (0, []) => Some(undone(Step::Reserve, taken)),
        (0, units) => {
            let (incident, replaces) = (asking.incident.clone(), asking.replaces.clone());
            Some(Event::AttachAsked(AttachAsked { incident, units: units.to_vec(), replaces }))
        }
        (_, _) => None,
    }
}

fn undone(failed: Step, taken: &[EntityId]) -> Event {
    Event::Undone(Undone { failed, release: taken.iter().rev().cloned().collect() })
}
