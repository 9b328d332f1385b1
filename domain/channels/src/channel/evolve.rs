//! How an event changes a channel: total over lawful pairs, and loud about all others (the invariants of `lib.rs`).

use super::event::{Event, OutcomeRecorded};
use super::state::{Live, State};
use crate::breaker::{Change, Forced, Probe};
use ionveil_kernel::BrokenInvariant;

/// A state, or why the event cannot follow.
type Evolved = Result<State, BrokenInvariant>;

fn broken(number: u16, detail: impl Into<String>) -> BrokenInvariant {
    BrokenInvariant { kind: super::KIND, number, detail: detail.into() }
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Evolved {
    match (state, event) {
        (State::Absent, Event::Created(event)) => Ok(State::Live(Live::new(event.setup.clone()))),
        (State::Absent, _) => Err(broken(1, "it is not there")),
        (State::Live(_), Event::Created(_)) => Err(broken(1, "it is there already")),
        (State::Live(_), Event::Deleted(_)) => Ok(State::Absent),
        (State::Live(live), event) => live.evolve(event).map(State::Live),
    }
}

impl Live {
    fn evolve(mut self, event: &Event) -> Result<Self, BrokenInvariant> {
        match event {
            Event::Created(_) | Event::Deleted(_) => return Err(broken(1, "it is there")),
            Event::Changed(event) => self.setup = event.setup.clone(),
            Event::Blocked(event) => self.blocked = Some(event.clone()),
            Event::Unblocked(_) => self.blocked = None,
            Event::BreakerForced(event) => self.apply(&Change::Forced(Forced { mode: event.mode, until: event.until }), 2)?,
            Event::BreakerReleased(_) => self.apply(&Change::Released, 2)?,
            Event::BreakerTransitioned(event) => self.apply(&Change::Transitioned(event.transition.clone()), 2)?,
            Event::BreakerCleared(_) => self.apply(&Change::Cleared, 2)?,
            Event::ProbeAdmitted(event) => self.apply(&Change::Admitted(Probe { by: event.attempt.clone(), at: event.at }), 3)?,
            Event::OutcomeRecorded(event) => self.take_in(event)?,
        }
        Ok(self)
    }

    fn take_in(&mut self, event: &OutcomeRecorded) -> Result<(), BrokenInvariant> {
        self.reliability = event.reliability;
        self.latency_ms = event.latency_ms.or(self.latency_ms);
        self.skip_until = event.skip_until.or(self.skip_until);
        event.change.as_ref().map_or(Ok(()), |change| self.apply(change, 2))
    }

    fn apply(&mut self, change: &Change, number: u16) -> Result<(), BrokenInvariant> {
        let setup = self.setup.clone();
        let follows = self.breaker.apply(&setup.breaker, change);
        if follows { Ok(()) } else { Err(broken(number, format!("{change:?} cannot follow {}", self.breaker.name()))) }
    }
}
