//! Workflows: one generic, event-sourced engine, and state machines as data.
//!
//! A workflow is one entity with one stream, `workflow:<org>:<id>`. Its first event carries its law (a built-in machine
//! by name, a user's machine in full), so that it lives on under it whatever becomes of the configuration. Its state is
//! a stack: moves push, a rollback pops and is itself recorded, a repair replaces the whole stack.
//!
//! | to read | file |
//! |---|---|
//! | machines: written, checked, resolved, catalogued | `definition.rs`, `validate.rs`, `machine.rs`, `catalog.rs` |
//! | what can be asked, what can happen, what is known | `command.rs`, `event.rs`, `state.rs`, `attributes.rs` |
//! | what follows from what | `decide.rs`, `reject.rs`, `evolve.rs` |
//! | what the policy in force stops | `policy.rs` |
//! | ways through a table | `path.rs` |
//! | states of the past, and logs compared | `fold.rs`, `replay.rs` |
//! | what the list shows | `view.rs` |
//! | workflows of other systems | `dump.rs`, `migrate.rs` |
//!
//! # Invariants
//! `evolve` names them by number when a stored history breaks one.
//! 1. The first event is `registered` or `cloned`.
//! 2. No other event is.
//! 3. The first event names a built-in machine, or carries a sound definition.
//! 4. Every state that an event names is in the machine's table.
//! 5. `from` is the present state.
//! 6. Moves, and the step of `step_started`, follow an edge from the present state; so nothing moves out of a terminal
//!    state.
//! 7. `step_completed` leads to the step's state, `step_failed` to `failed`, `cancelled` to `cancelled` (`aborted` in a
//!    machine that has no `cancelled`).
//! 8. A rollback leads to the state below the present one on the stack, and never out of a terminal state.
//! 9. The stack that a clone takes over has a state, and each follows the one below it along an edge.
//!
//! Architecture invariant: no time, no I/O, no randomness; nothing here depends on another context.

mod attributes;
mod catalog;
mod command;
mod decide;
mod definition;
mod dump;
mod event;
mod evolve;
mod fold;
mod machine;
pub mod migrate;
mod path;
mod policy;
mod reject;
pub mod replay;
mod state;
mod validate;
pub mod view;

#[cfg(test)]
mod tests;

pub use attributes::{ATTRIBUTES_MAX, AttributeFault, AttributeFaultKind, Attributes, KEY_PATTERN, Scalar, TEXT_BYTES_MAX};
pub use catalog::Machines;
pub use command::{Command, StepOutcome};
pub use definition::{EDGES_MAX, MachineDefinition, NAME_PATTERN, STATES_MAX, StateDefinition};
pub use event::{Cancelled, Cloned, Event, Reconciled, Registered, RolledBack, StepCompleted, StepFailed, StepStarted, Transitioned};
pub use fold::{FoldError, Moment, fold, ordered, state_at};
pub use machine::Machine;
pub use path::{PathFault, path, validate_path};
pub use policy::{AGENCY, InForce, ZONE};
pub use reject::{CLONE_STACK_MAX, Fault, Faults, REASON_CHARS_MAX, Rejection, RejectionClass};
pub use state::{Live, State, Summary};
pub use validate::{MachineFault, MachineFaultKind};

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, StreamId};
use std::sync::Arc;

/// The kind of entity, first word of the streams' names.
pub const KIND: &str = "workflow";

/// The decider.
#[derive(Clone, Debug, Default)]
pub struct Workflow {
    machines: Arc<Machines>,
}

impl Workflow {
    /// A decider that registers workflows with the machines of this catalogue.
    #[must_use]
    pub const fn new(machines: Arc<Machines>) -> Self {
        Self { machines }
    }

    /// The catalogue.
    #[must_use]
    pub const fn machines(&self) -> &Arc<Machines> {
        &self.machines
    }
}

impl Decider for Workflow {
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
        decide::decide(&self.machines, state, command, policy::obeyed(env)).map(|event| vec![((), event)])
    }

    fn scope(&self, _owner: &StreamId, state: &State, command: &Command) -> Option<Vec<EntityId>> {
        policy::scope(state, command)
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(&self.machines, state, event)
    }
}
