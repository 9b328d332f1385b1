//! How an event changes an assignment: total over lawful pairs, loud about all others (the invariants of `mod.rs`).

use crate::assignment::KIND;
use crate::assignment::event::{AttachAsked, Begun, Completed, Event, Undone, UnitSkipped};
use crate::assignment::state::{Asking, Outcome, Skipped, State, Taken};
use ionveil_kernel::{BrokenInvariant, EntityId};

type Evolved = Result<State, BrokenInvariant>;

fn broken<T>(number: u16, detail: &str) -> Result<T, BrokenInvariant> {
    Err(BrokenInvariant { kind: KIND, number, detail: detail.to_owned() })
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Evolved {
    match (state, event) {
        (State::Absent, Event::Begun(event)) => Ok(begun(event)),
        (State::Absent, Event::Reported(event)) => Ok(State::Reported(Box::new(event.clone()))),
        (State::Absent, _) => broken(1, "the assignment never began"),
        (_, Event::Begun(_) | Event::Reported(_)) => broken(1, "the assignment began before"),
        (state, Event::UnitReturned(_)) => Ok(state),
        (State::Asking(asking), Event::UnitTook(event)) => took(*asking, &event.unit),
        (State::Asking(asking), Event::UnitSkipped(event)) => skipped(*asking, event),
        (State::Asking(asking), Event::AttachAsked(event)) => attach_asked(*asking, event),
        (State::Asking(asking), Event::Undone(event)) if asking.asked.is_empty() => {
            let Asking { incident, taken, skipped, .. } = *asking;
            undone(Taken { incident, units: taken, skipped }, event)
        }
        (State::Attaching(taken), Event::Attached(_)) => Ok(State::Numbering(taken)),
        (State::Attaching(taken), Event::Undone(event)) => undone(*taken, event),
        (State::Numbering(taken), Event::Completed(event)) => completed(*taken, event),
        (
            State::Asking(_) | State::Attaching(_) | State::Numbering(_) | State::Ended(_) | State::Reported(_),
            Event::UnitTook(_)
            | Event::UnitSkipped(_)
            | Event::AttachAsked(_)
            | Event::Attached(_)
            | Event::Completed(_)
            | Event::Undone(_),
        ) => broken(3, "steps follow each other"),
    }
}

fn begun(event: &Begun) -> State {
    let asked = event.first().to_vec();
    State::Asking(Box::new(Asking {
        incident: event.incident.clone(),
        replaces: event.replaces.clone(),
        left: event.candidates[asked.len()..].to_vec(),
        asked,
        taken: Vec::new(),
        skipped: Vec::new(),
        due: event.due,
    }))
}

fn answer(asking: &mut Asking, unit: &EntityId) -> Result<(), BrokenInvariant> {
    let Some(place) = asking.asked.iter().position(|asked| asked == unit) else {
        return broken(2, "the unit was not asked, or has answered");
    };
    asking.asked.remove(place);
    Ok(())
}

fn took(mut asking: Asking, unit: &EntityId) -> Evolved {
    answer(&mut asking, unit)?;
    asking.taken.push(unit.clone());
    Ok(State::Asking(Box::new(asking)))
}

fn skipped(mut asking: Asking, UnitSkipped { unit, reason, next, .. }: &UnitSkipped) -> Evolved {
    answer(&mut asking, unit)?;
    asking.skipped.push(Skipped { unit: unit.clone(), reason: *reason });
    if let Some(next) = next {
        if asking.left.first() != Some(next) {
            return broken(2, "the next best is asked");
        }
        asking.left.remove(0);
        asking.asked.push(next.clone());
    }
    Ok(State::Asking(Box::new(asking)))
}

fn attach_asked(asking: Asking, event: &AttachAsked) -> Evolved {
    if !asking.asked.is_empty() || asking.taken != event.units || event.units.is_empty() {
        return broken(3, "the incident is asked when all units have answered");
    }
    let Asking { incident, taken, skipped, .. } = asking;
    Ok(State::Attaching(Box::new(Taken { incident, units: taken, skipped })))
}

fn undone(taken: Taken, event: &Undone) -> Evolved {
    if !event.release.iter().eq(taken.units.iter().rev()) {
        return broken(4, "what was taken is released, the last first");
    }
    let Taken { incident, skipped, .. } = taken;
    Ok(State::Ended(Box::new(Outcome { incident, end: Err(event.failed), assigned: Vec::new(), skipped })))
}

fn completed(taken: Taken, event: &Completed) -> Evolved {
    if event.units != taken.units {
        return broken(3, "what was taken is assigned");
    }
    let Taken { incident, units, skipped } = taken;
    Ok(State::Ended(Box::new(Outcome { incident, end: Ok(event.number), assigned: units, skipped })))
}
