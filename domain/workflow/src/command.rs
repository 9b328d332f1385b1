//! What can be asked of a workflow.

use crate::definition::MachineDefinition;
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A wish. Its serde form is tagged with [`Self::command_type`] in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Starts a workflow.
    Register {
        /// The name of a machine in the catalogue.
        machine: String,
        /// Where to start, any state of the machine, also a terminal one; default: the machine's initial state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        initial_state: Option<String>,
        /// What to keep with it, unchecked.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, Value>,
    },
    /// Moves along an edge.
    Transition {
        /// The state to move to.
        to: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Reports on a step: the work that leads to the state of the same name. A step need not be reported as started
    /// before it is completed or failed, and may be started again.
    Step {
        /// The state that the step leads to.
        step: String,
        /// What became of it.
        outcome: StepOutcome,
        /// Why; kept with a failure only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Goes back to the state before; repeated, further back.
    Rollback {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Moves to `cancelled` (`aborted` in a machine that has no `cancelled`) along an edge of the table.
    Cancel {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Starts a workflow as a copy of another. Sent to the copy; made by
    /// [`State::clone_command`](crate::State::clone_command) from the source's committed state.
    Clone {
        /// The id of the source, in the same organisation.
        source: EntityId,
        /// The version of the source that was copied.
        source_version: u64,
        /// The name of the source's machine.
        machine: String,
        /// Its law, if it is not built in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        definition: Option<MachineDefinition>,
        /// The source's states, oldest first; the last is the present one.
        stack: Vec<String>,
        /// The source's attributes.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, Value>,
    },
    /// Forces any state of the machine, and forgets the way there. For repairs and migrations.
    Reconcile {
        /// The state to be in.
        to: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It is under way; the state stays.
    Started,
    /// It is done: the workflow moves to the step's state.
    Completed,
    /// It failed: the workflow moves to `failed`.
    Failed,
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Transition { .. } => "transition",
            Self::Step { .. } => "step",
            Self::Rollback { .. } => "rollback",
            Self::Cancel { .. } => "cancel",
            Self::Clone { .. } => "clone",
            Self::Reconcile { .. } => "reconcile",
        }
    }
}
