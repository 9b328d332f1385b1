//! Incidents (specification of IonVeil §4.2): one entity each, `incident:<org>:<id>`, from the first report to its end.
//!
//! | from | to |
//! |---|---|
//! | reported | triaged, closed |
//! | triaged | dispatched, closed |
//! | dispatched | en_route, triaged |
//! | en_route | on_scene, dispatched |
//! | on_scene | mitigated, resolved |
//! | mitigated | resolved, on_scene |
//! | resolved | closed, on_scene |
//! | closed, merged | terminal |
//!
//! Units come by an assignment and go by it, by hand, or with the incident's end. Two incidents are merged in steps, each
//! answered by an event: the primary begins, the secondary joins or declines, the primary absorbs it or ends the attempt. An
//! incident in the middle of that neither ends nor joins another, so that no two can swallow each other.
//!
//! Title, description and remarks are for what happens, not to whom; what people write into them all the same is handled as
//! `docs/adr/0002` says.
//!
//! # Invariants
//! 1. The first event but refusals is `created`, and no other is.
//! 2. A move starts from the present status and follows the table.
//! 3. What has ended, by a close, a merge or the archive, only hears of units that leave and of attempts in vain.
//! 4. An incident is absorbed, or an attempt ended, that was begun.
//! 5. A unit that leaves is there, by that assignment; one that is replaced is there.
//! 6. Who closes, joins another or is archived hands over exactly the units that are there, and is in no merge.
//! 7. What another system reported of units leads the status forward only.

mod command;
mod decide;
mod event;
mod evolve;
mod merge;
mod nearby;
mod reject;
mod reported;
mod state;
pub mod timeline;
mod units;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{
    Absorbed, Archived, Arrival, AttachDeclineReason, AttachDeclined, Closed, Created, Event, JoinDeclineReason, JoinDeclined, MergeBegun,
    MergeEnded, Merged, Remarked, Transitioned, UnitLeft, UnitReported, UnitsAttached, Updated,
};
pub use nearby::{DUPLICATE_METRES, DUPLICATE_MINUTES, possible_duplicates};
pub use reject::{Rejection, RejectionClass};
pub use state::{AssignedUnit, Incident, State, Status};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, StreamId};

/// The kind of entity.
pub const KIND: &str = "incident";

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Incidents;

impl Decider for Incidents {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 3;
    const REDUCER: u32 = 3;

    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, id: &StreamId) -> State {
        State::Absent { id: id.id.clone() }
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        Ok(decide::decide(state, command, env)?.map(|event| ((), event)).into_iter().collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, event)
    }
}
