//! Units (specification of IonVeil §4.3, §4.4): one entity each, `unit:<org>:<id>`. It alone says whether it can be taken, so
//! that nobody takes it twice (trap T71).
//!
//! A unit is taken by an assignment in two steps: it is *reserved* when it is asked, and *engaged* when the assignment is
//! certain. Between the two, which takes moments, only the assignment and its incident may let it go. Whoever asks gets an
//! event as an answer, also a refusal: a question from another entity is never left open.
//!
//! | from | by hand to |
//! |---|---|
//! | available | out_of_service |
//! | dispatched | en_route, on_scene, returning, available, out_of_service |
//! | en_route | on_scene, returning, available, out_of_service |
//! | on_scene | returning, available, out_of_service |
//! | returning | available, out_of_service |
//! | out_of_service | available |
//!
//! Whoever goes to returning, available or out_of_service leaves the incident. The specification has no table for units;
//! stages may be passed over, because crews report late. Who was dispatched and is on scene has been on the way: that is two
//! events, so that whoever follows the unit stage by stage (its workflow) is told each in its order.
//!
//! What another system reported of a unit's work is taken in as it was, also work on two incidents at once: the one that began
//! last is shown. It never touches what an assignment of ours holds, and ends with the report of its end or by hand.
//!
//! # Invariants
//! 1. The first event but refusals is `registered`, and no other is.
//! 2. A unit that is reserved was available.
//! 3. What is confirmed, released or redirected is the assignment that the unit is on.
//! 4. A change of status starts from the present one and follows the table.
//! 5. What was reported overlaps exactly the assignment that the unit is on.

mod available;
mod certificate;
mod command;
mod decide;
mod event;
mod evolve;
mod reject;
mod reported;
mod state;

#[cfg(test)]
mod tests;

pub use available::{Capacity, CertificateDue, RADIUS_KM_DEFAULT, Wanted, capacity, expiring, find_available, suitability};
pub use certificate::Certificate;
pub use command::{Command, Releaser};
pub use event::{
    Assigned, AssignmentConfirmed, AssignmentDeclined, Certified, DeclineReason, DutyChanged, Event, Moved, RedirectDeclined, Redirected,
    Registered, Released, StatusChanged, Updated, WorkReported,
};
pub use ionveil_kernel::{InvalidShift, Shift, Weekday};
pub use reject::Rejection;
pub use state::{Availability, Duty, Phase, State, Unit};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, StreamId};

/// The kind of entity.
pub const KIND: &str = "unit";

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Units;

impl Decider for Units {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 3;
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
        let event = decide::decide(state, command, env)?;
        Ok(event.into_iter().flat_map(decide::stage_by_stage).map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, event)
    }
}
