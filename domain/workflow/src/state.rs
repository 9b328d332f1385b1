//! What is known of a workflow: its law, the stack of states that it came through, and the step under way.
//!
//! How events change it is in `evolve.rs`. It keeps no times and no version: the runtime and the journal do.

use crate::attributes::Attributes;
use crate::catalog;
use crate::command::Command;
use crate::definition::MachineDefinition;
use crate::machine::{Machine, StateIndex};
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The phase of a workflow. Cheap to clone but for the stack, two bytes a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub enum State {
    /// Never registered.
    #[default]
    Absent,
    /// Registered or cloned; perhaps in a terminal state.
    Live(Live),
}

/// A workflow that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    pub(crate) machine: Arc<Machine>,
    /// Oldest first; never empty.
    pub(crate) stack: Vec<StateIndex>,
    /// Transitions made, those that were rolled back included.
    pub(crate) step_count: u64,
    pub(crate) in_flight: Option<StateIndex>,
    pub(crate) attributes: Arc<Attributes>,
}

/// What the outside may see of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The name of its machine.
    pub machine: String,
    /// The present state.
    pub state: String,
    /// Whether nothing leads out of it.
    pub terminal: bool,
    /// Transitions made, those that were rolled back included; rollbacks and repairs do not count, and a clone starts
    /// with the length of the way that it took over.
    pub step_count: u64,
    /// The step that was started and neither completed nor failed, if any.
    pub in_flight_step: Option<String>,
    /// What the client keeps with it.
    pub attributes: Arc<Attributes>,
}

impl State {
    /// What the outside may see; none of a workflow that never began: state queries never yield a null state.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let live = self.live()?;
        Some(Summary {
            machine: live.machine.name().to_owned(),
            state: live.present().to_owned(),
            terminal: live.is_terminal(),
            step_count: live.step_count,
            in_flight_step: live.in_flight.map(|step| live.machine.state(step).to_owned()),
            attributes: Arc::clone(&live.attributes),
        })
    }

    /// The workflow, if it has begun.
    #[must_use]
    pub const fn live(&self) -> Option<&Live> {
        match self {
            Self::Absent => None,
            Self::Live(live) => Some(live),
        }
    }

    /// The command that makes a copy of this state, to be sent to the copy; `source` and `source_version` say whose
    /// state and which version this is. None if there is nothing to copy.
    #[must_use]
    pub fn clone_command(&self, source: EntityId, source_version: u64) -> Option<Command> {
        let live = self.live()?;
        Some(Command::Clone {
            source,
            source_version,
            machine: live.machine.name().to_owned(),
            definition: live.machine.embedded().cloned(),
            stack: live.stack().map(str::to_owned).collect(),
            attributes: live.attributes.to_values(),
        })
    }
}

impl Live {
    /// The law that it lives under.
    #[must_use]
    pub const fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// The present state.
    #[must_use]
    pub fn present(&self) -> &str {
        self.machine.state(self.top())
    }

    /// Whether nothing leads out of the present state.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.machine.is_terminal_at(self.top())
    }

    /// The states that it came through and has not been rolled back from, oldest first; the last is the present one.
    pub fn stack(&self) -> impl Iterator<Item = &str> {
        self.stack.iter().map(|state| self.machine.state(*state))
    }

    pub(crate) fn top(&self) -> StateIndex {
        self.stack.last().copied().unwrap_or_default()
    }

    /// The state that a rollback leads to.
    pub(crate) fn below(&self) -> Option<StateIndex> {
        self.stack.len().checked_sub(2).map(|place| self.stack[place])
    }
}

/// The form of a snapshot. States are places in the table, which the snapshot carries too unless it is built in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Stored {
    Absent,
    Live {
        machine: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        definition: Option<MachineDefinition>,
        stack: Vec<StateIndex>,
        step_count: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_flight: Option<StateIndex>,
        #[serde(default, skip_serializing_if = "attributes_are_empty")]
        attributes: Arc<Attributes>,
    },
}

fn attributes_are_empty(attributes: &Arc<Attributes>) -> bool {
    attributes.is_empty()
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        match state {
            State::Absent => Self::Absent,
            State::Live(live) => Self::Live {
                machine: live.machine.name().to_owned(),
                definition: live.machine.embedded().cloned(),
                stack: live.stack,
                step_count: live.step_count,
                in_flight: live.in_flight,
                attributes: live.attributes,
            },
        }
    }
}

impl TryFrom<Stored> for State {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored::Live { machine, definition, stack, step_count, in_flight, attributes } = stored else { return Ok(Self::Absent) };
        let machine = catalog::law(&machine, definition)?;
        let known = |state: &StateIndex| usize::from(*state) < machine.len();
        if stack.is_empty() || !stack.iter().chain(&in_flight).all(known) {
            return Err(format!("the snapshot names states that the machine {:?} does not have", machine.name()));
        }
        Ok(Self::Live(Live { machine, stack, step_count, in_flight, attributes }))
    }
}
