//! Assignments (specification of IonVeil §4.3, §4.7): the saga that brings units to an incident, one entity each,
//! `assignment:<org>:<id>`. It is a plain decider; what it asks of others is read off its events by
//! [`crate::react`], and their answers come back as commands.
//!
//! | step | who is asked | if it fails |
//! |---|---|---|
//! | 1. reserve | each unit, until so many are taken | it is passed over; without any: undone |
//! | 2. attach | the incident | undone: the units are released, the last one taken first (trap T82) |
//! | 3. number | the organisation's [`desk`](crate::desk) | it cannot |
//! | 4. confirm | each unit, which starts its workflow | they cannot |
//!
//! After step 2 nothing fails any more (an incident that ends just then lets the units go itself), so that a dispatch number is never lost. A crash at any place ends in *done* or
//! *undone*: every question is asked again until it was delivered, every answer is an event. A unit that does not answer in
//! time is passed over; if it takes the assignment after all, it is released.
//!
//! What another system had assigned is recorded with its source (`reported`): nobody is asked, and nothing follows.
//!
//! # Invariants
//! 1. The first event is `begun`, or `reported`, which nothing follows; no other is.
//! 2. An answer is of a unit that was asked and has not answered.
//! 3. Steps follow each other as in the table; nothing follows the end but units that are returned.
//! 4. What is released is what was taken, the last first.

mod command;
mod decide;
mod event;
mod evolve;
mod reject;
mod state;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{AttachAsked, Attached, Begun, Completed, Event, Reported, Step, Undone, UnitReturned, UnitSkipped, UnitTook};
pub use reject::Rejection;
pub use state::{Asking, Outcome, Skipped, State, Taken};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, StreamId, Timer, TimerPolicy, Timestamp};
use std::time::Duration;

/// The kind of entity.
pub const KIND: &str = "assignment";
/// The most units that are asked for one assignment.
pub const CANDIDATES_MAX: usize = 100;
/// How many units are taken, where a dispatcher names none and no number.
pub const UNITS_DEFAULT: usize = 3;
/// How long a unit has to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const ANSWERS: &str = "answers";

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Assignments;

impl Decider for Assignments {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::Absent
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        Ok(decide::decide(state, command, env)?.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, event)
    }

    /// Beginning is subject to the policy of the incident's zone.
    fn scope(&self, _owner: &StreamId, _state: &State, command: &Command) -> Option<Vec<EntityId>> {
        let Command::Begin { zone, .. } = command else { return None };
        Some(zone.iter().cloned().collect())
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        let due = if let State::Asking(asking) = state { Some(asking.due) } else { None };
        due.map(|due| Timer { name: ANSWERS.to_owned(), due, policy: TimerPolicy::FireOnceLate }).into_iter().collect()
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<Command> {
        (name == ANSWERS).then_some(Command::GiveUp { due })
    }
}
