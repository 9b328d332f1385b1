//! The desk: one entity for each organisation, `desk:<org>:<name>`, that numbers its dispatches from 1 without gaps or repeats
//! (trap T65). A number is asked for when an assignment cannot fail any more, so that none is lost.
//!
//! # Invariants
//! 1. Numbers go up by one from 1.

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, StreamId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The kind of entity.
pub const KIND: &str = "desk";
/// So many of the latest assignments are known by the desk itself, for repeats. Older repeats are known by their receipts.
const LATEST_MAX: usize = 256;

/// What can be asked of a desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Gives an assignment its number; a repeat changes nothing.
    Issue {
        /// The assignment.
        assignment: EntityId,
    },
}

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// An assignment has its number.
        NumberIssued = "number_issued" v 1,
    }
}

/// Payload of [`Event::NumberIssued`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberIssued {
    /// The number.
    pub number: u64,
    /// The assignment.
    pub assignment: EntityId,
}

/// Where a desk stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The last number that was issued; 0: none.
    pub last: u64,
    /// The latest assignments, oldest first.
    latest: VecDeque<EntityId>,
}

/// A desk refuses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match *self {}
    }
}

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Desk;

impl Decider for Desk {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        let Command::Issue { assignment } = command;
        if state.latest.contains(assignment) {
            return Ok(Vec::new());
        }
        Ok(vec![((), Event::NumberIssued(NumberIssued { number: state.last + 1, assignment: assignment.clone() }))])
    }

    fn evolve(&self, mut state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        let Event::NumberIssued(NumberIssued { number, assignment }) = event;
        if *number != state.last + 1 {
            return Err(BrokenInvariant { kind: KIND, number: 1, detail: format!("number {number} follows {}", state.last) });
        }
        state.last = *number;
        state.latest.push_back(assignment.clone());
        if state.latest.len() > LATEST_MAX {
            state.latest.pop_front();
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Desk, Event, NumberIssued};
    use ionveil_kernel::testkit::given;
    use ionveil_kernel::{Decider, EntityId};

    fn issued(number: u64, assignment: &str) -> ((), Event) {
        ((), Event::NumberIssued(NumberIssued { number, assignment: EntityId::new(assignment).unwrap() }))
    }

    fn issue(assignment: &str) -> Command {
        Command::Issue { assignment: EntityId::new(assignment).unwrap() }
    }

    #[test]
    fn numbers_have_no_gap_and_no_repeat() {
        let past = || [issued(1, "a"), issued(2, "b")];
        given(Desk, []).when(issue("a")).then([issued(1, "a")]);
        assert_eq!(given(Desk, past()).when(issue("c")).then([issued(3, "c")]).last, 3);
        given(Desk, past()).when(issue("a")).then([]);
        let skipped = Desk.evolve(super::State::default(), &(), &issued(2, "a").1);
        assert_eq!(skipped.unwrap_err().number, 1);
    }

    #[test]
    fn stored_forms_load() {
        ionveil_kernel::testkit::golden(
            concat!(env!("CARGO_MANIFEST_DIR"), "/golden/desk"),
            Event::TYPES,
            &[("number_issued.v1", issued(7, "a-1").1)],
        );
        ionveil_kernel::testkit::unreadable::<Event>(Event::TYPES, &[]);
    }
}
