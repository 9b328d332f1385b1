//! How an event changes an engine: total over lawful pairs, and loud about all others (the invariants of `lib.rs`).

use crate::engine::State;
use crate::engine::event::{AlertCleared, AlertRaised, Deescalated, Escalated, Event, OutcomeRecorded, Reset};
use crate::level;
use ionveil_kernel::{BrokenInvariant, PolicyLevel, Timestamp};

/// A state, or why the event cannot follow.
type Evolved = Result<State, BrokenInvariant>;

fn broken(number: u16, detail: String) -> Evolved {
    Err(BrokenInvariant { kind: super::KIND, number, detail })
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Evolved {
    match event {
        Event::OutcomeRecorded(event) => recorded(state, event),
        Event::Escalated(Escalated { from, to, at, .. }) => stepped(state, *from, *to, 1, *at),
        Event::Deescalated(Deescalated { from, to, at, .. }) => stepped(state, *from, *to, -1, *at),
        Event::Reset(event) => reset(state, event),
        Event::AlertRaised(AlertRaised { level, .. }) => alerted(state, *level),
        Event::AlertCleared(AlertCleared { from: _ }) => alerted(state, PolicyLevel::Normal),
    }
}

fn recorded(state: State, OutcomeRecorded { success, streak, burst, .. }: &OutcomeRecorded) -> Evolved {
    if (if *success { *burst } else { *streak }) != 0 {
        return broken(4, format!("a success of {success} leaves a streak of {streak} and a burst of {burst}"));
    }
    Ok(State { streak: *streak, burst: *burst, outcomes: state.outcomes + 1, ..state })
}

fn stepped(state: State, from: PolicyLevel, to: PolicyLevel, step: isize, at: Timestamp) -> Evolved {
    if state.level != from {
        return broken(1, format!("the engine is on {:?}, not on {from:?}", state.level));
    }
    if level::index(from).checked_add_signed(step) != Some(level::index(to)) {
        return broken(2, format!("no step leads from {from:?} to {to:?}"));
    }
    Ok(State { level: to, since: Some(at), ..state })
}

fn reset(state: State, Reset { level, term, at }: &Reset) -> Evolved {
    if *term <= state.term {
        return broken(3, format!("term {term} comes after term {}", state.term));
    }
    Ok(State { level: *level, streak: 0, burst: 0, since: Some(*at), term: *term, ..state })
}

fn alerted(state: State, level: PolicyLevel) -> Evolved {
    if state.level == level { Ok(state) } else { broken(1, format!("an alert of {level:?} on {:?}", state.level)) }
}
