//! How an event changes the state: total over lawful pairs, and loud about all others (the invariants of `mod.rs`).

use super::event::{Completed, Created, Event, Failed, Started};
use super::state::{Live, Phase, State};
use ionveil_kernel::BrokenInvariant;
use std::sync::Arc;

fn broken<T>(number: u16, detail: &str) -> Result<T, BrokenInvariant> {
    Err(BrokenInvariant { kind: super::KIND, number, detail: detail.to_owned() })
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Result<State, BrokenInvariant> {
    match (state, event) {
        (State::Absent, Event::Created(setup)) => Ok(created(setup)),
        (State::Absent, Event::Started(_) | Event::Completed(_) | Event::Failed(_) | Event::Cancelled(_)) => {
            broken(1, "the first event must be created")
        }
        (State::Live(_), Event::Created(_)) => broken(2, "the simulation was created before"),
        (State::Live(live), Event::Started(event)) => live.started(*event).map(State::Live),
        (State::Live(live), Event::Completed(event)) => live.completed(event).map(State::Live),
        (State::Live(live), Event::Failed(event)) => live.failed(event).map(State::Live),
        (State::Live(live), Event::Cancelled(_)) => live.cancelled().map(State::Live),
    }
}

fn created(setup: &Created) -> State {
    State::Live(Live { setup: Arc::new(setup.clone()), phase: Phase::Pending })
}

impl Live {
    fn started(self, event: Started) -> Result<Self, BrokenInvariant> {
        match (&self.phase, event.restarted) {
            (Phase::Pending, false) | (Phase::Running, true) => Ok(Self { phase: Phase::Running, ..self }),
            _ => broken(3, "started does not follow"),
        }
    }

    fn completed(self, event: &Completed) -> Result<Self, BrokenInvariant> {
        match self.phase {
            Phase::Running if !self.owns(&event.outcome) => broken(6, "the outcome is another simulation's"),
            Phase::Running => Ok(Self { phase: Phase::Completed(event.outcome.clone()), ..self }),
            _ => broken(4, "completed does not follow started"),
        }
    }

    fn failed(self, event: &Failed) -> Result<Self, BrokenInvariant> {
        match self.phase {
            Phase::Running => Ok(Self { phase: Phase::Failed(event.error.clone()), ..self }),
            _ => broken(4, "failed does not follow started"),
        }
    }

    fn cancelled(self) -> Result<Self, BrokenInvariant> {
        match self.phase {
            Phase::Pending | Phase::Running => Ok(Self { phase: Phase::Cancelled, ..self }),
            Phase::Completed(_) | Phase::Failed(_) | Phase::Cancelled => broken(5, "the simulation had ended before"),
        }
    }
}
